"""``controller.quorum.voters`` and ``.bootstrap.servers``: the nodes that keep the metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from raftkafka.config.endpoints import Endpoint, parse_endpoint
from raftkafka.types import address_text


class Voter(NamedTuple):
    """One voter and where the others reach it."""

    node_id: int
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.node_id}@{address_text(self.host, self.port)}"


def parse_voters(texts: Iterable[str]) -> tuple[Voter, ...]:
    """Read ``id@host:port`` entries.

    Raises:
        ValueError: one is malformed, or a node comes twice.
    """
    voters: dict[int, Voter] = {}
    for text in texts:
        node_id, _, address = text.partition("@")
        if not (node_id.isascii() and node_id.isdigit()):
            raise ValueError(f"{text} does not read id@host:port")
        try:
            endpoint = parse_endpoint(f"VOTER://{address}")
        except ValueError:
            raise ValueError(f"{text} does not read id@host:port, with a port to 65535") from None
        if not endpoint.host:
            raise ValueError(f"{text} names no host")
        if not endpoint.port:
            raise ValueError(f"{text} names no port")
        if int(node_id) in voters:
            raise ValueError(f"node {node_id} comes twice")
        voters[int(node_id)] = Voter(int(node_id), endpoint.host, endpoint.port)
    return tuple(voters.values())


def parse_server(text: str) -> Endpoint:
    """Read a ``host:port`` entry.

    Raises:
        ValueError: it is malformed.
    """
    try:
        endpoint = parse_endpoint(f"SERVER://{text}")
    except ValueError:
        raise ValueError(f"{text} does not read host:port") from None
    if not endpoint.host or "@" in endpoint.host or not endpoint.port:
        raise ValueError(f"{text} does not read host:port")
    return endpoint


def parse_servers(texts: Iterable[str]) -> tuple[str, ...]:
    """Check ``host:port`` entries.

    Raises:
        ValueError: one is malformed.
    """
    servers = tuple(texts)
    for text in servers:
        parse_server(text)
    return servers

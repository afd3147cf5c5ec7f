"""Listeners: ``NAME://host:port`` as text and as values.

Source: Kafka's ``SocketServerConfigs.listenerListToEndPoints`` and ``EndPoint``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from raftkafka.types import address_text

PLAINTEXT = "PLAINTEXT"
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
META_ADDRESSES = ("", "0.0.0.0", "::")
"""Hosts that mean every interface: good to listen on, not to advertise."""

LISTENER = re.compile(r"([^:/]+)://(?:\[([0-9a-fA-F:.%\w]+)\]|([^:/\[\]]*)):(-?[0-9]+)")


class Endpoint(NamedTuple):
    """One listener. An empty host means every interface; port 0 lets the system choose."""

    name: str
    protocol: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.name}://{address_text(self.host, self.port)}"


def parse_endpoint(text: str) -> Endpoint:
    """Read one listener; its protocol is the one of its name until a map says otherwise.

    Raises:
        ValueError: not of the form ``NAME://host:port``.
    """
    match = LISTENER.fullmatch(text)
    if match is None:
        raise ValueError(
            f"Unable to parse {text} to a broker endpoint: a listener reads NAME://host:port, "
            "for example PLAINTEXT://localhost:9092"
        )
    name, bracketed, plain, port = match.groups()
    if not 0 <= int(port) <= 65535:
        raise ValueError(f"Unable to parse {text} to a broker endpoint: no such port")
    name = name.upper()
    return Endpoint(name, name, bracketed if bracketed is not None else plain, int(port))


def parse_endpoints(texts: Iterable[str]) -> tuple[Endpoint, ...]:
    """Read a list of listeners.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(parse_endpoint(text) for text in texts)


def parse_map(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``key:value,key:value``; of IPv6 keys, the last colon separates.

    Raises:
        ValueError: an entry has no colon, or a key comes twice.
    """
    pairs: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key, colon, value = entry.rpartition(":")
        if not colon:
            raise ValueError(f"{entry} does not read key:value")
        if key.strip() in pairs:
            raise ValueError(f"{key.strip()} comes twice")
        pairs[key.strip()] = value.strip()
    return tuple(pairs.items())


def parse_protocol_map(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``listener.security.protocol.map``.

    Raises:
        ValueError: an entry is malformed, or names no security protocol.
    """
    pairs = parse_map(text)
    for name, protocol in pairs:
        if protocol.upper() not in PROTOCOLS:
            raise ValueError(f"{name}: {protocol} is none of {', '.join(PROTOCOLS)}")
    return tuple((name.upper(), protocol.upper()) for name, protocol in pairs)


def parse_ip_limits(text: str) -> tuple[tuple[str, int], ...]:
    """Read ``max.connections.per.ip.overrides``: addresses or host names, and their limits.

    Raises:
        ValueError: an entry is malformed, or its limit no number ≥ 0.
    """
    limits: list[tuple[str, int]] = []
    for address, limit in parse_map(text):
        if not (limit.isascii() and limit.isdigit()):
            raise ValueError(f"{address}: {limit} is no number of connections")
        limits.append((address.strip("[]"), int(limit)))
    return tuple(limits)


def advertise(
    advertised: Iterable[Endpoint], bound_ports: Mapping[str, int], host_name: Callable[[], str]
) -> tuple[Endpoint, ...]:
    """Return what clients are told: this host's name for an empty host, for port 0 the real one.

    Args:
        advertised: the configured addresses.
        bound_ports: the port that each listener, by name, really has.
        host_name: asks the system for a name of this host that clients can resolve; only
            called when it is needed.
    """
    told: list[Endpoint] = []
    for endpoint in advertised:
        host = host_name() if endpoint.host in META_ADDRESSES else endpoint.host
        port = endpoint.port or bound_ports[endpoint.name]
        told.append(endpoint._replace(host=host, port=port))
    return tuple(told)

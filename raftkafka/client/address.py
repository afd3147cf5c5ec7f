"""Where brokers are, as people type it: ``host:port,host:port``."""

from __future__ import annotations

from typing import NamedTuple

from raftkafka.client.errors import ClientError
from raftkafka.types import address_text

DEFAULT_PORT = 9092


class Address(NamedTuple):
    """One broker's host and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return address_text(self.host, self.port)


LOCAL = (Address("localhost", DEFAULT_PORT),)


def parse_addresses(text: str, *, default_port: int | None = DEFAULT_PORT) -> tuple[Address, ...]:
    """Read a list of brokers; a security protocol before an address (``PLAINTEXT://``) is cut.

    Args:
        text: comma separated; IPv6 in brackets.
        default_port: where an entry has none; None requires one.

    Raises:
        ClientError: it is no such list.
    """
    entries = [entry.strip() for entry in text.split(",")]
    addresses = [_parse(entry, default_port) for entry in entries if entry]
    if not addresses:
        raise ClientError(f"no broker in {text!r}", hint="write host:port")
    return tuple(addresses)


def _parse(entry: str, default_port: int | None) -> Address:
    rest = entry.rpartition("://")[2]
    if rest.startswith("["):
        host, closed, rest = rest[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        host = host if closed else ""
    else:
        host, colon, port = rest.partition(":")
    if not host or (colon and (colon != ":" or not port.isdecimal())):
        raise ClientError(f"{entry!r} is no host:port")
    if not colon:
        if default_port is None:
            raise ClientError(f"{entry!r} has no port", hint=f"write {entry}:{DEFAULT_PORT}")
        return Address(host, default_port)
    if not 0 < int(port) < 65536:
        raise ClientError(f"{entry!r}: no such port")
    return Address(host, int(port))

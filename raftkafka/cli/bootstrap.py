"""Which brokers a command talks to: the addresses that it was given, or a running broker's."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from raftkafka.client.address import DEFAULT_PORT, Address, parse_addresses
from raftkafka.client.errors import ClientError

ANYWHERE = frozenset({"", "0.0.0.0", "::", "[::]"})
"""Hosts of a listener that is bound to all of a machine's addresses."""


def zookeeper_to_broker(connect: str, say: Callable[[str], None]) -> tuple[Address, ...]:
    """Find the broker that ``--zookeeper HOST:PORT[/CHROOT]`` is meant for.

    On this host that is a running broker of this user, else the one on port 9092.

    Args:
        connect: a ZooKeeper connect string; the first host counts.
        say: takes the one hint for the user.

    Raises:
        ClientError: it is no connect string.
    """
    hosts = connect.partition("/")[0]
    host = parse_addresses(hosts)[0].host
    address = (running_broker() if is_this_host(host) else None) or Address(host, DEFAULT_PORT)
    say(f"`--zookeeper` ignored; using {address}")
    return (address,)


def running_broker() -> Address | None:
    """Return where this user's broker on this host listens; of several, the lowest node id's."""
    from raftkafka.cli.run_file import running

    for broker in running():
        for listener in broker.listeners:
            try:
                address = parse_addresses(listener)[0]
            except ClientError:  # such as an empty host, which stands for any
                port = listener.rpartition(":")[2]
                if not port.isdecimal():
                    continue
                address = Address("", int(port))
            return Address("localhost", address.port) if address.host in ANYWHERE else address
    return None


def is_this_host(host: str) -> bool:
    """Whether a host name or address means this machine: then a socket can be bound to it."""
    if host.lower() in ("localhost", os.uname().nodename.lower()):
        return True
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return False
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(address)
        except OSError:
            continue
        return True
    return False

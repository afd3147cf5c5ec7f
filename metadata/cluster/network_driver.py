"""The network as a seam, and the system's own: what the cluster's channels need of the world."""

from __future__ import annotations

import errno
import socket as stdlib_socket
from enum import Enum
from typing import NamedTuple, Protocol

import trio

from raftkafka.errors import AddressInUse

BACKLOG = 128
LOOPBACK_PREFIX = "127."


class Connection(NamedTuple):
    """A stream, and the IP address of its other end."""

    stream: trio.abc.Stream
    address: str

    @property
    def is_local(self) -> bool:
        """Whether the other end is on this machine."""
        address = self.address.removeprefix("::ffff:")
        return address == "::1" or address.startswith(LOOPBACK_PREFIX)


class Listener(Protocol):
    """A port that is listened on."""

    @property
    def port(self) -> int:
        """The port, which matters where 0 was asked for."""
        ...

    async def accept(self) -> Connection:
        """Wait for the next connection.

        Raises:
            OSError: this one could not be had; there may be others.
        """
        ...

    async def aclose(self) -> None:
        """Listen no more; connections stay."""
        ...


class Network(Protocol):
    """Where nodes dial and listen."""

    @property
    def is_authenticated(self) -> bool:
        """Whether both ends prove themselves before any byte of ours passes (mutual TLS)."""
        ...

    async def connect(self, host: str, port: int) -> Connection:
        """Dial.

        Raises:
            ConnectionRefusedError: the machine answers, and nobody listens there.
            OSError: anything else is in the way.
        """
        ...

    async def listen(self, host: str, port: int) -> Listener:
        """Listen; an empty host means every interface, port 0 lets the system choose.

        Raises:
            AddressInUse: the address is taken, or is none of this host's.
        """
        ...


class Probe(Enum):
    """What a dial to a node's port shows."""

    REFUSED = "nobody listens: the process is gone"
    ANSWERS = "somebody listens"
    SILENT = "nobody knows"


class OsNetwork:
    """TCP (``Network``)."""

    is_authenticated = False

    async def connect(self, host: str, port: int) -> Connection:
        """Dial each address of the host until one answers (``Network``)."""
        found = await trio.socket.getaddrinfo(host, port, type=stdlib_socket.SOCK_STREAM)
        failure: OSError = ConnectionRefusedError(f"{host} has no address")
        for family, kind, protocol, _, address in found:
            socket = trio.socket.socket(family, kind, protocol)
            try:
                await socket.connect(address)
            except OSError as error:
                socket.close()
                if found.index((family, kind, protocol, _, address)) == 0 or not isinstance(
                    error, ConnectionRefusedError
                ):
                    failure = error
            except BaseException:
                socket.close()
                raise
            else:
                return Connection(trio.SocketStream(socket), str(address[0]))
        raise failure

    async def listen(self, host: str, port: int) -> Listener:
        """Bind (``Network``)."""
        try:
            return OsListener(_bound(host, port))
        except OSError as error:
            raise AddressInUse(f"cannot listen on {host}:{port}: {_advice(error)}") from error


class OsListener:
    """A listening socket (``Listener``)."""

    def __init__(self, bound: stdlib_socket.socket) -> None:
        self._socket = trio.socket.from_stdlib_socket(bound)
        self.port = int(bound.getsockname()[1])

    async def accept(self) -> Connection:
        """Wait for the next connection (``Listener``)."""
        accepted, address = await self._socket.accept()
        return Connection(trio.SocketStream(accepted), str(address[0]))

    async def aclose(self) -> None:
        """Close the socket (``Listener``)."""
        self._socket.close()
        await trio.lowlevel.checkpoint()


def _bound(host: str, port: int) -> stdlib_socket.socket:
    if not host and stdlib_socket.has_dualstack_ipv6():
        return stdlib_socket.create_server(
            ("", port), family=stdlib_socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
        )
    family = stdlib_socket.AF_INET6 if ":" in host else stdlib_socket.AF_INET
    return stdlib_socket.create_server((host, port), family=family, backlog=BACKLOG)


def _advice(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken; give this node's entry of controller.quorum.voters another one"
    return f"{error}; give this node's entry of controller.quorum.voters an address of this host"

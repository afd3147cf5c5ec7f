"""The system's network: TCP, as the channels between nodes need it."""

from __future__ import annotations

import errno
import socket as stdlib_socket

import trio

from metadata.cluster.network import Connection, Listener, Network, Probe
from raftkafka.errors import AddressInUse

__all__ = ["Connection", "Listener", "Network", "OsListener", "OsNetwork", "Probe"]

BACKLOG = 128


class OsNetwork:
    """TCP (``Network``)."""

    is_authenticated = False

    async def connect(self, host: str, port: int) -> Connection:
        """Dial each address of the host until one answers (``Network``)."""
        failures: list[OSError] = []
        for family, kind, protocol, _, address in await trio.socket.getaddrinfo(
            host, port, type=stdlib_socket.SOCK_STREAM
        ):
            socket = trio.socket.socket(family, kind, protocol)
            try:
                await socket.connect(address)
            except OSError as error:
                socket.close()
                failures.append(error)
            except BaseException:
                socket.close()
                raise
            else:
                return Connection(trio.SocketStream(socket), str(address[0]))
        # refused is a proof that nobody listens, so it counts only if no address says otherwise
        failures.sort(key=lambda error: isinstance(error, ConnectionRefusedError))
        raise failures[0]

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
        return (
            "the port is taken; stop what has it, or give this node another one in "
            "controller.quorum.voters, on all nodes"
        )
    why = (error.strerror or str(error)).partition(" (while")[0]  # the address is said already
    return f"{why}; give this node an address of this host in controller.quorum.voters or listeners"

"""Bound sockets for listeners, and which driver serves them on this system."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

import trio

from raftkafka.config import BrokerConfig, Endpoint
from raftkafka.errors import AddressInUse, ConfigInvalid
from raftkafka.server.acceptance import Acceptance
from raftkafka.server.reactor_driver import Reactor
from raftkafka.server.stream_driver import StreamServer
from raftkafka.server.turn import Turn


class Server(Protocol):
    """A driver with its listeners."""

    async def listen(self, endpoint: Endpoint) -> int:
        """Accept connections at an endpoint; return the port, which matters where 0 was asked.

        Raises:
            AddressInUse: the address is taken, or is none of this host's.
        """
        ...

    def stop_listening(self) -> None:
        """Accept nothing more; connections go on."""
        ...

    async def run(self) -> None:
        """Serve until cancelled."""
        ...


MakeServer = Callable[[Turn, Acceptance, BrokerConfig], Server]


class ReactorServer:
    """The reactor over listening sockets."""

    def __init__(self, turn: Turn, acceptance: Acceptance, config: BrokerConfig) -> None:
        self._config = config
        self._reactor = Reactor(turn, acceptance, socket_options(config))

    async def listen(self, endpoint: Endpoint) -> int:
        """Bind and accept (``Server``)."""
        listener = await bind(endpoint, self._config.socket_listen_backlog_size)
        self._reactor.listen(listener, endpoint.name)
        return port_of(listener)

    def stop_listening(self) -> None:
        """Close the listening sockets (``Server``)."""
        self._reactor.stop_listening()

    async def run(self) -> None:
        """Serve (``Server``)."""
        await self._reactor.run()


class TcpStreamServer:
    """The portable driver over listening sockets."""

    def __init__(self, turn: Turn, acceptance: Acceptance, config: BrokerConfig) -> None:
        self._config = config
        self._streams = StreamServer(turn, acceptance)
        self._listeners: list[tuple[trio.SocketListener, str]] = []
        self._accepting = trio.CancelScope()

    async def listen(self, endpoint: Endpoint) -> int:
        """Bind; connections are accepted once ``run`` runs (``Server``)."""
        listener = await bind(endpoint, self._config.socket_listen_backlog_size)
        self._listeners.append(
            (trio.SocketListener(trio.socket.from_stdlib_socket(listener)), endpoint.name)
        )
        return port_of(listener)

    def stop_listening(self) -> None:
        """Close the listening sockets (``Server``)."""
        self._accepting.cancel()
        for listener, _ in self._listeners:
            listener.socket.close()

    async def run(self) -> None:
        """Serve (``Server``)."""
        try:
            async with trio.open_nursery() as connections:
                with self._accepting:
                    async with trio.open_nursery() as accepting:
                        for listener, name in self._listeners:
                            accepting.start_soon(self._accept, listener, name, connections)
                await trio.sleep_forever()
        finally:
            self.stop_listening()

    async def _accept(
        self, listener: trio.SocketListener, name: str, connections: trio.Nursery
    ) -> None:
        serve = partial(self._serve, name)
        await trio.serve_listeners(serve, [listener], handler_nursery=connections)

    async def _serve(self, name: str, stream: trio.SocketStream) -> None:
        try:
            peer = str(stream.socket.getpeername()[0])
            for level, option, value in socket_options(self._config):
                stream.setsockopt(level, option, value)
        except OSError:
            return await trio.aclose_forcefully(stream)  # it is gone already
        await self._streams.serve(stream, name, peer)


def fastest_server(turn: Turn, acceptance: Acceptance, config: BrokerConfig) -> Server:
    """Return the reactor where there is epoll, else the portable driver."""
    make: MakeServer = ReactorServer if sys.platform == "linux" else TcpStreamServer
    return make(turn, acceptance, config)


async def bind(endpoint: Endpoint, backlog: int) -> socket.socket:
    """Return a listening socket; an endpoint without a host takes IPv4 and IPv6 on all interfaces.

    Raises:
        AddressInUse: the address is taken, or is none of this host's.
    """
    family, address = socket.AF_INET6, endpoint.host or "::"
    if endpoint.host:
        try:
            found = await trio.socket.getaddrinfo(
                endpoint.host, endpoint.port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise AddressInUse(f"listener {endpoint}: {error.strerror}") from error
        family, address = found[0][0], str(found[0][4][0])
    elif not socket.has_dualstack_ipv6():
        family, address = socket.AF_INET, "0.0.0.0"
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bool(endpoint.host)))
        listener.bind((address, endpoint.port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise AddressInUse(
            f"cannot listen on {address}:{endpoint.port}: {error.strerror}; "
            f"stop what uses the port, or choose another with "
            f"--override listeners=PLAINTEXT://:PORT"
        ) from error
    listener.setblocking(False)
    return listener


def socket_options(config: BrokerConfig) -> Iterator[tuple[int, int, int]]:
    """Yield level, name and value of what is set on each connection."""
    yield socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
    if config.socket_send_buffer_bytes > 0:
        yield socket.SOL_SOCKET, socket.SO_SNDBUF, config.socket_send_buffer_bytes
    if config.socket_receive_buffer_bytes > 0:
        yield socket.SOL_SOCKET, socket.SO_RCVBUF, config.socket_receive_buffer_bytes


async def limits_by_address(limits: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return ``max.connections.per.ip.overrides`` by addresses as sockets write them.

    Raises:
        ConfigInvalid: there is no host of that name.
    """
    found: dict[str, int] = {}
    for host, limit in limits:
        try:
            addresses = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise ConfigInvalid(
                f"max.connections.per.ip.overrides: {host}: {error.strerror}"
            ) from error
        found.update((str(address[4][0]), limit) for address in addresses)
    return found


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket is bound to."""
    return int(listener.getsockname()[1])

"""A network of nodes in memory: cuts of one direction, slow links, and processes that die."""

from __future__ import annotations

from contextlib import suppress

import trio
from trio.testing import MemoryReceiveStream, MemorySendStream, memory_stream_pump

from metadata.cluster.network import Connection, Listener
from raftkafka.errors import AddressInUse

FIRST_PORT = 10_000
BACKLOG = 1_000
LOCAL = "127.0.0.1"
ANY = ("", "localhost", LOCAL)


class Wires:
    """What connects the hosts; hosts are names, and every process has one of its own."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str, int], MemoryListener] = {}
        self._next_port = FIRST_PORT
        self._links: list[Link] = []
        self._cut: set[tuple[str, str]] = set()
        self.latency_s = 0.0

    def host(self, name: str, *, address: str = LOCAL) -> Host:
        """Return the network as one host sees it; others see ``address`` of its connections."""
        return Host(self, name, address)

    # ------------------------------------------------------------------ faults

    def cut(self, source: str, target: str) -> None:
        """Lose nothing, but let nothing pass, one way, until healed: as TCP over a cut cable."""
        self._cut.add((source, target))

    def heal(self) -> None:
        """Let everything pass that waits, and all that follows."""
        self._cut.clear()
        for link in self._links:
            with suppress(trio.BrokenResourceError):  # its reader gave up meanwhile
                link.pump()

    def kill(self, name: str) -> None:
        """End a process: its listeners are gone, and its connections break."""
        for key in [key for key in self._listeners if key[0] == name]:
            self._listeners.pop(key).close()
        for link in [link for link in self._links if name in (link.source, link.target)]:
            self._links.remove(link)
            link.break_off()

    def is_cut(self, source: str, target: str) -> bool:
        """Whether nothing passes that way."""
        return (source, target) in self._cut

    # ------------------------------------------------------------------ connections

    def listen(self, name: str, port: int, address: str) -> MemoryListener:
        """Open a port of a host."""
        if not port:
            port, self._next_port = self._next_port, self._next_port + 1
        before = self._listeners.get((name, port))
        if before is not None and not before.is_closed:
            raise AddressInUse(f"{name}:{port} is taken")
        listener = self._listeners[name, port] = MemoryListener(port, address)
        return listener

    async def connect(self, source: str, target: str, port: int, address: str) -> Connection:
        """Dial from one host to another."""
        if self.is_cut(source, target) or self.is_cut(target, source):
            await trio.sleep_forever()
        await trio.sleep(self.latency_s)
        listener = self._listeners.get((target, port))
        if listener is None or listener.is_closed:
            raise ConnectionRefusedError(f"nobody listens on {target}:{port}")
        there, back = Link(self, source, target), Link(self, target, source)
        self._links += (there, back)
        ours = trio.StapledStream(there.sender, back.receiver)
        theirs = trio.StapledStream(back.sender, there.receiver)
        listener.put(Connection(theirs, address))
        return Connection(ours, listener.address)


class Link:
    """One direction of a connection."""

    def __init__(self, wires: Wires, source: str, target: str) -> None:
        self.source, self.target = source, target
        self._wires = wires
        self.receiver = MemoryReceiveStream()
        self.sender = MemorySendStream(send_all_hook=self._sent, close_hook=self.pump)

    async def _sent(self) -> None:
        if self._wires.latency_s:
            await trio.sleep(self._wires.latency_s)
        self.pump()

    def pump(self) -> None:
        """Let pass what waits."""
        if not self._wires.is_cut(self.source, self.target):
            memory_stream_pump(self.sender, self.receiver)

    def break_off(self) -> None:
        """End it for whoever reads."""
        self.receiver.put_eof()


class MemoryListener:
    """A port (``Listener``)."""

    def __init__(self, port: int, address: str) -> None:
        self.port = port
        self.address = address
        self.is_closed = False
        self._put, self._take = trio.open_memory_channel[Connection](BACKLOG)

    def put(self, connection: Connection) -> None:
        """Have a connection accepted."""
        self._put.send_nowait(connection)

    def close(self) -> None:
        """Refuse dials from now on."""
        self.is_closed = True

    async def accept(self) -> Connection:
        """Wait for the next connection (``Listener``)."""
        return await self._take.receive()

    async def aclose(self) -> None:
        """Listen no more (``Listener``)."""
        self.close()
        await trio.lowlevel.checkpoint()


class Host:
    """One host's view (``Network``)."""

    is_authenticated = False

    def __init__(self, wires: Wires, name: str, address: str) -> None:
        self._wires = wires
        self.name = name
        self._address = address

    async def connect(self, host: str, port: int) -> Connection:
        """Dial (``Network``)."""
        return await self._wires.connect(self.name, host, port, self._address)

    async def listen(self, host: str, port: int) -> Listener:
        """Listen (``Network``)."""
        assert host in (*ANY, self.name), f"{self.name} cannot listen at {host}"
        await trio.lowlevel.checkpoint()
        return self._wires.listen(self.name, port, self._address)

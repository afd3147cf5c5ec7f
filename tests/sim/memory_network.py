"""A network in memory: streams of trio's own, under the portable driver."""

from __future__ import annotations

import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair

from raftkafka.config import BrokerConfig, Endpoint
from raftkafka.server.acceptance import Acceptance
from raftkafka.server.stream_driver import StreamServer
from raftkafka.server.turn import Turn

PORT = 9092
CONNECTIONS_MAX = 1000


class MemoryNetwork:
    """Where one broker listens, and how clients reach it."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[trio.abc.Stream](CONNECTIONS_MAX)

    def make_server(self, turn: Turn, acceptance: Acceptance, config: BrokerConfig) -> MemoryServer:
        """Make the server of the broker (``MakeServer``)."""
        return MemoryServer(turn, acceptance, self._receive)

    async def connect(self, *, buffered: bool = True) -> trio.abc.Stream:
        """Return the client's end of a new connection.

        Without a buffer a send waits until the other end takes what is sent.
        """
        ours, theirs = memory_stream_pair() if buffered else lockstep_stream_pair()
        await self._send.send(theirs)
        return ours


class MemoryServer:
    """The portable driver over streams that come through a channel (``Server``)."""

    def __init__(
        self,
        turn: Turn,
        acceptance: Acceptance,
        incoming: trio.MemoryReceiveChannel[trio.abc.Stream],
    ) -> None:
        self._streams = StreamServer(turn, acceptance)
        self._incoming = incoming
        self._listener_name = ""

    async def listen(self, endpoint: Endpoint) -> int:
        """Note the listener's name: there is one."""
        self._listener_name = endpoint.name
        return PORT

    def stop_listening(self) -> None:
        """Refuse further connections."""
        self._incoming.close()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            try:
                async for stream in self._incoming:
                    nursery.start_soon(self._streams.serve, stream, self._listener_name, "memory")
            except trio.ClosedResourceError:
                await trio.sleep_forever()  # stopped listening; connections go on

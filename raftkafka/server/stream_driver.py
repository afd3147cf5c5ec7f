"""The portable driver: trio streams, two tasks a connection, the same turn as the reactor.

For systems without epoll, for TLS, and for the in-memory network of the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
import trio

from raftkafka.errors import Malformed
from raftkafka.log.segment import LogSlice
from raftkafka.server.acceptance import Acceptance
from raftkafka.server.connection import Connection, drop_sent
from raftkafka.server.turn import Turn

READ_BYTES_MAX = 256 * 1024

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class StreamEnd:
    """What one connection has of trio."""

    stream: trio.abc.Stream
    scope: trio.CancelScope
    arrived: bytes | bytearray = b""
    """Received, and not yet in the connection's buffer."""
    may_send: trio.Event = field(default_factory=trio.Event)
    may_serve: trio.Event = field(default_factory=trio.Event)


class StreamServer:
    """Connections over ``trio.abc.Stream``, and their transport."""

    def __init__(self, turn: Turn, acceptance: Acceptance) -> None:
        self._turn = turn
        self._acceptance = acceptance
        self._ends: dict[Connection, StreamEnd] = {}

    async def serve(self, stream: trio.abc.Stream, listener_name: str, peer: str) -> None:
        """Serve one client until either side closes; the stream is closed then."""
        connection = self._acceptance.admit(self, listener_name, peer)
        if connection is None:
            await trio.aclose_forcefully(stream)
            return
        try:
            async with trio.open_nursery() as nursery:
                end = StreamEnd(stream, nursery.cancel_scope)
                self._ends[connection] = end
                nursery.start_soon(self._send_all, connection, end)
                nursery.start_soon(self._serve_again, connection, end)
                await self._receive_all(connection, end)
                nursery.cancel_scope.cancel()
        finally:
            self._ends.pop(connection, None)
            connection.forget()
            self._acceptance.forget(connection)
            await trio.aclose_forcefully(stream)

    # ------------------------------------------------------------------ tasks of a connection

    async def _receive_all(self, connection: Connection, end: StreamEnd) -> None:
        while True:
            try:
                end.arrived = await end.stream.receive_some(READ_BYTES_MAX)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            if not end.arrived:
                return
            while end.arrived:
                self._turn.run((connection,))
                if end.arrived and connection.blocked:
                    await end.may_serve.wait()
                else:
                    await trio.lowlevel.checkpoint()

    async def _serve_again(self, connection: Connection, end: StreamEnd) -> None:
        while True:
            await end.may_serve.wait()
            end.may_serve = trio.Event()
            self._turn.run((connection,))
            await trio.lowlevel.checkpoint()

    async def _send_all(self, connection: Connection, end: StreamEnd) -> None:
        try:
            while True:
                while connection.output:
                    head = connection.output[0]
                    data = read_some(head) if isinstance(head, LogSlice) else head
                    await end.stream.send_all(data)
                    if connection.output and connection.output[0] is head:
                        drop_sent(connection.output, len(data))
                        connection.sent(len(data))
                if connection.closing:
                    break
                await end.may_send.wait()
                end.may_send = trio.Event()
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass  # the peer is gone, or a range can no longer be read: the connection ends
        end.scope.cancel()

    # ------------------------------------------------------------------ Transport

    def collect(self, connection: Connection) -> None:
        """Put what has arrived into the connection's buffer (``Transport``)."""
        end = self._ends.get(connection)
        if end is None or not end.arrived or connection.blocked:
            return
        try:
            space = connection.space()
        except Malformed as error:
            log.info("connection_malformed", peer=connection.peer, reason=str(error))
            connection.abort()
            return
        count = min(len(space), len(end.arrived))
        space[:count] = end.arrived[:count]
        end.arrived = end.arrived[count:]
        connection.received(count)

    def send(self, connection: Connection) -> None:
        """Wake the task that sends (``Transport``)."""
        end = self._ends.get(connection)
        if end is not None:
            end.may_send.set()

    def again(self, connection: Connection) -> None:
        """Serve the connection soon (``Transport``)."""
        end = self._ends.get(connection)
        if end is not None:
            end.may_serve.set()

    def close(self, connection: Connection) -> None:
        """Close once the output is out; at once if there is none (``Transport``)."""
        end = self._ends.get(connection)
        if end is not None:
            if connection.output:
                end.may_send.set()
            else:
                end.scope.cancel()


def read_some(range_: LogSlice) -> bytes:
    """Return the first bytes of a range.

    Raises:
        OSError: the segment was cut meanwhile, or cannot be read.
    """
    if range_.is_stale:
        raise OSError("the segment was cut while its range waited to be sent")
    data = range_.file.pread(min(len(range_), READ_BYTES_MAX), range_.position)
    if not data:
        raise OSError("the segment is shorter than its range")
    return data

"""One turn of the server: collect, handle, write, complete, send. Both drivers run this function.

Everything in it is synchronous, so a turn may be run by any task: the reactor for sockets that
are ready, a flush that finished, a waiting handler that has its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from raftkafka.errors import Malformed
from raftkafka.server.connection import Connection
from raftkafka.server.expiry import Expiry
from raftkafka.server.turn_clock import TurnClock
from raftkafka.server.write_queue import WriteQueue

FRAMES_PER_TURN = 256
"""Of one connection, so that a deep pipeline does not hold up the others."""
TURN_S = 0.004
TURN_BYTES = 4 * 1024 * 1024
"""When a turn has handled for so long, or so much, the connections left are served by the next."""

log = structlog.get_logger()


class FrameHandler(Protocol):
    """Takes one request of a connection (``raftkafka/server/dispatch.py``)."""

    def __call__(self, connection: Connection, frame: memoryview) -> None:
        """Answer now, reserve a slot and answer later, or close.

        Raises:
            Malformed: the peer does not speak the protocol.
        """
        ...


class Turn:
    """Runs turns over whatever connections a driver names."""

    def __init__(
        self,
        handle: FrameHandler,
        writes: WriteQueue,
        expiry: Expiry,
        clock: TurnClock,
        outbox: list[Connection],
        complete: Callable[[], None],
    ) -> None:
        self._complete = complete
        self._handle = handle
        self._writes = writes
        self._expiry = expiry
        self._clock = clock
        self._outbox = outbox

    def run(self, ready: Iterable[Connection] = ()) -> None:
        """Serve the connections that are ready, each named once, and send every answer due."""
        self._clock.tick()
        served: list[Connection] = []
        left_bytes = TURN_BYTES
        for connection in ready:
            if left_bytes <= 0 or self._clock.elapsed_s() > TURN_S:
                connection.transport.again(connection)
                continue
            connection.transport.collect(connection)
            if not connection.closing:
                left_bytes -= self._serve(connection)
                served.append(connection)
        self._writes.write()
        self._complete()
        self._expiry.expire(self._clock.now_s)
        self._send()
        for connection in served:
            connection.release()

    def _serve(self, connection: Connection) -> int:
        """Handle the requests that are whole; return how many bytes they had."""
        connection.last_active_s = self._clock.now_s
        handle = self._handle
        handled_bytes = 0
        try:
            for _ in range(FRAMES_PER_TURN):
                if connection.blocked:
                    return handled_bytes
                frame = connection.next_frame()
                if frame is None:
                    return handled_bytes
                handled_bytes += len(frame)
                handle(connection, frame)
            connection.transport.again(connection)
        except Malformed as error:
            log.info("connection_malformed", peer=connection.peer, reason=str(error))
            connection.close()
        return handled_bytes

    def _send(self) -> None:
        """Send until nothing is queued: an answer that leaves may unblock what was held back."""
        outbox = self._outbox
        while outbox:
            waiting = outbox[:]
            outbox.clear()
            for connection in waiting:
                connection.in_outbox = False
                connection.transport.send(connection)

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
from raftkafka.server.write_queue import WriteQueue

FRAMES_PER_TURN = 256
"""Of one connection, so that a deep pipeline does not hold up the others."""

log = structlog.get_logger()


class TurnClock:
    """The time of the running turn, read once: in Kafka's milliseconds and the loop's seconds."""

    __slots__ = ("_monotonic", "_wall_ms", "now_ms", "now_s")

    def __init__(self, wall_ms: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self.tick()

    def tick(self) -> None:
        """Read both clocks."""
        self.now_ms = self._wall_ms()
        self.now_s = self._monotonic()


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
        for connection in ready:
            connection.transport.collect(connection)
            if not connection.closing:
                self._serve(connection)
                served.append(connection)
        self._writes.write()
        self._complete()
        self._expiry.expire(self._clock.now_s)
        self._send()
        for connection in served:
            connection.release()

    def _serve(self, connection: Connection) -> None:
        connection.last_active_s = self._clock.now_s
        handle = self._handle
        try:
            for _ in range(FRAMES_PER_TURN):
                if connection.blocked:
                    return
                frame = connection.next_frame()
                if frame is None:
                    return
                handle(connection, frame)
            connection.transport.again(connection)
        except Malformed as error:
            log.info("connection_malformed", peer=connection.peer, reason=str(error))
            connection.close()

    def _send(self) -> None:
        """Send until nothing is queued: an answer that leaves may unblock what was held back."""
        outbox = self._outbox
        while outbox:
            waiting = outbox[:]
            outbox.clear()
            for connection in waiting:
                connection.in_outbox = False
                connection.transport.send(connection)

"""A connection without a network: bytes are put in and answers are taken out by the test."""

from __future__ import annotations

from collections.abc import Sequence

from raftkafka.log.segment import LogSlice
from raftkafka.server.connection import BufferPool, Connection, ConnectionLimits

LIMITS = ConnectionLimits(request_bytes=1 << 20, unanswered_requests=4, unsent_bytes=1000)


class Wire:
    """The transport of one connection, worked by hand."""

    def __init__(
        self,
        limits: ConnectionLimits = LIMITS,
        pool: BufferPool | None = None,
        outbox: list[Connection] | None = None,
    ) -> None:
        self.outbox = [] if outbox is None else outbox
        self.again_calls = 0
        self.closed = False
        self.connection = Connection(
            self,
            pool or BufferPool(1 << 30),
            self.outbox,
            limits,
            listener_name="PLAINTEXT",
            peer="test",
        )

    def put(self, data: bytes) -> None:
        """Let bytes arrive, in as many pieces as the connection has room for."""
        while data:
            space = self.connection.space()
            assert len(space), "full of complete requests: take them first"
            piece = data[: len(space)]
            space[: len(piece)] = piece
            self.connection.received(len(piece))
            data = data[len(piece) :]

    def frames(self) -> list[bytes]:
        """Take all complete requests."""
        taken: list[bytes] = []
        while (frame := self.connection.next_frame()) is not None:
            taken.append(bytes(frame))
        return taken

    def take_output(self) -> bytes:
        """Take what waits to be sent, as if it was."""
        output, self.connection.output = self.connection.output, []
        data = b"".join(part for part in output if not isinstance(part, LogSlice))
        self.connection.sent(len(data))
        return data

    def collect(self, connection: Connection) -> None:
        """Bytes come through ``put``."""

    def send(self, connection: Connection) -> None:
        """Bytes leave through ``take_output``."""

    def again(self, connection: Connection) -> None:
        """Count the call."""
        self.again_calls += 1

    def close(self, connection: Connection) -> None:
        """Note it; the socket is gone then."""
        self.closed = True
        if not connection.output:
            connection.forget()


def framed(*requests: bytes) -> bytes:
    """Return requests with their size words."""
    return b"".join(len(request).to_bytes(4) + request for request in requests)


def pieces(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Cut data into pieces of these sizes, the rest last."""
    cut: list[bytes] = []
    for size in sizes:
        cut.append(data[:size])
        data = data[size:]
    return [*cut, data]

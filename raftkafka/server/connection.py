"""One client's connection without its socket: bytes in, frames out, answers in request order.

A driver owns the socket: it fills ``space()``, reports ``received(n)`` and sends ``output``.
The turn (``raftkafka/server/turn.py``) takes frames and gives answers.
"""

from __future__ import annotations

import mmap
from collections import deque
from dataclasses import dataclass
from struct import Struct
from typing import Protocol

import structlog

from raftkafka.errors import Malformed
from raftkafka.log.segment import LogSlice
from raftkafka.types import Buffer

SMALL_BUFFER_BYTES = 64 * 1024
LARGE_BUFFER_BYTES = 4 * 1024 * 1024
POOLED_BYTES_MAX = 16 * 1024 * 1024

Output = Buffer | LogSlice

log = structlog.get_logger()

_size_word = Struct(">i").unpack_from


class BufferPool:
    """Receive buffers that no connection holds now.

    Anonymous maps: a peer that announces a huge frame and sends nothing costs no memory. What
    all unfinished large requests hold together is bounded: the one that takes longest is cut.
    """

    def __init__(self, held_bytes_max: int) -> None:
        self.held_bytes = 0
        """In large buffers."""
        self._held_bytes_max = held_bytes_max
        self._holders: dict[Connection, int] = {}
        """What each holds of it; who went on with a request last is last."""
        self._free: dict[int, list[memoryview]] = {}
        self._free_bytes = 0

    def take(self, capacity: int) -> memoryview:
        """Return a buffer of ``capacity`` bytes, or a little more."""
        free = self._free.get(capacity)
        if free:
            self._free_bytes -= capacity
            return free.pop()
        return memoryview(mmap.mmap(-1, capacity))

    def give(self, buffer: memoryview) -> None:
        """Take a buffer back; nobody may still hold a view of it."""
        capacity = len(buffer)
        if self._free_bytes + capacity <= POOLED_BYTES_MAX:
            self._free_bytes += capacity
            self._free.setdefault(capacity, []).append(buffer)

    def hold(self, connection: Connection, held_bytes: int) -> None:
        """Note how much a connection with a large buffer holds after a receive."""
        self.held_bytes += held_bytes - self._holders.get(connection, 0)
        self._holders[connection] = held_bytes
        while self.held_bytes > self._held_bytes_max:
            oldest = next(iter(self._holders))
            log.warning("connection_cut", peer=oldest.peer, reason="requests hold too much memory")
            self.let_go(oldest)
            oldest.abort()

    def let_go(self, connection: Connection, left_bytes: int = 0) -> None:
        """Note that a connection has handled what it held, but for what came after it."""
        self.held_bytes += left_bytes - self._holders.pop(connection, 0)
        if left_bytes:
            self._holders[connection] = left_bytes


def buffer_capacity(frame_bytes: int) -> int:
    """Return how large a buffer to read frames of this size with: two of them, up to a limit."""
    wanted = min(2 * frame_bytes, max(frame_bytes, LARGE_BUFFER_BYTES))
    return max(SMALL_BUFFER_BYTES, 1 << (wanted - 1).bit_length())


class Transport(Protocol):
    """What a connection's driver does for it."""

    def collect(self, connection: Connection) -> None:
        """Move the bytes that have arrived into the connection, at most one buffer full."""
        ...

    def send(self, connection: Connection) -> None:
        """Start sending ``output``; whatever does not fit now follows by itself."""
        ...

    def again(self, connection: Connection) -> None:
        """Run a turn for the connection soon: it holds input that was not handled."""
        ...

    def close(self, connection: Connection) -> None:
        """Close the socket once ``output`` is sent, or at once if ``abort`` was called."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may hold."""

    request_bytes: int
    unanswered_requests: int
    unsent_bytes: int


class Slot:
    """The place of one answer among its connection's answers. Parked requests derive from it."""

    __slots__ = ("buffers",)

    def __init__(self) -> None:
        self.buffers: list[Output] | None = None

    def cancel(self) -> None:
        """The connection is gone: wait for nothing any more."""

    def hurry(self) -> None:
        """The broker stops: answer now if that is possible."""


class Connection:
    """Input buffer, answers in order, and unsent output of one client."""

    __slots__ = (
        "_buffer",
        "_capacity",
        "_end",
        "_limits",
        "_outbox",
        "_pool",
        "_start",
        "client_id",
        "closing",
        "finishing",
        "in_outbox",
        "last_active_s",
        "listener_name",
        "muted",
        "output",
        "peer",
        "produce_shapes",
        "slots",
        "took_output",
        "transport",
        "unsent_bytes",
    )

    def __init__(
        self,
        transport: Transport,
        pool: BufferPool,
        outbox: list[Connection],
        limits: ConnectionLimits,
        *,
        listener_name: str,
        peer: str,
    ) -> None:
        self.transport = transport
        self.listener_name = listener_name
        self.peer = peer
        self.client_id: str | None = None
        self.output: list[Output] = []
        self.unsent_bytes = 0
        self.slots: deque[Slot] = deque()
        self.muted = False
        """A waiting handler has the connection: nothing more of it is handled meanwhile."""
        self.closing = False
        self.finishing = False
        """No more requests are taken; it closes once all are answered."""
        self.in_outbox = False
        self.last_active_s = 0.0
        """When its client last sent something, or took some of its output."""
        self.took_output = False
        """Whether output has left that ``last_active_s`` does not know of yet."""
        self.produce_shapes: object = None
        """What its Produce requests look like; only the produce handler knows the inside."""
        self._pool = pool
        self._outbox = outbox
        self._limits = limits
        self._buffer: memoryview | None = None
        self._capacity = SMALL_BUFFER_BYTES
        self._start = self._end = 0

    # ------------------------------------------------------------------ input

    @property
    def blocked(self) -> bool:
        """Whether to stop taking requests: a handler waits, or too much is unanswered or unsent."""
        return (
            self.muted
            or self.closing
            or self.finishing
            or len(self.slots) >= self._limits.unanswered_requests
            or self.unsent_bytes >= self._limits.unsent_bytes
        )

    @property
    def has_buffer(self) -> bool:
        """Whether it holds a receive buffer; an idle connection has none."""
        return self._buffer is not None

    def space(self) -> memoryview:
        """Return where to put arriving bytes. No view of earlier frames may be in use any more.

        Raises:
            Malformed: the frame that is arriving is larger than ``socket.request.max.bytes``.
        """
        buffer = self._buffer
        if buffer is None:
            buffer = self._buffer = self._pool.take(self._capacity)
            return buffer
        held = self._end - self._start
        needed = 4 + (self._frame_bytes() if held >= 4 else 0)
        if needed > len(buffer):
            larger = self._pool.take(buffer_capacity(needed))
            larger[:held] = buffer[self._start : self._end]
            self._pool.give(buffer)
            buffer = self._buffer = larger
            self._capacity = len(larger)
        elif self._start:
            buffer[:held] = buffer[self._start : self._end]
        self._start, self._end = 0, held
        return buffer[held:]

    def received(self, count: int) -> None:
        """Count bytes that were put into ``space()``."""
        self._end += count
        if self._capacity > SMALL_BUFFER_BYTES:
            self._pool.hold(self, self._end - self._start)

    def next_frame(self) -> memoryview | None:
        """Return the next request without its size word, or None if it is not complete.

        The view is valid until the turn ends.

        Raises:
            Malformed: a negative or too large size.
        """
        if self._end - self._start < 4:
            return None
        begin = self._start + 4
        end = begin + self._frame_bytes()
        if end > self._end:
            return None
        self._start = end
        assert self._buffer is not None
        return self._buffer[begin:end]

    def release(self) -> None:
        """Give the buffer back if it is empty. Called when the turn's writes are done."""
        if self._capacity > SMALL_BUFFER_BYTES and self._start:
            self._pool.let_go(self, self._end - self._start)
        if self._start == self._end and self._buffer is not None:
            self._pool.give(self._buffer)
            self._buffer = None
            self._start = self._end = 0

    def _frame_bytes(self) -> int:
        assert self._buffer is not None
        size: int = _size_word(self._buffer, self._start)[0]
        if not 0 <= size <= self._limits.request_bytes:
            raise Malformed(f"frame of {size} bytes")
        return size

    # ------------------------------------------------------------------ output

    def answer(self, buffers: list[Output]) -> None:
        """Give the answer to the request just handled; it is sent when those before it are."""
        if self.slots:
            slot = Slot()
            slot.buffers = buffers
            self.slots.append(slot)
        else:
            self._queue(buffers)

    def reserve(self, slot: Slot) -> None:
        """Keep the place of an answer that comes later through ``fill``."""
        self.slots.append(slot)

    def fill(self, slot: Slot, buffers: list[Output]) -> None:
        """Give the answer of a reserved place; an empty list where none is due."""
        slot.buffers = buffers
        slots = self.slots
        was_blocked = self.blocked
        while slots and slots[0].buffers is not None:
            self._queue(slots.popleft().buffers or [])
        if was_blocked and not self.blocked:
            self.transport.again(self)
        if self.finishing and not slots:
            self.close()

    def _queue(self, buffers: list[Output]) -> None:
        if self.closing:
            return
        self.output += buffers
        for buffer in buffers:
            self.unsent_bytes += len(buffer)
        if not self.in_outbox:
            self.in_outbox = True
            self._outbox.append(self)

    def sent(self, count: int) -> None:
        """Count bytes of ``output`` that left; the driver removes them from the list itself."""
        was_blocked = self.blocked
        self.took_output = True
        self.unsent_bytes -= count
        if was_blocked and not self.blocked:
            self.transport.again(self)

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        """Send what is queued, then close. Later answers are dropped."""
        if not self.closing:
            self.closing = True
            self.transport.close(self)

    def finish(self) -> None:
        """Take no more requests, answer those in flight, then close."""
        self.finishing = True
        for slot in tuple(self.slots):
            slot.hurry()
        if not self.slots:
            self.close()

    def abort(self) -> None:
        """Close at once: what is queued must not be sent any more."""
        self.output = []
        self.unsent_bytes = 0
        self.closing = True
        self.transport.close(self)

    def forget(self) -> None:
        """The socket is gone: drop everything that is held."""
        self.closing = True
        self.output = []
        self.unsent_bytes = 0
        for slot in self.slots:
            slot.cancel()
        self.slots.clear()
        self._pool.let_go(self)
        self._buffer = None
        self._start = self._end = 0


def drop_sent(output: list[Output], count: int) -> None:
    """Remove the first ``count`` bytes from the output."""
    whole = 0
    for item in output:
        if count < len(item):
            break
        count -= len(item)
        whole += 1
    if count:
        head = output[whole]
        output[whole] = (
            head.after(count) if isinstance(head, LogSlice) else memoryview(head)[count:]
        )
    del output[:whole]

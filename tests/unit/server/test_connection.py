"""Frames out of bytes, answers in the order of requests, and when to stop reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkafka.errors import Malformed
from raftkafka.server.connection import (
    SMALL_BUFFER_BYTES,
    BufferPool,
    ConnectionLimits,
    Slot,
)
from tests.support.wired_connection import LIMITS, Wire, framed, pieces


@given(
    st.lists(st.binary(max_size=300), max_size=12),
    st.lists(st.integers(0, 200), max_size=20),
    st.booleans(),
)
def test_frames_come_out_as_they_went_in_however_they_arrive(
    requests: list[bytes], sizes: list[int], released: bool
) -> None:
    wire = Wire()
    taken: list[bytes] = []
    for piece in pieces(framed(*requests), sizes):
        wire.put(piece)
        taken += wire.frames()
        if released:
            wire.connection.release()
    assert taken == requests


def test_a_frame_larger_than_the_buffer_grows_it() -> None:
    wire = Wire()
    large = bytes(range(256)) * (3 * SMALL_BUFFER_BYTES // 256)
    taken: list[bytes] = []
    data = framed(b"first", large, b"last")
    for piece in pieces(data, [1000] * (len(data) // 1000)):
        wire.put(piece)
        taken += wire.frames()
    assert taken == [b"first", large, b"last"]


@pytest.mark.parametrize("size", [-1, -(2**31), LIMITS.request_bytes + 1, 2**31 - 1])
def test_a_senseless_size_is_refused_before_anything_is_allocated(size: int) -> None:
    wire = Wire()
    wire.put(size.to_bytes(4, signed=True))
    with pytest.raises(Malformed):
        wire.connection.next_frame()


def test_an_idle_connection_keeps_no_buffer() -> None:
    wire = Wire()
    wire.put(framed(b"request"))
    assert wire.frames() == [b"request"]
    wire.connection.release()
    assert not wire.connection.has_buffer


def test_answers_leave_in_the_order_of_requests() -> None:
    wire = Wire()
    first, third = Slot(), Slot()
    wire.connection.reserve(first)
    wire.connection.answer([b"2"])
    wire.connection.reserve(third)
    assert wire.take_output() == b"", "2 waits for 1"
    wire.connection.fill(third, [b"3"])
    assert wire.take_output() == b""
    wire.connection.fill(first, [b"1"])
    assert wire.take_output() == b"123"


def test_too_many_unanswered_requests_block_until_one_is_answered() -> None:
    wire = Wire()
    slots = [Slot() for _ in range(LIMITS.unanswered_requests)]
    for slot in slots:
        assert not wire.connection.blocked
        wire.connection.reserve(slot)
    assert wire.connection.blocked
    wire.connection.fill(slots[0], [])
    assert not wire.connection.blocked
    assert wire.again_calls == 1, "input may wait in the buffer"


def test_a_peer_that_does_not_read_is_not_read() -> None:
    wire = Wire(ConnectionLimits(request_bytes=100, unanswered_requests=4, unsent_bytes=10))
    wire.connection.answer([b"12345", b"67890"])
    assert wire.connection.blocked
    wire.take_output()
    assert not wire.connection.blocked
    assert wire.again_calls == 1


def test_after_abort_nothing_is_sent() -> None:
    wire = Wire()
    wire.connection.answer([b"a lie by now"])
    wire.connection.abort()
    wire.connection.answer([b"more"])
    assert wire.closed
    assert wire.take_output() == b""


def test_a_lost_connection_cancels_what_is_parked() -> None:
    class Parked(Slot):
        cancelled = False

        def cancel(self) -> None:
            self.cancelled = True

    wire = Wire()
    parked = Parked()
    wire.connection.reserve(parked)
    wire.connection.forget()
    assert parked.cancelled


# ---------------------------------------------------------------------- large requests together


LARGE = 4 * SMALL_BUFFER_BYTES


def begin_large(wire: Wire, count: int) -> None:
    """Let the first bytes of a large request arrive."""
    wire.put(LARGE.to_bytes(4) + bytes(count))


def test_what_all_large_requests_hold_is_bounded_and_the_one_that_takes_longest_is_cut() -> None:
    pool = BufferPool(3 * SMALL_BUFFER_BYTES)
    stuck, slow, quick = [Wire(pool=pool) for _ in range(3)]
    for wire in (stuck, slow, quick):
        begin_large(wire, SMALL_BUFFER_BYTES + 1000)
    assert (stuck.closed, slow.closed, quick.closed) == (True, False, False)
    quick.put(bytes(SMALL_BUFFER_BYTES // 2))
    assert (slow.closed, quick.closed) == (False, False)
    quick.put(bytes(SMALL_BUFFER_BYTES))
    assert (slow.closed, quick.closed) == (True, False)
    assert pool.held_bytes == 4 + 1000 + 5 * SMALL_BUFFER_BYTES // 2


def test_a_large_request_that_is_handled_is_held_no_longer() -> None:
    pool = BufferPool(2 * LARGE)
    wire = Wire(pool=pool)
    for _ in range(5):
        wire.put(framed(bytes(LARGE), b"next"))
        assert [len(frame) for frame in wire.frames()] == [LARGE, 4]
        wire.connection.release()
        assert pool.held_bytes == 0


def test_a_large_request_that_is_lost_is_held_no_longer() -> None:
    pool = BufferPool(2 * LARGE)
    wire = Wire(pool=pool)
    begin_large(wire, LARGE // 2)
    wire.connection.forget()
    assert pool.held_bytes == 0


def test_who_goes_on_is_not_the_one_that_takes_longest() -> None:
    pool = BufferPool(3 * SMALL_BUFFER_BYTES)
    steady, stuck, other = [Wire(pool=pool) for _ in range(3)]
    request = framed(bytes(LARGE // 3))
    steady.put(request + request[:1000])
    begin_large(stuck, SMALL_BUFFER_BYTES + 1000)
    assert len(steady.frames()) == 1
    steady.connection.release()
    begin_large(other, SMALL_BUFFER_BYTES + 1000)
    other.put(bytes(SMALL_BUFFER_BYTES))
    assert (steady.closed, stuck.closed, other.closed) == (False, True, False)


def test_small_requests_count_nothing() -> None:
    pool = BufferPool(0)
    wires = [Wire(pool=pool) for _ in range(20)]
    for wire in wires:
        wire.put(framed(b"request") + b"\0")
        assert wire.frames() == [b"request"]
        wire.connection.release()
    assert not any(wire.closed for wire in wires)

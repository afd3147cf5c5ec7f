"""Sealed frames: whatever was sent arrives in order; whatever else is done to them is noticed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata.cluster.sealing import LENGTH_BYTES, Opener, Sealer
from raftkafka.errors import Malformed

KEY = b"k" * 32
BODIES = st.lists(st.binary(max_size=300), min_size=1, max_size=8)


def opened(stream: bytes, cuts: list[int] | None = None, key: bytes = KEY) -> list[bytes]:
    """Return the bodies in a stream that arrives in pieces.

    Raises:
        Malformed: one does not check.
    """
    opener = Opener(key)
    bodies: list[bytes] = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts or []), len(stream)]
    for start, end in pairwise(edges):
        opener.feed(stream[start:end])
        while (body := opener.next_body()) is not None:
            bodies.append(body)
    return bodies


@given(BODIES, st.lists(st.integers(0, 10_000), max_size=10))
def test_frames_arrive_in_whatever_pieces_they_come(bodies: list[bytes], cuts: list[int]) -> None:
    assert opened(Sealer(KEY).seal(bodies), cuts) == bodies


@given(BODIES, st.data())
def test_a_changed_bit_is_never_taken(bodies: list[bytes], data: st.DataObject) -> None:
    stream = bytearray(Sealer(KEY).seal(bodies))
    position = data.draw(st.integers(0, len(stream) - 1))
    stream[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        taken = opened(bytes(stream))
    except Malformed:
        return
    # a longer length leaves a frame that never becomes whole
    assert len(taken) < len(bodies)
    assert taken == bodies[: len(taken)]


@given(st.lists(st.binary(max_size=50), min_size=2, max_size=6), st.data())
def test_frames_do_not_change_places_repeat_or_get_lost(
    bodies: list[bytes], data: st.DataObject
) -> None:
    sealer = Sealer(KEY)
    frames = [sealer.seal([body]) for body in bodies]
    order = data.draw(st.lists(st.integers(0, len(frames) - 1), min_size=1, max_size=6))
    if order == list(range(len(order))):
        assert opened(b"".join(frames[i] for i in order)) == bodies[: len(order)]
        return
    with pytest.raises(Malformed):
        opened(b"".join(frames[i] for i in order))


def test_what_a_peer_may_send_before_it_is_known_is_little() -> None:
    opener = Opener(KEY)
    opener.feed((1 << 16).to_bytes(LENGTH_BYTES, "big"))
    with pytest.raises(Malformed, match="are allowed"):
        opener.next_body()


def test_another_connections_frames_are_refused() -> None:
    with pytest.raises(Malformed, match="did not send"):
        opened(Sealer(b"x" * 32).seal([b"body"]))


def test_a_frame_that_is_too_long_is_refused_by_its_length_alone() -> None:
    opener = Opener(KEY, body_bytes_max=100)
    opener.feed(Sealer(KEY).seal([b"x" * 100]))
    assert opener.next_body() == b"x" * 100
    opener.feed((101).to_bytes(LENGTH_BYTES, "big"))
    with pytest.raises(Malformed, match="a frame of 101 bytes, and 100 are allowed"):
        opener.next_body()

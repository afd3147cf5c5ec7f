"""What a peer sends is checked before anything of it is used."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata.raft.commands import NO_OP, RequestId, unwrap, wrap
from metadata.raft.messages import (
    AppendAnswer,
    AppendEntries,
    Message,
    PreVote,
    PreVoteAnswer,
    RequestVote,
    Seating,
    SnapshotAnswer,
    SnapshotChunk,
    StaleTerm,
    TimeoutNow,
    Vote,
    from_wire,
    to_wire,
)
from raftkafka.errors import Malformed

EACH_KIND: list[Message] = [
    PreVote(1, 2, 3),
    PreVoteAnswer(1, 2, granted=True),
    RequestVote(1, 2, 3, transfer=False),
    Vote(7),
    AppendEntries(3, 9, 4, 2, [(NO_OP, 5, 2), (b"\x00x", 6, 3)], 8),
    AppendAnswer(1, 2, reset=True, success=False, read_round=4),
    SnapshotChunk(1, 2, 3, 4, b"data"),
    SnapshotAnswer(1, 2, 3, 4),
    StaleTerm(1),
    TimeoutNow(1),
    Seating(1, True, [(1, b"1" * 16, 0)], [(1, b"1" * 16), (2, b"2" * 16)]),
]


@pytest.mark.parametrize("message", EACH_KIND, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert from_wire(cbor2.loads(cbor2.dumps(to_wire(message)))) == message


@pytest.mark.parametrize("message", EACH_KIND, ids=lambda message: type(message).__name__)
def test_every_field_is_checked(message: Message) -> None:
    """Override 6: wrong types, negative numbers, and fields too few or too many are refused."""
    whole = to_wire(message)
    wrong_values: list[object] = [None, -1, 1.5, "1", ["x"], [[1, 2]], 1 << 62]
    for place in range(len(whole)):
        for wrong in wrong_values:
            with pytest.raises(Malformed):
                from_wire([*whole[:place], wrong, *whole[place + 1 :]])
    for frame in (whole[:-1], [*whole, 0]):
        with pytest.raises(Malformed):
            from_wire(frame)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([[b"\x00x", 6, 2]], id="a gap"),
        pytest.param([[b"\x00x", 5, 2], [b"\x00x", 5, 2]], id="an index twice"),
        pytest.param([[b"\x00x", 5, 1]], id="a term that falls"),
        pytest.param([[b"\x00x", 5, 4]], id="a term beyond the leader's"),
        pytest.param([[b"\x02pickle", 5, 2]], id="a membership command"),
        pytest.param([[b"\x03pickle", 5, 2]], id="a version command"),
        pytest.param([[b"", 5, 2]], id="nothing"),
        pytest.param([["text", 5, 2]], id="text"),
        pytest.param([[b"\x04short", 5, 2]], id="a request id cut short"),
    ],
)
def test_entries_are_checked(entries: list[object]) -> None:
    """Overrides 6 and 7: what is no command of ours never reaches the log."""
    with pytest.raises(Malformed):
        from_wire([4, 3, 9, 4, 2, entries, 8])


@given(st.recursive(st.integers() | st.binary() | st.booleans() | st.none(), st.lists))
def test_garbage_is_refused(frame: object) -> None:
    try:
        message = from_wire(frame)
    except Malformed:
        return
    assert to_wire(message) == frame


@given(st.binary(), st.none() | st.tuples(st.integers(0, 2**63), st.integers(0, 2**63)))
def test_a_command_survives_its_wrapping(command: bytes, request: tuple[int, int] | None) -> None:
    named = None if request is None else RequestId(*request)
    assert unwrap(wrap(command, named)) == (command, named)

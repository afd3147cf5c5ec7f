"""Frames of a channel: what goes in comes out, and nothing else is taken."""

from __future__ import annotations

import pytest

from metadata.cluster import wire
from metadata.raft.messages import AppendEntries, Vote
from raftkafka.errors import ErrorCode, KafkaError, Malformed


def test_every_kind_comes_out_as_it_went_in() -> None:
    append = AppendEntries(3, 1, 1, 2, [(b"\x00command", 2, 3)], 0)
    assert wire.read(wire.raft_body(Vote(7))) == Vote(7)
    assert wire.read(wire.raft_body(append)) == append
    assert wire.read(wire.question_body(5, "ask", [1, None])) == wire.Question(5, "ask", [1, None])
    assert wire.read(wire.answer_body(5, {"a": b"b"})) == wire.Answered(5, {"a": b"b"})
    assert wire.read(wire.not_taken_body(5)) == wire.NotTaken(5)
    assert wire.read(wire.ALIVE) == wire.Alive()


def test_an_error_keeps_its_code_and_message() -> None:
    failed = wire.read(wire.error_body(5, KafkaError(ErrorCode.NOT_CONTROLLER, "ask another")))
    assert isinstance(failed, wire.Failed)
    assert (failed.error.code, failed.error.message) == (ErrorCode.NOT_CONTROLLER, "ask another")
    unknown = wire.read(wire.encode([wire.Kind.ERROR, 5, 9999, None]))
    assert isinstance(unknown, wire.Failed)
    assert unknown.error.code == ErrorCode.UNKNOWN_SERVER_ERROR


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        [9],
        [0, [99]],
        [0],
        [1, "a", "b", []],
        [1, 1, "m" * 65, []],
        [1, 1, "m", 7],
        [3, 1],
    ],
)
def test_anything_else_is_refused(content: object) -> None:
    with pytest.raises(Malformed):
        wire.read(wire.encode(content))


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x9f" * 5000, b"\x82\x00"])
def test_what_is_no_cbor_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        wire.read(body)

"""The checker of histories proves itself: true histories pass, each kind of lie is found."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.chaos.linearizability import violations
from tests.chaos.operations import NEVER, Kind, Operation, Outcome, read_history, write_history

CREATE, DELETE, READ = Kind.CREATE, Kind.DELETE, Kind.READ
DONE, REFUSED, NOTHING, UNKNOWN = Outcome.DONE, Outcome.REFUSED, Outcome.NOTHING, Outcome.UNKNOWN


def op(
    called_s: float, returned_s: float, kind: Kind, outcome: Outcome, topic_id: str | None = None
) -> Operation:
    returned_s = NEVER if outcome is UNKNOWN else returned_s
    return Operation(1, 1, kind, "t", called_s, returned_s, outcome, topic_id)


TRUE = {
    "created, read": [op(0, 1, CREATE, DONE, "a"), op(2, 3, READ, DONE, "a")],
    "created, deleted, gone": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 3, DELETE, DONE),
        op(4, 5, READ, DONE, None),
    ],
    "of two creations at once one finds the other": [
        op(0, 3, CREATE, REFUSED),
        op(1, 2, CREATE, DONE, "a"),
        op(4, 5, READ, DONE, "a"),
    ],
    "an unanswered creation took effect late": [
        op(0, 0, CREATE, UNKNOWN),
        op(1, 2, DELETE, REFUSED),
        op(3, 4, READ, DONE, "x"),
    ],
    "an unanswered creation never took effect": [
        op(0, 0, CREATE, UNKNOWN),
        op(1, 2, CREATE, DONE, "a"),
        op(3, 4, READ, DONE, "a"),
    ],
    "an unanswered deletion between two creations": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 2, DELETE, UNKNOWN),
        op(3, 4, CREATE, DONE, "b"),
        op(5, 6, READ, DONE, "b"),
    ],
    "what had no effect says nothing": [
        op(0, 1, CREATE, NOTHING),
        op(2, 3, READ, DONE, None),
    ],
    "a read overlaps a deletion": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 5, DELETE, DONE),
        op(3, 4, READ, DONE, "a"),
    ],
}
FALSE = {
    "an acknowledged creation is lost": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 3, READ, DONE, None),
    ],
    "an acknowledged deletion is lost": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 3, DELETE, DONE),
        op(4, 5, READ, DONE, "a"),
    ],
    "a fork: both sides created it": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 3, CREATE, DONE, "b"),
    ],
    "at once, but both created it": [
        op(0, 3, CREATE, DONE, "a"),
        op(1, 2, CREATE, DONE, "b"),
    ],
    "refused for a topic that is not there": [op(0, 1, CREATE, REFUSED)],
    "missed a topic that is there": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 3, DELETE, REFUSED),
    ],
    "another topic of this name": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 3, READ, DONE, "b"),
    ],
    "the deleted one came back instead of an unanswered one": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 3, DELETE, DONE),
        op(4, 4, CREATE, UNKNOWN),
        op(5, 6, READ, DONE, "a"),
    ],
    "an unanswered deletion took effect twice": [
        op(0, 1, CREATE, DONE, "a"),
        op(2, 2, DELETE, UNKNOWN),
        op(3, 4, READ, DONE, None),
        op(5, 6, CREATE, DONE, "b"),
        op(7, 8, READ, DONE, None),
    ],
    "an effect before its call": [
        op(0, 1, READ, DONE, "a"),
        op(2, 3, CREATE, DONE, "a"),
    ],
    "no answer is true of what nobody created": [op(0, 1, DELETE, DONE)],
}


@pytest.mark.parametrize("history", TRUE.values(), ids=TRUE)
def test_true_history_passes(history: list[Operation]) -> None:
    assert violations(history) == []


@pytest.mark.parametrize("history", FALSE.values(), ids=FALSE)
def test_lie_is_found(history: list[Operation]) -> None:
    (found,) = violations(history)
    assert found.answer in history
    assert str(found.answer) in str(found)


def test_topics_are_judged_apart() -> None:
    good = Operation(1, 1, CREATE, "good", 0, 1, DONE, "a")
    bad = Operation(1, 1, CREATE, "bad", 0, 1, REFUSED)
    assert [found.answer for found in violations([good, bad])] == [bad]


def made_up(random: Random, clients: int, steps: int) -> list[Operation]:
    """Return what clients would be told by a server that is right, but sometimes silent."""
    ids = (f"id-{n}" for n in count())
    now_s, state = 0.0, None
    free_at_s = [0.0] * clients
    history: list[Operation] = []
    for _ in range(steps):
        now_s += random.random()  # when this one takes effect
        client = random.randrange(clients)
        called_s = random.uniform(min(free_at_s[client], now_s), now_s)
        returned_s = now_s + random.random()
        free_at_s[client] = returned_s
        kind = random.choice([CREATE, CREATE, DELETE, READ])
        outcome, topic_id = DONE, None
        if kind is READ:
            topic_id = state
        elif (state is not None) == (kind is CREATE):
            outcome = REFUSED
        else:
            state = topic_id = next(ids) if kind is CREATE else None
        if kind is not READ and random.random() < 0.1:
            outcome, topic_id, returned_s = UNKNOWN, None, NEVER
        history.append(Operation(client, 1, kind, "t", called_s, returned_s, outcome, topic_id))
    history.append(Operation(0, 1, READ, "t", now_s + 9, now_s + 10, DONE, state))
    return history


@pytest.mark.parametrize("seed", range(100))
def test_drawn_history_passes_until_its_end_is_falsified(seed: int) -> None:
    random = Random(seed)
    history = made_up(random, clients=4, steps=60)
    assert violations(history) == []
    *before, last = history
    wrong = Operation(0, 1, READ, "t", last.called_s, last.returned_s, DONE, "nobody's")
    without_silence = [one for one in before if one.outcome is not UNKNOWN]
    if len(without_silence) == len(before):
        assert violations([*before, wrong])
    again = Operation(0, 1, CREATE, "t", last.returned_s + 1, last.returned_s + 2, DONE, "new")
    twice = Operation(0, 1, CREATE, "t", last.returned_s + 3, last.returned_s + 4, DONE, "newer")
    silent_deletions = any(one.kind is DELETE and one.outcome is UNKNOWN for one in before)
    if not silent_deletions:
        assert violations([*history, again, twice])


def test_history_survives_its_file(tmp_path: Path) -> None:
    history = sorted(made_up(Random(1), clients=3, steps=40), key=lambda one: one.called_s)
    write_history(tmp_path / "history.jsonl", history)
    assert read_history(tmp_path / "history.jsonl") == history

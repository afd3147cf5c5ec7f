"""Linearizable reads."""

from __future__ import annotations

import pytest

from metadata.errors import NotController
from metadata.raft.messages import AppendAnswer
from tests.unit.raft.bench import Bench


def test_a_lone_voter_reads_at_once() -> None:
    bench = Bench(1)
    bench.elect(1)
    bench[1].propose(b"x")
    read: list[int | None] = []
    bench[1].core.read(bench.now, read.append)
    assert read == [2]


def test_a_read_waits_for_a_majority_that_answered_after_it_began() -> None:
    """Override 9, ReadIndex: an answer that was under way already proves nothing."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench.take()
    bench.now += 0.2
    bench[1].step()
    bench.deliver(bench.take(1, 2))
    under_way = bench.take(2, 1, AppendAnswer)
    assert under_way
    read: list[int | None] = []
    bench[1].core.read(bench.now, read.append)
    bench[1].step()
    bench.deliver(under_way)
    assert read == []
    bench.flow((1, 2))
    assert read == [1]


def test_a_deposed_leader_answers_no_read() -> None:
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench.elect(2, 3)
    for _ in range(4):
        bench.deliver(bench.take(2, 3) + bench.take(3, 2))
    bench[2].propose(b"newer")
    for _ in range(4):
        bench.deliver(bench.take(2, 3) + bench.take(3, 2))
    assert bench[2].outcomes == [3]
    assert bench[1].core.leader_term == 1, "it does not know yet"
    read: list[int | None] = []
    bench[1].core.read(bench.now, read.append)
    bench.flow()
    assert read == [None]


def test_a_follower_answers_no_read() -> None:
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    with pytest.raises(NotController):
        bench[2].core.read(bench.now, lambda index: None)


def test_an_observer_confirms_no_read() -> None:
    bench = Bench(3, observers=[101, 102])
    bench.elect(1, 2, 3)
    bench.flow()
    bench.take()
    read: list[int | None] = []
    bench[1].core.read(bench.now, read.append)
    bench.flow((1, 101), (1, 102), rounds=2)
    assert read == []

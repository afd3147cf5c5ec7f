"""What a proposer is told, and that nothing is applied twice."""

from __future__ import annotations

import pytest

from metadata.errors import ApplyFailed, NotController, UnknownOutcome
from metadata.raft.commands import RequestId
from metadata.raft.messages import AppendEntries
from metadata.raft.sessions import Admission, Sessions
from tests.unit.raft.bench import Bench


def test_only_the_term_that_a_command_was_built_in_may_append_it() -> None:
    bench = Bench(1)
    bench.elect(1)
    node = bench[1]
    log = node.log()
    for term in (0, 2):
        with pytest.raises(NotController):
            node.core.propose(bench.now, b"x", term, node.outcomes.append, None)
    assert node.log() == log
    assert node.outcomes == []


def test_leadership_is_told_when_all_of_earlier_terms_is_applied() -> None:
    bench = Bench(1)
    bench.elect(1)
    for number in range(300):
        bench[1].propose(b"%d" % number)
    bench[1].restart()
    node = bench[1]
    while not node.machine.terms:
        for work in node.pump.step():
            work()
    assert node.machine.terms == [2]
    assert len(node.machine.applied) == 300


def test_a_proposal_of_a_deposed_leader_has_an_unknown_outcome() -> None:
    """Override 11: not failed, for the next leader may commit it."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].propose(b"x")
    bench.deliver(bench.take(1, 2, AppendEntries))
    bench.take()
    bench.elect(2, 3)
    bench.flow()
    assert [type(outcome) for outcome in bench[1].outcomes] == [UnknownOutcome]
    assert bench[3].machine.applied == [b"x"], "it was committed after all"


def test_a_proposal_that_a_snapshot_overtook_is_answered() -> None:
    """Override 11: a deposed leader that gets in step by snapshot forgets nobody who waits."""
    bench = Bench(3, snapshot_every_bytes=2000)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].propose(b"x")
    bench.take()
    bench.elect(2, 3)
    bench.flow((2, 3))
    for number in range(50):
        bench[2].propose(b"%d" % number)
        bench.flow((2, 3), rounds=3)
    assert bench[2].journal.base_index > 3
    bench.flow(rounds=30)
    assert [type(outcome) for outcome in bench[1].outcomes] == [UnknownOutcome]
    assert bench[1].machine.applied == bench[2].machine.applied


def test_a_repeated_proposal_is_applied_once() -> None:
    """Override 11: (session, sequence) names a proposal for good."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    request = RequestId(1, 0)
    bench[1].propose(b"x", request)
    bench[1].propose(b"x", request)
    bench.flow()
    bench[1].propose(b"x", request)
    assert bench[1].outcomes == [2, 2, 2]
    bench.elect(2, 3)
    bench.flow()
    bench[2].propose(b"x", request)
    assert bench[2].outcomes == [2], "any leader knows"
    assert [node.machine.applied for node in bench.values()] == [[b"x"]] * 3


def test_a_repetition_that_was_appended_before_the_first_was_known_is_not_applied() -> None:
    """Override 11: two leaders append it, and both entries get committed."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    request = RequestId(1, 0)
    bench[1].propose(b"x", request)
    bench.deliver(bench.take(1, 2, AppendEntries))
    bench.take()
    bench.elect(2, 3)
    two = bench[2]
    while two.core.leader_term is None:
        bench.deliver(bench.take(2, 3) + bench.take(3, 2))
        bench.now += 0.15
        two.step()
    two.propose(b"x", request)
    bench.flow()
    assert two.outcomes == [2]
    assert bench[3].machine.applied == [b"x"]


def test_sessions_survive_a_snapshot() -> None:
    bench = Bench(1, snapshot_every_bytes=2000)
    bench.elect(1)
    bench[1].propose(b"x", RequestId(1, 0))
    for _ in range(30):
        bench[1].propose(b"y")
    assert bench[1].journal.base_index > 2
    bench[1].restart()
    bench[1].step()
    bench[1].propose(b"x", RequestId(1, 0))
    assert bench[1].outcomes[-1] == 2
    assert bench[1].machine.applied.count(b"x") == 1


def test_what_is_too_old_to_tell_is_not_applied() -> None:
    sessions = Sessions(sessions_max=2, window=2)
    for sequence in range(4):
        assert sessions.admit(RequestId(10, sequence), 100 + sequence) is Admission.FIRST
    assert sessions.admit(RequestId(10, 3), 200) == 103
    assert sessions.admit(RequestId(10, 0), 200) is Admission.EXPIRED
    assert sessions.admit(RequestId(11, 0), 201) is Admission.FIRST
    assert sessions.admit(RequestId(12, 0), 202) is Admission.FIRST
    assert sessions.admit(RequestId(10, 9), 203) is Admission.EXPIRED, "the oldest session went"
    assert sessions.admit(RequestId(11, 0), 204) == 201


def test_a_failing_apply_is_fatal() -> None:
    """Override 10: the error names the entry and shows the record; nothing is applied again."""
    bench = Bench(1)
    bench.elect(1)
    node = bench[1]
    node.machine.error = ValueError("no such topic")
    with pytest.raises(
        ApplyFailed, match=r"entry 2 of term 1 failed: ValueError.*'topic'"
    ) as raised:
        node.propose(b"\x82\x01\x65topic")
    assert "820165746f706963" in str(raised.value)
    assert (raised.value.index, raised.value.term) == (2, 1)
    assert node.core.applied_index == 1

"""Who may lead, and for how long."""

from __future__ import annotations

from metadata.raft.messages import (
    AppendEntries,
    PreVote,
    PreVoteAnswer,
    RequestVote,
    Seating,
    TimeoutNow,
    Vote,
)
from metadata.raft.upstream import Role
from tests.unit.raft.bench import Bench


def test_a_lone_voter_leads_at_once() -> None:
    bench = Bench(1)
    node = bench[1]
    node.restart()
    node.step()
    assert (node.core.leader_term, node.core.commit_index) == (1, 1)
    assert node.machine.terms == [1]
    assert node.core.next_deadline() == float("inf"), "nobody to send heartbeats to"


def test_a_node_that_was_cut_off_burns_no_terms_and_unseats_nobody() -> None:
    """Override 9, PreVote: time-outs without a majority leave the term alone."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    term = bench[1].core.term
    for _ in range(5):
        bench[3].core.excuse(-2e9)
        bench[3].step()
        bench.take()
    assert bench[3].core.term == term
    bench.flow((1, 2))
    bench[3].core.excuse(-2e9)
    bench[3].step()
    bench.flow()
    assert bench.leaders() == [1]
    assert bench[1].core.term == term


def test_voters_that_hear_a_leader_ignore_candidates() -> None:
    """Override 9: not even a newer term moves them, unless the leader itself asked for it."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    term = bench[2].core.term
    bench[2].receive(3, RequestVote(term + 5, 100, term, transfer=False))
    assert bench[2].core.term == term
    assert not bench.take(2, 3, Vote)
    bench[2].receive(3, RequestVote(term + 5, 100, term, transfer=True))
    assert bench.take(2, 3, Vote)


def test_a_leader_without_a_majority_steps_down() -> None:
    """Override 9, CheckQuorum: within the time-out, and it says so to the state machine."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].propose(b"x")
    for _ in range(8):
        bench.now += 0.1
        bench[1].step()
        bench.take()
    assert bench[1].core.role is Role.FOLLOWER
    assert bench[1].machine.terms == [1, None]
    assert [type(outcome).__name__ for outcome in bench[1].outcomes] == ["UnknownOutcome"]


def test_a_late_wake_up_blames_nobody() -> None:
    """A process that stood still gives the others a heartbeat's time before it acts."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench.now += 10
    bench[1].core.excuse(10.1)
    bench[1].step()
    assert bench.leaders() == [1]


def test_leadership_is_handed_over() -> None:
    """Override 9: the follower that holds everything takes over at once, without a time-out."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].core.transfer_leadership(bench.now)
    bench[1].step()
    assert len(bench.take(1, None, TimeoutNow)) == 1
    bench[1].core.transfer_leadership(bench.now)
    bench[1].step()
    for _ in range(5):
        bench.deliver(bench.take())
    assert bench.leaders() in ([2], [3])
    assert bench[1].core.role is Role.FOLLOWER


def test_a_vote_that_arrives_twice_counts_once() -> None:
    """Override 12: votes are collected per voter."""
    candidate = Bench(5)[1]
    candidate.core.excuse(-2e9)
    candidate.step()
    for voter in (2, 3):
        candidate.receive(voter, PreVoteAnswer(0, 0, granted=True))
    roles: list[Role] = []
    for voter in (2, 2, 3):
        candidate.receive(voter, Vote(1))
        roles.append(candidate.core.role)
    assert roles == [Role.CANDIDATE, Role.CANDIDATE, Role.LEADER]


def test_a_pre_vote_that_arrives_twice_counts_once() -> None:
    candidate = Bench(5)[1]
    candidate.core.excuse(-2e9)
    candidate.step()
    candidate.receive(2, PreVoteAnswer(0, 0, granted=True))
    candidate.receive(2, PreVoteAnswer(0, 0, granted=True))
    assert candidate.core.term == 0


def test_an_observer_neither_leads_nor_votes() -> None:
    """Override 12: what only a voter may say is not heard from an observer."""
    bench = Bench(3, observers=[101])
    bench.elect(1, 2, 3)
    bench.flow()
    assert bench[101].log() == bench[1].log(), "it follows"
    bench[2].receive(101, AppendEntries(99, 1, 1, 1, [(b"\x01", 2, 99)], 0))
    assert (bench[2].core.leader_id, bench[2].core.term) == (1, 1)
    bench[2].receive(101, RequestVote(99, 100, 98, transfer=True))
    assert bench[2].core.term == 1
    bench[101].core.excuse(-2e9)
    bench[101].step()
    assert not bench.take(101, None, PreVote)
    bench[101].receive(2, RequestVote(2, 100, 1, transfer=True))
    assert not bench.take(101, None, Vote)


def test_an_observer_does_not_count_for_a_commit() -> None:
    bench = Bench(3, observers=[101, 102])
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].propose(b"x")
    bench.flow((1, 101), (1, 102), rounds=2)
    assert bench[1].outcomes == []


def test_a_node_votes_once_per_term_even_after_a_restart() -> None:
    """Override 4: the vote is durable before it leaves."""
    bench = Bench(3)
    bench[2].receive(1, RequestVote(1, 0, 0, transfer=False))
    assert bench.take(2, 1, Vote)
    bench[2].restart()
    bench[2].receive(3, RequestVote(1, 0, 0, transfer=False))
    assert not bench.take(2, 3, Vote)
    bench[2].receive(1, RequestVote(1, 0, 0, transfer=False))
    assert bench.take(2, 1, Vote), "the same candidate gets the same answer again"


def test_on_fresh_journals_the_lowest_connected_voter_campaigns_at_once() -> None:
    """Override 12: a new cluster does not wait for a time-out."""
    bench = Bench(3)
    low, middle = bench[2], bench[3]
    low.restart(connected=False)
    middle.restart(connected=False)
    bench.connect(2, 3)
    middle.step()
    low.step()
    bench.deliver(bench.take(None, None, Seating))
    assert not bench.take(3, None, PreVote), "node 2 is lower"
    assert bench.take(2, 3, PreVote), "node 1 is not there, and two are a majority"


def test_a_voter_with_a_history_waits_for_its_time_out() -> None:
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].restart()
    bench.connect(1, 2)
    bench.connect(1, 3)
    for node in bench.values():
        node.step()
    bench.deliver(bench.take(None, None, Seating))
    assert not bench.take(1, None, PreVote)

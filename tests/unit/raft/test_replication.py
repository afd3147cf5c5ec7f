"""What counts as committed, and what a follower keeps and cuts."""

from __future__ import annotations

from metadata.raft.messages import AppendAnswer, AppendEntries
from tests.unit.raft.bench import Bench


def leader_with_a_stale_follower() -> Bench:
    """Node 1 holds entry (2, term 1), which nobody else has; node 2 leads in term 2."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].propose(b"stale")
    bench.take()
    bench.elect(2, 3)
    bench.flow((2, 3))
    return bench


def test_a_follower_commits_only_what_it_verified() -> None:
    """Override 1: the commit index is clamped to the verified prefix."""
    bench = leader_with_a_stale_follower()
    heartbeat = AppendEntries(2, 9, 1, 1, [], 0)
    bench[1].receive(2, heartbeat)
    assert bench[1].core.commit_index == 1, "entry 2 is not the leader's entry 2"
    assert bench[1].machine.applied == []
    bench.flow()
    assert bench[1].log() == bench[2].log()


def test_an_acknowledgement_of_another_term_does_not_count() -> None:
    """Override 2: messages carry their sender's term, and those of older terms are dropped."""
    bench = Bench(5)
    bench.elect(1, 2, 3, 4, 5)
    bench.flow()
    for number in range(6):
        bench[1].propose(b"lost %d" % number)
    bench.deliver(bench.take(1, 2, AppendEntries))
    late = bench.take(2, 1, AppendAnswer)
    assert late, "node 2 acknowledged the six entries of term 1"
    bench.take()
    bench.elect(3, 4, 5)
    bench.flow((3, 1), (3, 4), (3, 5))
    assert bench[1].log() == [(1, 1), (2, 2)], "the six are cut"
    bench.elect(1, 4, 5)
    bench.flow((1, 4), (1, 5))
    bench[1].propose(b"new")
    bench.deliver(bench.take(1, 4))
    bench.deliver(bench.take(4, 1))
    bench.take()
    bench.deliver(late)
    bench[1].step()
    assert bench[1].outcomes[-1:] != [4], "held by nodes 1 and 4 of five"
    assert len(bench[1].outcomes) == 6


def test_a_follower_never_cuts_what_the_leader_has_too() -> None:
    """Override 3: a resend that ends before the follower's log does cuts nothing."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].propose(b"a")
    bench[1].propose(b"b")
    sent = [m for _, _, m in bench.take(1, 2, AppendEntries) if isinstance(m, AppendEntries)]
    bench.flow()
    log = bench[2].log()
    bench[2].receive(1, sent[0]._replace(entries=sent[0].entries[:1]))
    assert bench[2].log() == log
    assert bench[1].outcomes == [2, 3]


def test_a_follower_cuts_what_the_leader_contradicts() -> None:
    bench = leader_with_a_stale_follower()
    bench[2].propose(b"new")
    bench.flow()
    assert bench[1].log() == bench[2].log() == [(1, 1), (2, 2), (3, 2)]
    assert bench[1].machine.applied == [b"new"]
    bench[1].restart()
    assert bench[1].log() == bench[2].log(), "cut on disk too"


def test_a_leader_counts_itself_only_when_its_entry_is_durable() -> None:
    """Override 12: two of three hold the entry, but one of the two only in memory."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    leader = bench[1]
    term = leader.core.leader_term
    assert term is not None
    leader.core.propose(bench.now, b"x", term, leader.outcomes.append, None)
    steps = leader.pump.step()
    write = next(steps)
    bench.deliver(bench.take(1, 2))
    answers = [message for _, _, message in bench.take(2, 1)]
    assert answers, "the entry left before the leader's own write"
    for answer in answers:
        leader.core.receive(bench.now, 2, answer)
    leader.core.tick(bench.now)
    assert leader.outcomes == [], "durable on node 2 alone"
    write()
    assert next(steps, None) is None
    leader.step()
    assert leader.outcomes == [2]


def test_an_entry_of_an_older_term_is_not_committed_by_counting() -> None:
    """Override 12, Raft figure 8: only an entry of the leader's own term commits by count."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    bench[1].propose(b"old")
    bench.deliver(bench.take(1, 2, AppendEntries))
    bench.take()
    bench.elect(2, 3)
    two = bench[2]
    bench.take()
    held = AppendEntries(two.core.term, 1, 1, 1, [two.journal.entry(2)], 0)
    bench[3].receive(2, held)
    bench.deliver(bench.take(3, 2))
    bench.take()
    assert two.core.commit_index == 1, "two of three hold entry 2, but it is of term 1"
    bench.flow((2, 3))
    assert two.core.commit_index == 3, "with the no-op of term 2, entry 2 is committed"
    assert two.machine.applied == [b"old"]


def test_the_commit_index_is_not_stored() -> None:
    """Override 12: after a restart nothing is committed until a leader says so."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench[1].propose(b"x") if bench[1].core.leader_term else bench.flow()
    bench.flow()
    bench[2].restart()
    assert bench[2].core.commit_index == 0
    assert bench[2].machine.applied == []


def test_a_peer_gets_a_bounded_window() -> None:
    """Override 12: a leader does not send more than a window ahead of the acknowledgements."""
    bench = Bench(3, batch_bytes=1000, window_entries=8)
    bench.elect(1, 2, 3)
    bench.flow()
    bench.take()
    for number in range(100):
        bench[1].propose(b"%d" % number)
    sent = [m for _, _, m in bench.take(1, 2, AppendEntries) if isinstance(m, AppendEntries)]
    newest = max(entry[1] for message in sent for entry in message.entries)
    assert newest <= 1 + 8 + 8, "the window, and at most one batch that began inside it"


def test_back_tracking_skips_whole_terms() -> None:
    """Override 8: a long tail of one term costs one round trip, not one per entry."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    for number in range(200):
        bench[1].propose(b"stale %d" % number)
    bench.take()
    bench.elect(2, 3)
    for number in range(300):
        bench[2].propose(b"new %d" % number) if bench[2].core.leader_term else bench.flow((2, 3))
    bench.flow((2, 3))
    bench.flow(rounds=8)
    assert bench[1].log() == bench[2].log()


def test_a_stale_reset_does_not_move_a_follower_back() -> None:
    """Override 8: a reset below what the follower is known to hold is ignored."""
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    for number in range(20):
        bench[1].propose(b"%d" % number)
    bench.flow()
    stale = AppendAnswer(bench[1].core.term, 3, reset=True, success=False, read_round=0)
    bench.take()
    bench[1].receive(2, stale)
    resent = [m for _, _, m in bench.take(1, 2, AppendEntries) if isinstance(m, AppendEntries)]
    assert not [entry for message in resent for entry in message.entries]


def test_a_diverging_follower_gets_in_step_behind_pipelined_batches() -> None:
    """Override 8: each of many batches in flight resets; the one that steps back must win."""
    bench = Bench(3, batch_bytes=20_000)
    bench.elect(1, 2, 3)
    bench.flow()
    for number in range(3):
        bench[1].propose(b"stale %d" % number)
    bench.take()
    bench.elect(2, 3)
    bench.flow((2, 3))
    for _ in range(20):
        bench[2].propose(b"v" * 10_000)
    bench.flow((2, 3))
    bench.flow(rounds=10)
    assert bench[1].log() == bench[2].log()


def test_a_large_command_needs_no_special_path() -> None:
    """Override 6: an entry larger than a batch goes whole, in CBOR, where stock pickles pieces."""
    bench = Bench(3, batch_bytes=1 << 16)
    bench.elect(1, 2, 3)
    bench.flow()
    for size in range((1 << 17) - 3, (1 << 17) + 3):
        bench[1].propose(b"v" * size)
    bench.flow()
    assert bench[1].outcomes == [2, 3, 4, 5, 6, 7]
    assert bench[3].machine.applied == bench[1].machine.applied

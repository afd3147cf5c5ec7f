"""Identity and amnesia: which folders may vote, and who decides it."""

from __future__ import annotations

import pytest

from metadata.errors import NotReadmitted
from metadata.raft.messages import AppendAnswer, PreVote, RequestVote, Seating, Vote
from tests.unit.raft.bench import Bench


def voted(bench: Bench, node_id: int) -> bool:
    """Whether a node gives its vote to node 1 in a new term, with a log that has everything."""
    bench[node_id].core.excuse(-1e12)  # it hears of no leader
    term = max(node.core.term for node in bench.values()) + 1
    bench[node_id].receive(1, RequestVote(term, 1 << 40, term - 1, transfer=True))
    return bool(bench.take(node_id, 1, Vote))


def campaigns(bench: Bench, node_id: int) -> bool:
    """Whether a node asks for votes when its time is out."""
    bench.take()
    bench[node_id].core.excuse(-1e12)
    bench[node_id].step()
    return bool(bench.take(node_id, None, PreVote))


def test_a_fresh_voter_votes_only_after_it_has_met_all_voters() -> None:
    bench = Bench(3, formed=False)
    for node in bench.values():
        node.step()
    first = bench.take(None, None, Seating)
    bench.deliver([entry for entry in first if 3 not in entry[:2]])
    assert not bench[1].journal.seats
    assert not campaigns(bench, 1)
    assert not voted(bench, 2)
    for node in bench.values():
        node.core.disconnected(bench.now, 3)
    bench.connect(1, 3)
    bench.connect(2, 3)
    bench.flow(rounds=2)
    assert all(set(node.journal.seats) == {1, 2, 3} for node in bench.values())


def test_the_list_of_voters_outlives_a_restart_and_its_segment() -> None:
    bench = Bench(3, formed=False, snapshot_every_bytes=1500)
    bench.flow(rounds=3)
    bench.elect(1)
    seats = bench[2].journal.seats
    for number in range(60):
        bench[1].propose(b"x" * 50 + b"%d" % number)
        bench.flow(rounds=1)
    bench.flow()
    bench[2].restart(power_loss=True)
    assert bench[2].journal.base_index > 0
    assert bench[2].journal.seats == seats
    assert len(seats) == 3


def test_a_wiped_voter_and_a_lagging_one_never_elect() -> None:
    """Amnesia: 1 and 3 acknowledged what 2 lacks; 3 forgets it; 2 and 3 are no majority now."""
    bench = Bench(3)
    bench.elect(1)
    bench.flow((1, 3))
    bench[1].propose(b"acknowledged")
    bench.flow((1, 3))
    assert bench[1].outcomes == [2]
    bench[3].wipe()
    bench.flow((2, 3))
    for candidate in (2, 3):
        bench.campaign(candidate, 2, 3)
        bench.flow((2, 3))
    assert bench.leaders() == []
    assert bench[3].core.is_shut_out
    bench.take()
    bench.elect(1, 2)
    bench.flow((1, 2))
    assert bench[2].machine.applied == [b"acknowledged"]


def test_two_wiped_voters_of_three_do_not_form_another_quorum() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    bench[2].wipe()
    bench[3].wipe()
    bench.flow((1, 2), (1, 3), (2, 3))
    for candidate in (2, 3):
        bench.campaign(candidate, 2, 3)
    assert bench[2].core.role.name == bench[3].core.role.name == "FOLLOWER"
    assert bench[2].core.is_shut_out
    assert bench[3].core.is_shut_out


def test_acknowledgements_of_a_wiped_voter_do_not_count() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench[1].propose(b"x")
    bench.flow((1, 3), rounds=4)
    assert bench[3].log() == bench[1].log(), "it follows"
    assert 2 not in bench[1].outcomes
    assert bench[1].core.commit_index == 1


def test_a_wiped_voter_does_not_keep_a_leader_in_office() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench.flow((1, 3), rounds=10)
    assert bench.leaders() == [] or bench[1].core.role.name == "FOLLOWER"


def test_a_leader_takes_a_wiped_voter_for_empty() -> None:
    """Resets below what a follower held are ignored only as long as it is the same folder."""
    bench = Bench(3)
    bench.elect(1)
    for number in range(5):
        bench[1].propose(b"%d" % number)
    bench.flow()
    bench[3].wipe()
    bench.flow()
    assert bench[3].log() == bench[1].log()


def test_readmission_is_a_committed_command_that_every_voter_sees() -> None:
    bench = Bench(3, observers=[101])
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench.flow()
    folder = bench[3].identity.directory_id
    bench[1].readmit(3)
    bench.flow()
    assert bench[1].outcomes == [2]
    assert all(bench[node].journal.seats[3] == (folder, 2) for node in (1, 2, 3))
    assert bench[1].journal.seats == bench[2].journal.seats == bench[3].journal.seats
    assert voted(bench, 3)
    assert campaigns(bench, 3)
    bench.elect(3, 2)


def test_the_others_commit_a_readmission() -> None:
    """While it waits in the log, the new folder does not count, and the old one neither."""
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench.flow()
    bench[1].readmit(3)
    bench.flow((1, 3), rounds=1)
    bench.deliver(bench.take(3, 1))
    assert bench[1].outcomes == []
    bench.flow(rounds=6)
    assert bench[1].outcomes == [2]


def test_a_readmission_is_known_from_a_snapshot_and_after_a_restart() -> None:
    bench = Bench(3, snapshot_every_bytes=1500)
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench.flow()
    bench[1].readmit(3)
    bench.flow((1, 3), (1, 2))
    for number in range(60):
        bench[1].propose(b"x" * 50 + b"%d" % number)
        bench.flow((1, 3), rounds=1)
    bench.flow()
    seats = bench[1].journal.seats
    for node in (1, 2, 3):
        bench[node].restart(power_loss=True)
        assert bench[node].journal.seats == seats


def test_a_former_folder_does_not_come_back_after_a_readmission() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    former = bench[3].disk
    bench[3].wipe()
    bench.flow()
    bench[1].readmit(3)
    bench.flow()
    bench[3].disk = former
    bench[3].start()
    for there in (1, 2):
        bench.connect(there, 3)
    bench.flow(rounds=3)
    assert bench[3].core.is_shut_out
    assert not voted(bench, 3)


@pytest.mark.parametrize(
    ("voter", "reason"),
    [
        pytest.param(101, "no voter", id="an observer"),
        pytest.param(2, "has its vote", id="a voter with its own folder"),
        pytest.param(3, "has not caught up", id="a voter that lags"),
    ],
)
def test_only_a_caught_up_voter_without_a_vote_is_readmitted(voter: int, reason: str) -> None:
    bench = Bench(3, observers=[101])
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench.flow((1, 2), rounds=1)
    with pytest.raises(NotReadmitted, match=reason):
        bench[1].readmit(voter)


def test_a_voter_that_is_away_is_not_readmitted() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench[1].core.disconnected(bench.now, 3)
    with pytest.raises(NotReadmitted, match="not connected"):
        bench[1].readmit(3)


def test_a_lost_list_is_asked_for_again() -> None:
    bench = Bench(3, formed=False)
    for node in bench.values():
        node.step()
    bench.take()  # all of the first exchange is lost
    for node in bench.values():
        node.core.excuse(-2e9)
    bench.flow(rounds=3)
    assert all(len(node.journal.seats) == 3 for node in bench.values())


def test_nobody_hears_of_the_list_before_it_is_durable() -> None:
    bench = Bench(3, formed=False)
    for node in bench.values():
        node.step()
    for source, _, message in bench.take(None, 1, Seating):
        bench[1].pump.deliver(source, message)
    bench.take()
    step = bench[1].pump.step()
    next(step)
    assert not bench.take(1), "the list is being written"
    bench[1].restart(power_loss=True, connected=False)
    assert not bench[1].journal.seats


def test_an_acknowledgement_of_a_leaders_folder_that_is_out_of_date_is_none() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench[1].propose(b"x")
    bench.take()
    bench[1].receive(3, AppendAnswer(1, 3, reset=False, success=True, read_round=0))
    assert bench[1].core.commit_index == 1


def test_a_seat_does_not_count_while_its_readmission_waits() -> None:
    """Not even the former folder's: others may have applied the readmission already."""
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    former = bench[3].disk
    bench[3].wipe()
    bench.flow()
    bench[1].readmit(3)
    bench.take()
    bench[3].disk = former.after_kill()
    bench[3].start()
    bench.connect(1, 3)
    bench[1].propose(b"x")
    bench.flow((1, 3), rounds=4)
    assert bench[1].core.commit_index == 1

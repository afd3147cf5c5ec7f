"""Identity and amnesia: which folders may vote, and who decides it."""

from __future__ import annotations

import pytest

from metadata.errors import NotReadmitted
from metadata.raft.messages import (
    AppendAnswer,
    AppendEntries,
    PreVote,
    RequestVote,
    Seating,
    Vote,
)
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


def forget_what_2_lacks(bench: Bench) -> None:
    """1, who leads, and 3 acknowledge an entry; 3 forgets it; 2 and 3 campaign without 1."""
    bench.flow((1, 3))
    bench[1].propose(b"acknowledged")
    bench.flow((1, 3))
    assert bench[1].outcomes == [2]
    bench[3].wipe()
    bench.flow((2, 3))
    for candidate in (2, 3):
        bench.campaign(candidate, 2, 3)
        bench.flow((2, 3))


def test_a_voter_that_helped_one_formation_takes_part_in_no_other() -> None:
    """1 forms with 2 and 3, and 2 does not hear of it; then 3 is wiped, and 2 meets the new one."""
    bench = Bench(3, formed=False)
    for node in bench.values():
        node.step()
    bench.deliver(bench.take(1, 2))  # that 1 has no list
    bench.take(None, 2)
    bench.deliver(bench.take(None, 1))
    assert bench[1].journal.seats
    bench.flow((1, 3), rounds=2)
    bench.elect(1, 3)
    forget_what_2_lacks(bench)
    assert bench[2].journal.seats == bench[3].journal.seats == {}
    assert not {2, 3} & set(bench.leaders())
    bench.campaign(2)  # it may not, and asks all for the list; then 1 can win
    bench.flow((1, 2), (1, 3))
    assert bench[2].machine.applied == [b"acknowledged"]
    assert bench[3].core.is_shut_out


def test_a_fresh_voter_that_is_wiped_before_the_list_is_formed_is_no_obstacle() -> None:
    bench = Bench(3, formed=False)
    for node in bench.values():
        node.step()
    bench.take()
    bench[3].wipe()
    bench.flow(rounds=2)
    folder = bench[3].identity.directory_id
    assert all(node.journal.seats[3] == (folder, 0) for node in bench.values())


def test_a_voter_without_the_list_that_holds_a_leaders_entries_lets_nobody_form() -> None:
    bench = Bench(3, formed=False)
    bench[2].receive(1, AppendEntries(1, 0, 0, 0, [], 0))
    bench.take()
    bench[2].core.excuse(-1e12)
    bench[2].step()
    asked = [message for _, _, message in bench.take(2, None, Seating)]
    assert asked
    assert all(isinstance(it, Seating) and not it.met and not it.seats for it in asked)


def test_voters_that_wait_for_others_leave_each_other_in_peace() -> None:
    bench = Bench(3, formed=False)
    for _ in range(6):
        for node in bench.values():
            node.step()
        bench.deliver([entry for entry in bench.take() if 3 not in entry[:2]])
    assert not bench.take(1, 2)
    assert not bench.take(2, 1)


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
    forget_what_2_lacks(bench)
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


def test_a_readmitted_voter_that_lacks_the_list_asks_for_it_until_it_has_it() -> None:
    """Else it would have a vote, and nobody to give it to."""
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    for round_ in range(20):
        bench.now += 0.15
        for node in bench.values():
            node.step()
        bench.take(None, 3, Seating)
        bench.deliver(bench.take())
        if round_ == 10:
            bench[1].readmit(3)
    assert bench[1].outcomes == [2]
    assert bench[3].journal.seats.keys() == {3}
    bench[3].core.excuse(-1e12)
    bench[3].step()
    bench.flow(rounds=2)
    assert bench[3].journal.seats == bench[1].journal.seats


def test_a_readmitted_voter_that_leads_knows_that_it_has_its_vote() -> None:
    """An operator whose answer was lost asks again; nothing is left to be done."""
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    bench[3].wipe()
    bench.flow()
    bench[1].readmit(3)
    bench.flow()
    bench.elect(3, 2)
    bench.flow()
    with pytest.raises(NotReadmitted, match="has its vote"):
        bench[3].readmit(3)


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

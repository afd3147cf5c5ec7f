"""What a leader tells of the voters' folders: as Kafka's tools show them (KIP-853)."""

from __future__ import annotations

from metadata.raft.status import status_from_wire, status_to_wire
from tests.unit.raft.bench import Bench


def folders(bench: Bench, group: str) -> dict[int, bytes]:
    status = bench[1].core.status(bench.now)
    assert status_from_wire(status_to_wire(status)) == status
    return {replica.node_id: replica.directory_id for replica in getattr(status, group)}


def test_voters_are_told_with_their_folders() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    assert folders(bench, "voters") == {n: bench[n].identity.directory_id for n in (1, 2, 3)}
    assert folders(bench, "observers") == {}


def test_a_voter_that_is_not_there_is_told_with_the_folder_that_it_votes_with() -> None:
    bench = Bench(3)
    bench[1].restart(connected=False)
    bench.connect(1, 2)
    bench.elect(1, 2)
    assert folders(bench, "voters") == {n: bench[n].identity.directory_id for n in (1, 2, 3)}


def test_observers_are_told_with_their_folders() -> None:
    bench = Bench(3, observers=[101])
    bench.elect(1)
    assert folders(bench, "observers") == {101: bench[101].identity.directory_id}


def test_a_voter_with_another_folder_is_an_observer_until_it_is_readmitted() -> None:
    bench = Bench(3)
    bench.elect(1)
    bench.flow()
    former = bench[3].identity.directory_id
    bench[3].wipe()
    bench.flow()
    new = bench[3].identity.directory_id
    assert folders(bench, "voters")[3] == former
    assert folders(bench, "observers") == {3: new}
    bench[1].readmit(3)
    bench.flow()
    assert folders(bench, "voters")[3] == new
    assert folders(bench, "observers") == {}

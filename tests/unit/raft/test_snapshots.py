"""Snapshots: durable before the log is trimmed, sent to who lags, refused when damaged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metadata.raft import snapshot_file
from metadata.raft.messages import AppendEntries, Message, SnapshotChunk
from metadata.raft.snapshots import SnapshotReceiver
from raftkafka.errors import DamagedDisk, DataFolderInUse, ForeignDataFolder
from tests.unit.raft.bench import FOLDER, Bench, Node


def lone_with_a_snapshot() -> Node:
    bench = Bench(1, snapshot_every_bytes=2000)
    bench.elect(1)
    for number in range(300):
        bench[1].propose(b"%d" % number)
    assert bench[1].disk.exists(f"{FOLDER}/snapshot")
    return bench[1]


def test_the_log_is_trimmed_only_behind_a_durable_snapshot() -> None:
    """Override 5."""
    bench = Bench(1, snapshot_every_bytes=2000)
    bench.elect(1)
    node = bench[1]
    for number in range(20):
        node.core.propose(bench.now, b"%d" % number, 1, node.outcomes.append, None)
    for _ in range(3):
        for work in node.pump.step():
            work()
    (save,) = node.pump.take_saves()
    assert node.journal.base_index == 0, "not written yet"
    chunks = list(save.chunks)
    size = node.folder.save_snapshot(save.last_index, save.term, save.sessions, save.seats, chunks)
    node.pump.saved(save.last_index, size)
    node.step()
    assert node.journal.base_index == save.last_index


def test_memory_and_files_are_bounded_by_snapshots_and_nothing_is_lost() -> None:
    node = lone_with_a_snapshot()
    assert len(node.journal) < 15
    segments = [name for name in node.disk.listdir(FOLDER) if name.endswith(".journal")]
    assert len(segments) <= 2
    assert segments[0] > "000000000002"
    before = node.machine.applied
    node.restart()
    node.step()
    assert node.machine.applied == before == [b"%d" % number for number in range(300)]


def test_a_damaged_snapshot_refuses_to_start() -> None:
    """Override 5: every byte of it counts."""
    path = f"{FOLDER}/snapshot"
    node = lone_with_a_snapshot()
    content = node.disk.read(path)
    for position in range(0, len(content), 7):
        node.disk.corrupt(path, position, bytes([content[position] ^ 0x10]))
        with pytest.raises(DamagedDisk, match="snapshot: damaged"):
            node.restart()
        node.disk.corrupt(path, position, content[position : position + 1])
    node.restart()


def test_a_missing_snapshot_refuses_to_start() -> None:
    """Override 5: a node does not start empty where it was not."""
    node = lone_with_a_snapshot()
    node.disk.remove(f"{FOLDER}/snapshot")
    with pytest.raises(DamagedDisk, match="the journal starts after entry"):
        node.restart()


def test_a_missing_journal_refuses_to_start() -> None:
    """Override 5: term and vote are gone with it."""
    node = lone_with_a_snapshot()
    for name in node.disk.listdir(FOLDER):
        if name.endswith(".journal"):
            node.disk.remove(f"{FOLDER}/{name}")
    with pytest.raises(DamagedDisk, match="no journal beside it"):
        node.restart()


def test_a_missing_segment_refuses_to_start() -> None:
    bench = Bench(1)
    bench.elect(1)
    for number in range(300):
        bench[1].propose(b"%d" % number)
    bench[1].disk.remove(f"{FOLDER}/000000000002.journal")
    with pytest.raises(DamagedDisk, match="a segment is missing"):
        bench[1].restart()


def test_a_wiped_folder_does_not_come_back_under_its_old_id() -> None:
    """Override 5: the directory id is drawn anew, and only then."""
    bench = Bench(1)
    node = bench[1]
    first = node.identity.directory_id
    node.restart()
    assert node.identity.directory_id == first
    node.disk.remove_tree(FOLDER)
    node.restart()
    assert node.identity.directory_id != first


def test_a_folder_of_another_node_or_quorum_is_refused() -> None:
    node = Bench(1)[1]
    before = {name: node.disk.read(f"{FOLDER}/{name}") for name in node.disk.listdir(FOLDER)}
    node.settings = replace(node.settings, node_id=2, voters=frozenset({2}))
    with pytest.raises(ForeignDataFolder, match=r"node 1, and this is node 2: set node.id=1"):
        node.restart()
    node.settings = replace(node.settings, node_id=1, voters=frozenset({1, 2, 3}))
    with pytest.raises(ForeignDataFolder, match="voters 1, and the configuration names 1,2,3"):
        node.restart()
    after = {name: node.disk.read(f"{FOLDER}/{name}") for name in node.disk.listdir(FOLDER)}
    assert after == before, "nothing was touched"


def test_a_folder_has_one_user() -> None:
    node = Bench(1)[1]
    with pytest.raises(DataFolderInUse):
        node.start()


def lagging_third() -> Bench:
    """Node 3 has nothing; nodes 1 and 2 hold a snapshot and a log that starts behind it."""
    bench = Bench(3, snapshot_every_bytes=2000, snapshot_chunk_bytes=100)
    bench.elect(1, 2)
    bench.flow((1, 2))
    for number in range(100):
        bench[1].propose(b"%d" % number)
        bench.flow((1, 2), rounds=2)
    assert bench[1].journal.base_index > 1
    return bench


def test_a_lagging_node_gets_the_snapshot_in_chunks_and_then_the_log() -> None:
    bench = lagging_third()
    bench.flow(rounds=60)
    assert bench[3].machine.applied == bench[1].machine.applied
    before = bench[3].machine.applied
    bench[3].restart()
    bench[3].step()
    assert bench[3].machine.applied == before[: len(bench[3].machine.applied)]
    assert bench[3].journal.last_index == bench[1].journal.last_index


def test_a_lost_chunk_is_sent_again() -> None:
    bench = lagging_third()
    bench.now += 0.2
    for _ in range(400):
        bench.now += 0.15
        for node in bench.values():
            node.step()
        chunks = bench.take(1, 3, SnapshotChunk)
        bench.deliver(bench.take())
        bench.deliver(chunks[::2])
        if bench.now > 1100:
            bench.deliver(chunks)
    assert bench[3].machine.applied == bench[1].machine.applied


def test_a_snapshot_cannot_take_a_node_back() -> None:
    bench = lagging_third()
    bench.now += 0.2
    bench[1].step()
    chunks: list[tuple[int, int, Message]] = []
    for _ in range(200):
        chunks = bench.take(1, 3, SnapshotChunk) or chunks
        bench.deliver(chunks)
        bench.flow(rounds=1)
        if bench[3].core.commit_index:
            break
    bench.flow()
    applied = list(bench[3].machine.applied)
    bench.deliver(chunks)
    assert bench[3].machine.applied == applied


def test_a_snapshot_of_garbage_changes_nothing() -> None:
    bench = lagging_third()
    garbage = SnapshotChunk(bench[1].core.term, 50, 0, 5, b"12345")
    bench[3].receive(1, AppendEntries(bench[1].core.term, 0, 40, 1, [], 0))
    bench[3].receive(1, garbage)
    assert not bench[3].disk.exists(f"{FOLDER}/snapshot")
    bench.flow(rounds=60)
    assert bench[3].machine.applied == bench[1].machine.applied


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            snapshot_file.encode(50, 1, [1, 2, 4], [0, []], {}, [b"x"]), id="other voters"
        ),
        pytest.param(snapshot_file.encode(50, 1, [], [0, []], {}, [b"x"])[:-1], id="cut short"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_snapshot_of_another_quorum_or_format_is_ignored(content: bytes) -> None:
    bench = Bench(3)
    bench.elect(1, 2, 3)
    bench.flow()
    chunk = SnapshotChunk(bench[1].core.term, 50, 0, len(content), content)
    bench[3].receive(1, chunk)
    assert bench[3].machine.applied == []
    assert not bench[3].disk.exists(f"{FOLDER}/snapshot")


def test_chunks_may_repeat_and_overtake_each_other() -> None:
    receiver = SnapshotReceiver()
    first, second, third = (
        SnapshotChunk(1, 9, offset, 6, data)
        for offset, data in ((0, b"ab"), (2, b"cd"), (4, b"ef"))
    )
    assert receiver.take(second) == 0
    assert receiver.take(first) == 2
    assert receiver.take(third) == 2
    assert receiver.take(second) == 4
    assert receiver.take(first) == 4
    assert receiver.take(third) == b"abcdef"
    assert receiver.take(third) == 0

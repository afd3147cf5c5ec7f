"""Opening a log after a clean stop, a kill, a power loss, and with damage."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from raftkafka.errors import ErrorCode
from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.producer_state import ProducerStates
from raftkafka.log.recovery import open_log as open_files
from raftkafka.log.segment import DamagedLog
from raftkafka.records import iterate_batches, iterate_records
from tests.sim.memory_disk import MemoryDisk
from tests.support.logs import (
    FOLDER,
    NOW_MS,
    append,
    flush,
    in_thread,
    make_batch,
    make_disk,
    max_timestamp,
    offset_for_timestamp,
    open_log,
)

CONFIG = LogConfig(segment_bytes=600, index_interval_bytes=150)
BATCH_BYTES = len(make_batch(b"v" * 100))
MUCH = 10**6


def path_of(base_offset: int, suffix: str = ".log") -> str:
    return f"{FOLDER}/{base_offset:020d}{suffix}"


def filled(count: int = 10, config: LogConfig = CONFIG) -> tuple[MemoryDisk, PartitionLog]:
    """Return a log of single-record batches, three to a segment, and its disk."""
    disk = make_disk()
    log = open_log(disk, config)
    for sequence in range(count):
        batch = make_batch(
            b"%03d" % sequence + b"v" * 97,
            timestamp=NOW_MS + sequence,
            producer_id=7,
            producer_epoch=0,
            base_sequence=sequence,
        )
        log.append_as_leader(batch, sequence // 4, NOW_MS)
    log.write()
    return disk, log


def values(log: PartitionLog) -> list[int]:
    offset, found = log.log_start_offset, list[int]()
    while offset < log.log_end_offset:
        data = log.read(offset, MUCH, MUCH, True)
        assert data is not None
        for _, batch in iterate_batches(data.read()):
            for record in iterate_records(batch):
                assert record.value is not None
                found.append(int(record.value[:3]))
                offset = record.offset + 1
    return found


def check_is_whole(log: PartitionLog, count: int) -> None:
    """Records, epochs, times and the producer are those of ``filled``."""
    assert values(log) == list(range(count))
    assert log.log_end_offset == count
    assert log.epochs.entries == [(epoch, 4 * epoch) for epoch in range((count + 3) // 4)]
    assert max_timestamp(log, count) == (NOW_MS + count - 1, count - 1, (count - 1) // 4)
    for offset in range(count):
        assert offset_for_timestamp(log, NOW_MS + offset, count) == (
            NOW_MS + offset,
            offset,
            offset // 4,
        )
    ((_, producer),) = log.producers.items()
    assert producer.last_sequence == count - 1


def files(disk: MemoryDisk, *suffixes: str) -> dict[str, bytes]:
    return {
        name: disk.read(f"{FOLDER}/{name}")
        for name in disk.listdir(FOLDER)
        if name.endswith(suffixes)
    }


# ---------------------------------------------------------------------- nothing is lost


def test_a_closed_log_opens_as_it_was() -> None:
    disk, log = filled()
    in_thread(disk, log.close)
    assert log.flushed_offset == 10
    check_is_whole(open_log(disk.after_power_loss(), CONFIG, recovery_point=10), 10)


def test_a_killed_brokers_log_opens_as_it_was() -> None:
    """Nothing was synced or written behind: indexes, epochs and producers come from the batches."""
    disk, _ = filled()
    check_is_whole(open_log(disk.after_kill(), CONFIG), 10)


def test_a_checked_log_opens_as_it_was() -> None:
    disk, _ = filled()
    check_is_whole(open_log(disk.after_kill(), CONFIG, clean=False), 10)


@pytest.mark.parametrize("clean", [True, False])
def test_indexes_that_are_missing_or_wrong_are_made_again(clean: bool) -> None:
    disk, log = filled()
    in_thread(disk, log.close)
    good = files(disk, ".index", ".timeindex")
    assert len(good) == 8
    for number, name in enumerate(good):
        path = f"{FOLDER}/{name}"
        match number % 4:
            case 0:
                disk.remove(path)
            case 1:
                disk.open(path).truncate(0)
                disk.open(path).pwrite([bytes(48)], 0)
            case 2:
                disk.open(path).pwrite([b"\0\0\0\2\0\0\0\1" * 3], 0)
            case _:
                disk.open(path).truncate(disk.size(path) // 2)
    again = open_log(disk, CONFIG, recovery_point=0, clean=clean)
    check_is_whole(again, 10)
    in_thread(disk, again.close)
    if not clean:
        assert files(disk, ".index", ".timeindex") == good


def test_a_segment_with_a_lost_index_is_found_in_the_middle() -> None:
    disk, log = filled()
    in_thread(disk, log.close)
    for suffix in (".index", ".timeindex"):
        disk.remove(path_of(3, suffix))
    check_is_whole(open_log(disk, CONFIG, recovery_point=10), 10)


@pytest.mark.parametrize("damage", ["missing", "damaged", "behind"])
def test_leader_epochs_come_from_the_batches_where_the_file_does_not_say(damage: str) -> None:
    disk, log = filled()
    in_thread(disk, log.close)
    path = f"{FOLDER}/leader-epoch-checkpoint"
    if damage == "missing":
        disk.remove(path)
    else:
        content = b"0\nnonsense" if damage == "damaged" else b"0\n1\n0 0\n"
        in_thread(disk, partial(disk.replace, path, content))
    check_is_whole(open_log(disk, CONFIG, recovery_point=10), 10)


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_producers_come_from_the_batches_where_snapshots_do_not_say(damage: str) -> None:
    disk, log = filled()
    in_thread(disk, log.close)
    snapshots = files(disk, ".snapshot")
    assert sorted(snapshots) == [f"{offset:020d}.snapshot" for offset in (3, 6, 9, 10)]
    for name in sorted(snapshots)[1:]:
        if damage == "missing":
            disk.remove(f"{FOLDER}/{name}")
        else:
            disk.corrupt(f"{FOLDER}/{name}", 20, b"x")
    check_is_whole(open_log(disk, CONFIG, recovery_point=10), 10)


def test_an_idempotent_retry_is_recognised_after_a_restart() -> None:
    """Regression 17, across a restart."""
    disk, _ = filled()
    log = open_log(disk.after_kill(), CONFIG)
    retry = make_batch(b"v", producer_id=7, producer_epoch=0, base_sequence=9)
    assert log.append_as_leader(retry, 9, NOW_MS).first_offset == 9


def test_producers_are_stored_now_and_then_between_rolls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftkafka.log.partition_log.SNAPSHOT_INTERVAL_BYTES", 250)
    disk, log = filled(config=LogConfig())
    log.flush_indexes()
    assert list(files(disk, ".snapshot")) == [f"{10:020d}.snapshot"]
    append(log, b"v" * 300)
    log.flush_indexes()
    assert list(files(disk, ".snapshot")) == [f"{11:020d}.snapshot"], "the older one went"


def test_what_an_earlier_life_left_half_done_is_removed() -> None:
    disk, log = filled()
    in_thread(disk, log.close)
    before = disk.listdir(FOLDER)
    for name in ("0.log.deleted", "5.log.cleaned", "7.log.swap", "x.tmp"):
        disk.open(f"{FOLDER}/{name}", create=True)
    disk.open(path_of(99, ".index"), create=True)
    check_is_whole(open_log(disk, CONFIG, recovery_point=10), 10)
    assert disk.listdir(FOLDER) == before


def test_other_files_are_left_alone() -> None:
    disk = make_disk()
    in_thread(disk, partial(disk.replace, f"{FOLDER}/partition.metadata", b"x"))
    open_log(disk)
    assert "partition.metadata" in disk.listdir(FOLDER)


# ---------------------------------------------------------------------- torn tails


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("left", [1, 17, 60, 61, 100, BATCH_BYTES - 1])
def test_a_torn_tail_is_cut(left: int, clean: bool) -> None:
    disk, _ = filled(11)
    size = disk.size(path_of(9))
    disk.open(path_of(9)).truncate(size - BATCH_BYTES + left)
    log = open_log(disk, CONFIG, recovery_point=5, clean=clean)
    check_is_whole(log, 10)
    assert disk.size(path_of(9)) == size - BATCH_BYTES
    retry = make_batch(b"010", producer_id=7, producer_epoch=0, base_sequence=10)
    assert log.append_as_leader(retry, 5, NOW_MS).first_offset == 10
    log.write()
    assert values(log) == list(range(11))


@pytest.mark.parametrize(
    ("position", "data"),
    [
        pytest.param(100, b"x", id="a changed byte"),
        pytest.param(0, bytes(BATCH_BYTES), id="zeros"),
        pytest.param(0, bytes(8) + b"\x7f\xff\xff\xff", id="a huge length"),
        pytest.param(16, b"\1", id="another magic"),
    ],
)
def test_the_first_bad_batch_and_all_after_it_are_cut(position: int, data: bytes) -> None:
    disk, _ = filled(12)
    disk.corrupt(path_of(6), BATCH_BYTES + position, data)
    log = open_log(disk, CONFIG, recovery_point=5, clean=False)
    assert values(log) == list(range(7))
    assert log.log_end_offset == 7
    assert [segment.base_offset for segment in log.segments] == [0, 3, 6]
    assert not disk.exists(path_of(9))
    assert log.epochs.entries == [(0, 0), (1, 4)]
    log = open_log(disk, CONFIG, recovery_point=5)
    assert values(log) == list(range(7))


def test_a_lost_segment_in_the_middle_cuts_what_follows_it() -> None:
    disk, _ = filled(12)
    disk.remove(path_of(6))
    log = open_log(disk, CONFIG, recovery_point=5, clean=False)
    assert values(log) == list(range(6))
    assert [segment.base_offset for segment in log.segments] == [0, 3]


def test_a_compacted_log_may_have_gaps_between_segments() -> None:
    disk, _ = filled(12)
    disk.remove(path_of(6))
    config = replace(CONFIG, cleanup_policy=frozenset({"compact"}))
    assert open_log(disk, config, recovery_point=5, clean=False).log_end_offset == 12


def test_records_of_an_older_leader_do_not_follow_newer_ones() -> None:
    """A dropped segment whose name came back fits behind what a newer leader wrote meanwhile."""
    disk = make_disk()
    log = open_log(disk, CONFIG)
    for offset in range(6):
        log.append_as_follower(make_batch(b"v" * 100, base_offset=offset, leader_epoch=2))
    log.write()
    back = {suffix: disk.read(path_of(3, suffix)) for suffix in (".log",)}
    log.truncate_to(1)
    for offset in range(1, 3):
        log.append_as_follower(make_batch(b"v" * 100, base_offset=offset, leader_epoch=5))
    log.write()
    for suffix, content in back.items():
        disk.open(path_of(3, suffix), create=True).pwrite([content], 0)
    again = open_log(disk.after_kill(), CONFIG, recovery_point=1, clean=False)
    assert again.log_end_offset == 3
    assert again.epochs.entries == [(2, 0), (5, 1)]


def test_a_dropped_segment_that_came_back_is_dropped_again() -> None:
    """It starts at the recovery point; the segment before it has that offset too by now."""
    disk = make_disk()
    log = open_log(disk)
    for offset in range(3):
        log.append_as_follower(make_batch(b"%03d" % offset, base_offset=offset, leader_epoch=0))
    log.append_as_follower(make_batch(b"003", base_offset=3, leader_epoch=2))
    log.write()
    old = make_batch(b"999", base_offset=3, leader_epoch=1)
    disk.open(path_of(3), create=True).pwrite([old], 0)
    again = open_log(disk.after_kill(), recovery_point=3, clean=False)
    assert values(again) == [0, 1, 2, 3]
    assert again.epochs.entries == [(0, 0), (2, 3)]
    assert [segment.base_offset for segment in again.segments] == [0]


@pytest.mark.parametrize("seed", range(12))
def test_a_power_loss_while_a_log_starts_over_leaves_no_later_start(seed: int) -> None:
    """Only the newest of the old segments may be gone: a log that starts later lost records."""
    disk = make_disk(seed)
    log = open_log(disk, CONFIG)
    for _ in range(12):
        append(log, b"v" * 100)
    flush(disk, log)
    log.truncate_fully_and_start_at(0)
    disk = disk.after_power_loss()
    kept = [int(name[:20]) for name in disk.listdir(FOLDER) if name.endswith(".log")]
    assert kept == [0, 3, 6, 9][: len(kept)]
    assert open_log(disk, CONFIG, clean=False).log_start_offset == 0


def test_epochs_of_a_time_when_the_log_started_later_are_made_again() -> None:
    disk, log = filled(12)
    in_thread(disk, log.close)
    in_thread(disk, partial(disk.replace, f"{FOLDER}/leader-epoch-checkpoint", b"0\n1\n2 9\n"))
    check_is_whole(open_log(disk, CONFIG, recovery_point=12), 12)


def test_only_what_is_not_promised_is_checked() -> None:
    disk, _ = filled(12)
    told: list[tuple[int, int]] = []
    opened = in_thread(
        disk,
        partial(
            open_files,
            disk,
            FOLDER,
            CONFIG,
            recovery_point=8,
            log_start_offset=0,
            clean=False,
            on_progress=lambda checked, total: told.append((checked, total)),
        ),
    )
    assert opened.log_end_offset == 12
    assert told == [(3 * BATCH_BYTES, 6 * BATCH_BYTES), (6 * BATCH_BYTES, 6 * BATCH_BYTES)]


# ---------------------------------------------------------------------- damage


def test_damage_below_the_recovery_point_is_reported_and_nothing_is_changed() -> None:
    disk, _ = filled(12)
    disk.corrupt(path_of(6), BATCH_BYTES + 100, b"x")
    before = {name: disk.read(f"{FOLDER}/{name}") for name in disk.listdir(FOLDER)}
    with pytest.raises(DamagedLog) as caught:
        open_log(disk, CONFIG, recovery_point=8, clean=False)
    assert caught.value.code == ErrorCode.KAFKA_STORAGE_ERROR
    assert caught.value.path == path_of(6)
    assert caught.value.position == BATCH_BYTES
    assert path_of(6) in str(caught.value)
    logs = {name: content for name, content in before.items() if name.endswith(".log")}
    assert files(disk, ".log") == logs


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("removed", [[9], [6, 9], [0, 3, 6, 9]])
def test_promised_records_that_are_not_there_are_reported(removed: list[int], clean: bool) -> None:
    disk, log = filled(12)
    flush(disk, log)
    for base_offset in removed:
        disk.remove(path_of(base_offset))
    with pytest.raises(DamagedLog):
        open_log(disk, CONFIG, recovery_point=12, clean=clean)


def test_a_clean_log_that_is_damaged_is_reported() -> None:
    disk, log = filled(3, LogConfig())
    in_thread(disk, log.close)
    disk.corrupt(path_of(0), BATCH_BYTES, bytes(BATCH_BYTES))
    with pytest.raises(DamagedLog):
        open_log(disk, recovery_point=3)


# ---------------------------------------------------------------------- where a log starts


def test_an_empty_folder_starts_where_the_log_did() -> None:
    log = open_log(make_disk(), log_start_offset=50)
    assert (log.log_start_offset, log.log_end_offset) == (50, 50)
    assert append(log).first_offset == 50


def test_a_log_that_was_deleted_beyond_its_end_starts_anew() -> None:
    """The deletion was promised; the records that it reached were lost with the power."""
    disk, _ = filled(12)
    log = open_log(disk, CONFIG, log_start_offset=20, clean=False)
    assert (log.log_start_offset, log.log_end_offset) == (20, 20)
    assert log.epochs.entries == []
    append(log)
    assert open_log(disk, CONFIG, log_start_offset=20).log_end_offset == 21


def test_a_stale_start_gives_way_to_the_first_segment() -> None:
    disk, log = filled(12)
    log.delete_records_before(7)
    log.retention(NOW_MS, 12)
    again = open_log(disk, CONFIG)
    assert again.log_start_offset == 6
    assert again.epochs.entries == [(1, 6), (2, 8)]


def test_a_producers_state_outlives_its_records() -> None:
    disk, log = filled(12)
    log.roll()
    log.delete_records_before(12)
    log.retention(NOW_MS, 12)
    again = open_log(disk, CONFIG, log_start_offset=12)
    assert len(again.producers) == 1
    assert isinstance(again.producers, ProducerStates)


def test_a_snapshot_that_is_older_than_the_first_record_is_not_believed() -> None:
    """The producer went on in records that are gone: its next batch would seem out of order."""
    disk, log = filled(12)
    log.roll()
    log.delete_records_before(12)
    log.retention(NOW_MS, 12)
    disk.rename(path_of(12, ".snapshot"), path_of(9, ".snapshot"))
    again = open_log(disk, CONFIG, log_start_offset=12)
    assert len(again.producers) == 0
    assert not disk.exists(path_of(9, ".snapshot"))


def test_the_first_flush_after_a_kill_makes_a_cut_durable() -> None:
    for seed in range(8):
        disk = make_disk(seed)
        log = open_log(disk)
        append(log, b"000")
        append(log, b"001")
        flush(disk, log)
        log.truncate_to(1)
        disk = disk.after_kill()
        flush(disk, open_log(disk, recovery_point=1))
        assert open_log(disk.after_power_loss(), recovery_point=1, clean=False).log_end_offset == 1


def test_an_empty_log_leaves_no_snapshot() -> None:
    disk = make_disk()
    in_thread(disk, open_log(disk).close)
    assert disk.listdir(FOLDER) == [
        f"{0:020d}{suffix}" for suffix in (".index", ".log", ".timeindex")
    ]

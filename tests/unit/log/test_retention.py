"""Which segments go: too many, too old, below the log start; never what is not committed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from tests.sim.memory_disk import MemoryDisk
from tests.support.logs import FOLDER, NOW_MS, append, in_thread, make_batch, make_disk, open_log

SIZE = len(make_batch(b"v" * 100))
CONFIG = LogConfig(segment_bytes=SIZE, retention_ms=-1)
"""One batch to a segment, kept for ever."""


def filled(count: int = 5, *, timestamp: int | None = None) -> tuple[MemoryDisk, PartitionLog]:
    disk = make_disk()
    log = open_log(disk, CONFIG)
    for age in reversed(range(count)):
        append(log, b"v" * 100, timestamp=NOW_MS - age if timestamp is None else timestamp)
    return disk, log


def bases(log: PartitionLog) -> list[int]:
    return [segment.base_offset for segment in log.segments]


def test_nothing_goes_for_no_reason() -> None:
    _, log = filled()
    assert log.retention(NOW_MS + 10**12, 5) == 0
    assert bases(log) == [0, 1, 2, 3, 4]


def test_segments_go_when_their_newest_record_is_too_old() -> None:
    _, log = filled()
    log.config = replace(CONFIG, retention_ms=10)
    assert log.retention(NOW_MS + 6, 5) == 0
    assert log.retention(NOW_MS + 8, 5) == 2
    assert (bases(log), log.log_start_offset) == ([2, 3, 4], 2)


def test_the_active_segment_goes_too_if_it_is_too_old() -> None:
    _, log = filled()
    log.config = replace(CONFIG, retention_ms=10)
    assert log.retention(NOW_MS + 11, 5) == 5
    assert (bases(log), log.log_start_offset, log.log_end_offset) == ([5], 5, 5)
    assert log.retention(NOW_MS + 10**9, 5) == 0, "an empty one has nothing to drop"
    assert append(log).first_offset == 5


def test_a_damaged_segment_does_not_stop_those_before_it_nor_stay_for_ever() -> None:
    """Its age counts since a check saw it finished, for its records may say anything."""
    disk, log = filled()
    in_thread(disk, log.close)
    segment = log.segments[1]
    disk.corrupt(segment.path, 0, b"\x7f" * segment.size_bytes)
    disk.remove(segment.offset_index.path)
    log = open_log(disk, replace(CONFIG, retention_ms=10))
    assert log.retention(NOW_MS + 100, 5) == 1
    assert log.retention(NOW_MS + 110, 5) == 0
    assert log.retention(NOW_MS + 111, 5) == 4


def test_one_newer_segment_protects_those_after_it() -> None:
    _, log = filled(2)
    append(log, b"v" * 100, timestamp=NOW_MS - 100)
    log.config = replace(CONFIG, retention_ms=10)
    assert log.retention(NOW_MS + 5, 3) == 0


@pytest.mark.parametrize(
    ("retention_bytes", "left"),
    [(5 * SIZE, 5), (5 * SIZE - 1, 5), (4 * SIZE, 4), (3 * SIZE + 1, 4), (1, 1), (0, 0)],
)
def test_the_oldest_go_while_the_rest_is_large_enough(retention_bytes: int, left: int) -> None:
    _, log = filled()
    log.config = replace(CONFIG, retention_bytes=retention_bytes)
    assert log.retention(NOW_MS, 5) == 5 - left
    assert log.size_bytes == left * SIZE


def test_what_is_not_committed_stays() -> None:
    _, log = filled()
    log.config = replace(CONFIG, retention_ms=0, retention_bytes=0)
    assert log.retention(NOW_MS + 100, 3) == 3
    assert bases(log) == [3, 4]


def test_segments_below_the_log_start_go_even_from_a_compacted_topic() -> None:
    _, log = filled()
    log.config = replace(CONFIG, retention_ms=0, cleanup_policy=frozenset({"compact"}))
    log.delete_records_before(2)
    assert log.retention(NOW_MS + 100, 5) == 2
    assert (bases(log), log.log_start_offset) == ([2, 3, 4], 2)


def test_the_active_segment_stays_below_the_log_start() -> None:
    _, log = filled()
    log.delete_records_before(5)
    assert log.retention(NOW_MS, 5) == 4
    assert (bases(log), log.log_start_offset) == ([4], 5)


def test_records_are_deleted_only_once_and_only_up_to_the_end() -> None:
    """Regression 15 (KAFKA-5634) guards the high watermark; the log guards its own end."""
    _, log = filled()
    log.delete_records_before(3)
    log.delete_records_before(1)
    assert log.log_start_offset == 3
    with pytest.raises(KafkaError) as caught:
        log.delete_records_before(6)
    assert caught.value.code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_epochs_and_snapshots_go_with_their_records() -> None:
    disk, log = filled()
    for epoch in (1, 2):
        append(log, b"v" * 100, leader_epoch=epoch)
    log.delete_records_before(6)
    log.retention(NOW_MS, 7)
    assert log.epochs.entries == [(2, 6)]
    assert [n for n in disk.listdir(FOLDER) if n.endswith(".snapshot")] == [f"{6:020d}.snapshot"]


def test_files_are_renamed_at_once_and_handed_over() -> None:
    disk, log = filled()
    log.delete_records_before(2)
    log.retention(NOW_MS, 5)
    assert sorted(log.segments.deleted_files) == sorted(
        f"{FOLDER}/{offset:020d}{suffix}.deleted"
        for offset in (0, 1)
        for suffix in (".log", ".index", ".timeindex")
    )
    assert all(disk.exists(path) for path in log.segments.deleted_files)
    assert not disk.exists(f"{FOLDER}/{0:020d}.log")


def test_segments_without_timestamps_age_from_when_they_are_seen_finished() -> None:
    _, log = filled(timestamp=-1)
    log.config = replace(CONFIG, retention_ms=10)
    assert log.retention(NOW_MS, 5) == 0
    append(log, b"v" * 100, timestamp=-1)
    assert log.retention(NOW_MS + 10, 6) == 0
    assert log.retention(NOW_MS + 11, 6) == 4
    assert log.retention(NOW_MS + 21, 6) == 1
    assert log.retention(NOW_MS + 10**9, 6) == 0, "the active one may still get records"


def test_a_restart_forgets_no_age() -> None:
    disk, _ = filled()
    log = open_log(disk.after_kill(), replace(CONFIG, retention_ms=10))
    assert log.retention(NOW_MS + 8, 5) == 2


def test_silent_producers_expire() -> None:
    log = open_log(make_disk(), LogConfig(producer_id_expiration_ms=100))
    log.append_as_leader(
        make_batch(timestamp=5, producer_id=7, producer_epoch=0, base_sequence=0), 0, NOW_MS
    )
    log.expire_producers(NOW_MS + 99)
    assert len(log.producers) == 1, "silent since its append, whatever time its records bear"
    log.expire_producers(NOW_MS + 100)
    assert len(log.producers) == 0

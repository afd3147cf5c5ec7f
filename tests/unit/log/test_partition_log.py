"""A partition's log: append, write, read, look up, truncate."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from raftkafka.compression import Codec
from raftkafka.disk_driver import OsDisk
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import AppendInfo, PartitionLog
from raftkafka.log.segment import DamagedLog, LogSlice
from raftkafka.records import (
    Record,
    build_batch,
    has_valid_crc,
    iterate_batches,
    iterate_records,
    parse_header,
)
from tests.sim.memory_disk import MemoryDisk
from tests.support.logs import (
    FOLDER,
    NOW_MS,
    PARTITION,
    append,
    flush,
    in_thread,
    make_batch,
    make_disk,
    max_timestamp,
    offset_for_timestamp,
    open_log,
    refusal,
)

SMALL_SEGMENTS = LogConfig(segment_bytes=400, index_interval_bytes=0)
MUCH = 10**6


def values(found: LogSlice | None) -> list[bytes | None]:
    assert found is not None
    return [r.value for _, batch in iterate_batches(found.read()) for r in iterate_records(batch)]


def bases(log: PartitionLog) -> list[int]:
    return [segment.base_offset for segment in log.segments]


def error_of(caught: pytest.ExceptionInfo[KafkaError]) -> ErrorCode:
    return caught.value.code


# ---------------------------------------------------------------------- append


def test_a_leader_gives_offsets_in_place() -> None:
    log = open_log(make_disk())
    batch = make_batch(b"one", b"two")
    assert log.append_as_leader(batch, 5, NOW_MS) == AppendInfo(0, 1, -1, 0)
    assert log.append_as_leader(make_batch(), 5, NOW_MS) == AppendInfo(2, 2, -1, 0)
    header = parse_header(batch)
    assert (header.base_offset, header.leader_epoch) == (0, 5)
    assert has_valid_crc(batch)
    assert log.epochs.entries == [(5, 0)]
    assert (log.log_end_offset, log.written_end_offset) == (3, 0)
    assert log.has_unwritten
    log.write()
    assert (log.written_end_offset, log.has_unwritten) == (3, False)


def test_the_brokers_time_takes_the_place_of_the_clients() -> None:
    log = open_log(make_disk(), LogConfig(message_timestamp_type="LogAppendTime"))
    batch = make_batch(timestamp=5)
    assert log.append_as_leader(batch, 0, NOW_MS).log_append_time_ms == NOW_MS
    assert has_valid_crc(batch)
    assert [r.timestamp for r in iterate_records(batch)] == [NOW_MS]
    assert max_timestamp(log, 1) == (NOW_MS, 0, 0)


@pytest.mark.parametrize("timestamp_type", ["CreateTime", "LogAppendTime"])
def test_a_retry_is_answered_with_the_first_offsets_and_not_appended(timestamp_type: str) -> None:
    """Regression 17: duplicates from an idempotent retry."""
    log = open_log(make_disk(), LogConfig(message_timestamp_type=timestamp_type))
    append(log, b"other")

    def produce(now_ms: int) -> AppendInfo:
        batch = make_batch(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=0)
        return log.append_as_leader(batch, 0, now_ms)

    first = produce(NOW_MS)
    again = produce(NOW_MS + 5)
    assert again == first._replace(is_duplicate=True)
    assert log.log_end_offset == 3


def test_a_refused_batch_leaves_no_trace() -> None:
    log = open_log(make_disk())
    append(log)
    before = log.size_bytes
    for batch, code in (
        (make_batch(base_offset=3), ErrorCode.INVALID_RECORD),
        (
            make_batch(producer_id=7, producer_epoch=0, base_sequence=-1),
            ErrorCode.INVALID_RECORD,
        ),
    ):
        with pytest.raises(KafkaError) as caught:
            log.append_as_leader(batch, 9, NOW_MS)
        assert error_of(caught) == code
    assert (log.log_end_offset, log.size_bytes, len(log.producers)) == (1, before, 0)
    assert log.epochs.latest == 0
    assert not log.has_unwritten


def test_a_follower_appends_what_it_gets() -> None:
    leader = open_log(make_disk())
    for epoch in (0, 0, 3):
        batch = make_batch(
            b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=leader.log_end_offset
        )
        leader.append_as_leader(batch, epoch, NOW_MS)
    leader.write()
    data = leader.read(0, MUCH, MUCH, True)
    assert data is not None
    follower = open_log(make_disk())
    follower.append_as_follower(data.read())
    follower.write()
    copied = follower.read(0, MUCH, MUCH, True)
    assert copied is not None
    assert copied.read() == data.read()
    assert follower.epochs.entries == [(0, 0), (3, 4)]
    retry = make_batch(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=4)
    assert follower.append_as_leader(retry, 4, NOW_MS).is_duplicate, "it knows the producer too"


def test_a_follower_refuses_what_does_not_follow() -> None:
    """Rule 13: what is fetched continues the log."""
    follower = open_log(make_disk())
    follower.append_as_follower(make_batch(b"a", leader_epoch=1))
    damaged = make_batch(b"b", base_offset=1, leader_epoch=1)
    damaged[-1] ^= 1
    for batch in (make_batch(b"a", leader_epoch=1), damaged):
        with pytest.raises(KafkaError) as caught:
            follower.append_as_follower(batch)
        assert error_of(caught) == ErrorCode.CORRUPT_MESSAGE
    assert follower.log_end_offset == 1


# ---------------------------------------------------------------------- write


def test_nothing_is_appended_after_a_failed_write() -> None:
    """Regression 13 (KAFKA-10778): appends after a write failure are fenced."""
    disk = make_disk()
    log = open_log(disk)
    append(log, b"good")
    failures: list[OSError] = []
    log.on_failure = lambda _, error: failures.append(error)
    disk.fail("write", FOLDER, errno.ENOSPC, times=1)
    log.append_as_leader(make_batch(b"bad"), 0, NOW_MS)
    with pytest.raises(KafkaError) as caught:
        log.write()
    assert error_of(caught) == ErrorCode.KAFKA_STORAGE_ERROR
    assert (log.written_end_offset, log.flushed_offset) == (1, 0)
    for use in (
        lambda: log.append_as_leader(make_batch(b"later"), 0, NOW_MS),
        lambda: log.append_as_follower(make_batch(b"later", base_offset=1)),
        log.write,
        lambda: log.read(0, MUCH, MUCH, True),
        log.flush_indexes,
        lambda: log.truncate_to(0),
        lambda: log.retention(NOW_MS, 1),
    ):
        with pytest.raises(KafkaError) as caught:
            use()
        assert error_of(caught) == ErrorCode.KAFKA_STORAGE_ERROR
    assert [error.errno for error in failures] == [errno.ENOSPC]


@pytest.mark.parametrize("operation", ["open", "read"])
def test_a_failed_read_fails_the_log(operation: str) -> None:
    disk = make_disk()
    log = open_log(disk, SMALL_SEGMENTS)
    for _ in range(10):
        append(log, b"v" * 100)
    disk.fail(operation, FOLDER, errno.EIO)
    with pytest.raises(KafkaError) as caught:
        log.read(1, MUCH, MUCH, True)
    assert error_of(caught) == ErrorCode.KAFKA_STORAGE_ERROR
    assert log.failure is not None


def test_a_roll_that_fails_fails_the_append() -> None:
    disk = make_disk()
    log = open_log(disk, SMALL_SEGMENTS)
    append(log, b"v" * 300)
    disk.fail("open", f"{FOLDER}/{1:020d}.log", errno.EMFILE)
    with pytest.raises(KafkaError) as caught:
        append(log, b"v" * 300)
    assert error_of(caught) == ErrorCode.KAFKA_STORAGE_ERROR
    assert (log.log_end_offset, log.written_end_offset) == (1, 1)


def test_whoever_asks_is_told_of_the_next_write() -> None:
    log = open_log(make_disk())
    told: list[int] = []
    log.on_write = lambda written: told.append(written.written_end_offset)
    append(log)
    append(log)
    assert told == [1]


# ---------------------------------------------------------------------- read


def test_only_what_is_written_is_read() -> None:
    """Regression 14 (KAFKA-2477, KAFKA-9835): a read races an append."""
    log = open_log(make_disk())
    append(log, b"written")
    log.append_as_leader(make_batch(b"queued"), 0, NOW_MS)
    assert values(log.read(0, MUCH, MUCH, True)) == [b"written"]
    assert log.read(1, MUCH, MUCH, True) is None
    log.write()
    append(log, b"later")
    assert values(log.read(2, MUCH, MUCH, True)) == [b"later"]
    assert values(log.read(1, MUCH, MUCH, True)) == [b"queued", b"later"]


def test_nothing_at_or_above_the_bound_is_read() -> None:
    log = open_log(make_disk())
    for value in (b"a", b"b", b"c"):
        append(log, value)
    append(log, b"d", b"e")
    for bound, wanted in ((1, [b"a"]), (2, [b"a", b"b"]), (3, [b"a", b"b", b"c"])):
        assert values(log.read(0, MUCH, bound, True)) == wanted
        assert values(log.read(0, MUCH, bound, True)) == wanted, "from memory"
    assert log.read(2, MUCH, 2, True) is None
    assert values(log.read(0, MUCH, 4, True)) == [b"a", b"b", b"c"], "no part of a batch"
    assert log.read(3, MUCH, 4, True) is None


@pytest.mark.parametrize("offset", [-1, 0, 1, 5])
def test_outside_the_log_is_out_of_range(offset: int) -> None:
    log = open_log(make_disk())
    for value in (b"a", b"b", b"c", b"d"):
        append(log, value)
    log.delete_records_before(2)
    with pytest.raises(KafkaError) as caught:
        log.read(offset, MUCH, MUCH, True)
    assert error_of(caught) == ErrorCode.OFFSET_OUT_OF_RANGE
    assert log.read(4, MUCH, MUCH, True) is None


def test_at_least_one_batch_is_read_if_asked_for() -> None:
    """KIP-74: a batch larger than the limit does not stop a consumer."""
    log = open_log(make_disk())
    append(log, b"v" * 100)
    append(log, b"w" * 100)
    assert values(log.read(0, 10, MUCH, True)) == [b"v" * 100]
    assert log.read(0, 10, MUCH, False) is None
    assert values(log.read(1, 0, MUCH, True)) == [b"w" * 100]


def test_a_batch_is_read_whole_from_any_of_its_offsets() -> None:
    log = open_log(make_disk())
    append(log, b"a", b"b", b"c")
    append(log, b"d")
    assert values(log.read(2, MUCH, MUCH, True)) == [b"a", b"b", b"c", b"d"]
    assert values(log.read(3, MUCH, MUCH, True)) == [b"d"]


class CountingDisk(MemoryDisk):
    """Counts the calls that are not writes."""

    reads = 0

    def check(self, operation: str, path: str) -> None:
        if operation in ("read", "open"):
            self.reads += 1
        super().check(operation, path)


def test_readers_at_the_tail_need_no_look_up() -> None:
    disk = CountingDisk(Random(0), delay_max_s=0.0)
    disk.mkdir(FOLDER)
    log = open_log(disk)
    append(log, b"first")
    log.read(0, MUCH, MUCH, True)
    before = disk.reads
    for offset in range(1, 200):
        append(log, b"next")
        found = log.read(offset, MUCH, offset + 1, True)
        assert found is not None
    assert disk.reads == before


def test_readers_of_old_data_go_on_where_they_stopped() -> None:
    disk = CountingDisk(Random(0), delay_max_s=0.0)
    disk.mkdir(FOLDER)
    log = open_log(disk, LogConfig(index_interval_bytes=1000))
    for _ in range(200):
        append(log, b"v" * 100)
    offset = 0
    before = disk.reads
    for _ in range(10):
        found = log.read(offset, 2000, MUCH, True)
        offset += len(values(found))
    assert disk.reads - before <= 10 * 2, "one to cut at a batch, one of the test itself"


def test_what_was_cut_is_stale() -> None:
    disk = make_disk()
    log = open_log(disk, SMALL_SEGMENTS)
    for _ in range(12):
        append(log, b"v" * 100)
    log.read(0, MUCH, MUCH, True)
    slices = [log.read(offset, MUCH, MUCH, True) for offset in (0, 4, 11)]
    assert len(bases(log)) >= 3
    kept, cut, dropped = [found for found in slices if found is not None]
    rest = cut.after(10)
    assert (len(rest), rest.position) == (len(cut) - 10, cut.position + 10)
    log.truncate_to(5)
    assert [found.is_stale for found in (kept, cut, rest, dropped)] == [False, True, True, True]
    assert cut.after(5).is_stale


def test_what_was_deleted_is_stale() -> None:
    log = open_log(make_disk(), SMALL_SEGMENTS)
    for _ in range(12):
        append(log, b"v" * 100)
    first, last = log.read(0, MUCH, MUCH, True), log.read(11, MUCH, MUCH, True)
    assert first is not None
    assert last is not None
    log.delete_records_before(5)
    log.retention(NOW_MS, 12)
    assert (first.is_stale, last.is_stale) == (True, False)
    assert len(first.read()) == len(first), "the file is still open"


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_inactive_segments_hold_no_descriptor(tmp_path: Path) -> None:
    log = PartitionLog.open(OsDisk(), str(tmp_path), PARTITION, SMALL_SEGMENTS)
    append(log)
    before = open_descriptors()
    for _ in range(40):
        append(log, b"v" * 100)
    assert len(bases(log)) > 10
    assert open_descriptors() == before
    found = log.read(1, MUCH, MUCH, True)
    assert open_descriptors() == before + 1
    del found
    assert open_descriptors() == before


# ---------------------------------------------------------------------- look up


@pytest.mark.parametrize("codec", Codec)
def test_a_timestamp_finds_the_first_record_that_is_not_older(codec: Codec) -> None:
    log = open_log(make_disk())
    times = [(10, 30, 20), (40, 15), (50, 60)]
    for leader_epoch, batch_times in enumerate(times):
        records = [Record(i, NOW_MS + t, None, b"") for i, t in enumerate(batch_times)]
        batch = memoryview(bytearray(build_batch(records, codec=codec)))
        log.append_as_leader(batch, leader_epoch, NOW_MS)
    for asked, wanted in (
        (0, (10, 0, 0)),
        (10, (10, 0, 0)),
        (11, (30, 1, 0)),
        (31, (40, 3, 1)),
        (60, (60, 6, 2)),
    ):
        timestamp, offset, leader_epoch = wanted
        found = offset_for_timestamp(log, NOW_MS + asked, 7)
        assert found == (NOW_MS + timestamp, offset, leader_epoch)
    assert offset_for_timestamp(log, NOW_MS + 61, 7) is None
    assert offset_for_timestamp(log, NOW_MS + 60, 6) is None, "not below the bound"
    assert max_timestamp(log, 7) == (NOW_MS + 60, 6, 2)
    assert max_timestamp(log, 6) is None
    log.delete_records_before(1)
    assert offset_for_timestamp(log, NOW_MS, 7) == (NOW_MS + 30, 1, 0)


def test_an_empty_log_has_no_timestamp() -> None:
    log = open_log(make_disk())
    assert max_timestamp(log, 0) is None
    assert offset_for_timestamp(log, 0, 0) is None


@pytest.mark.parametrize(
    ("position", "content"),
    [(8, b"\x7f\xff\xff\xff"), (16, b"\7")],
    ids=["a length beyond the end", "another magic"],
)
@pytest.mark.parametrize("has_indexes", [True, False])
def test_readers_are_told_of_damage_and_do_not_skip_it(
    position: int, content: bytes, has_indexes: bool
) -> None:
    disk = make_disk()
    config = LogConfig(segment_bytes=300)
    log = open_log(disk, config)
    while len(log.segments) < 3:
        append(log, b"v" * 50, timestamp=NOW_MS + log.log_end_offset)
    in_thread(disk, log.close)
    path, size_bytes = log.segments[0].path, log.segments[0].size_bytes
    second = parse_header(disk.read(path)).size_bytes
    disk.corrupt(path, second + position, content)
    if not has_indexes:
        disk.remove(log.segments[0].offset_index.path)
    log = open_log(disk, config)
    damages: list[DamagedLog] = []
    log.on_damage = damages.append
    for work in (
        lambda: log.read(1, 1000, 1000, True),
        lambda: offset_for_timestamp(log, NOW_MS + 1, 1000),
    ):
        for _ in range(2):
            assert refusal(work) == ErrorCode.CORRUPT_MESSAGE
    assert {(it.path, it.position) for it in damages} == {(path, second)}
    assert log.failure is None
    assert log.segments[0].size_bytes == size_bytes
    assert log.read(log.segments[1].base_offset, 1000, 1000, True) is not None


# ---------------------------------------------------------------------- flush


def test_a_flush_speaks_of_what_was_written_when_it_began() -> None:
    disk = make_disk()
    log = open_log(disk)
    append(log, b"a")
    flushing = log.begin_flush()
    assert flushing is not None
    append(log, b"b")
    in_thread(disk, flushing.sync)
    log.mark_flushed(flushing.end_offset)
    assert log.flushed_offset == 1
    flush(disk, log)
    assert log.flushed_offset == 2
    assert log.begin_flush() is None


def test_a_flush_that_began_before_a_cut_is_stale() -> None:
    disk = make_disk()
    log = open_log(disk)
    append(log, b"a")
    append(log, b"b")
    flushing = log.begin_flush()
    assert flushing is not None
    log.truncate_to(1)
    append(log, b"other")
    assert flushing.is_stale
    assert log.flushed_offset == 0


def test_leader_epochs_are_durable_when_they_are_saved() -> None:
    """Regression 7 (KAFKA-7415): an epoch's start must survive before its leader serves."""
    disk = make_disk()
    log = open_log(disk)
    append(log, leader_epoch=2)
    flush(disk, log)
    log.epochs.assign(6, log.log_end_offset)
    in_thread(disk, log.save_epochs)
    assert not log.epochs.changed
    assert disk.after_power_loss().read(f"{FOLDER}/leader-epoch-checkpoint") == b"0\n2\n2 0\n6 1\n"


# ---------------------------------------------------------------------- truncate


def test_a_cut_forgets_epochs_and_producers_of_what_is_gone() -> None:
    """Rule 11, as a follower does it: what the new leader does not have goes."""
    log = open_log(make_disk(), SMALL_SEGMENTS)
    for sequence in range(9):
        batch = make_batch(b"v" * 90, producer_id=7, producer_epoch=0, base_sequence=sequence)
        log.append_as_leader(batch, sequence // 3, NOW_MS)
    log.truncate_to(4)
    assert log.log_end_offset == log.written_end_offset == 4
    assert log.epochs.entries == [(0, 0), (1, 3)]
    batch = make_batch(b"v", producer_id=7, producer_epoch=0, base_sequence=5)
    with pytest.raises(KafkaError) as caught:
        log.append_as_leader(batch, 3, NOW_MS)
    assert error_of(caught) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    batch = make_batch(b"new", producer_id=7, producer_epoch=0, base_sequence=4)
    assert log.append_as_leader(batch, 3, NOW_MS).first_offset == 4
    log.write()
    assert values(log.read(4, MUCH, MUCH, True)) == [b"new"]


def test_readers_do_not_go_on_where_a_cut_moved_the_records() -> None:
    log = open_log(make_disk())
    append(log, b"a")
    append(log, b"b")
    log.read(0, MUCH, MUCH, True)
    log.truncate_to(1)
    append(log, b"longer than before")
    append(log, b"c")
    assert values(log.read(2, MUCH, MUCH, True)) == [b"c"]


@pytest.mark.parametrize("seed", range(8))
def test_a_flushed_cut_is_durable_although_nothing_was_appended(seed: int) -> None:
    disk = make_disk(seed)
    log = open_log(disk)
    append(log, b"a")
    append(log, b"b")
    flush(disk, log)
    log.truncate_to(1)
    flush(disk, log)
    again = open_log(disk.after_power_loss(), recovery_point=1, clean=False)
    assert again.log_end_offset == 1


def test_a_cut_at_or_after_the_end_changes_no_record() -> None:
    log = open_log(make_disk())
    append(log, leader_epoch=1)
    log.epochs.assign(2, 1)
    found = log.read(0, MUCH, MUCH, True)
    assert found is not None
    log.truncate_to(1)
    assert (log.log_end_offset, found.is_stale) == (1, False)
    assert log.epochs.entries == [(1, 0)], "an epoch that wrote nothing may be wrong"


def test_the_batch_around_a_cut_goes_whole() -> None:
    log = open_log(make_disk())
    append(log, b"a")
    append(log, b"b", b"c", b"d")
    log.truncate_to(2)
    assert log.log_end_offset == 1


def test_a_log_can_start_over_anywhere() -> None:
    """Rule 12: a follower behind the leader's log start begins there."""
    disk = make_disk()
    log = open_log(disk, SMALL_SEGMENTS)
    for _ in range(9):
        append(log, b"v" * 100)
    log.truncate_fully_and_start_at(100)
    assert (log.log_start_offset, log.log_end_offset, log.flushed_offset) == (100, 100, 0)
    assert (bases(log), log.epochs.entries, len(log.producers)) == ([100], [], 0)
    log.append_as_follower(make_batch(b"new", base_offset=100, leader_epoch=4))
    log.write()
    assert values(log.read(100, MUCH, MUCH, True)) == [b"new"]
    assert all(path.endswith(".deleted") for path in log.segments.deleted_files)
    flush(disk, log)
    again = open_log(disk.after_power_loss(), recovery_point=101, log_start_offset=100, clean=False)
    assert (again.log_start_offset, again.log_end_offset) == (100, 101)


def test_a_changed_configuration_counts_from_the_next_append() -> None:
    log = open_log(make_disk())
    append(log, b"v" * 100)
    log.config = replace(log.config, max_message_bytes=100)
    with pytest.raises(KafkaError) as caught:
        append(log, b"v" * 100)
    assert error_of(caught) == ErrorCode.MESSAGE_TOO_LARGE

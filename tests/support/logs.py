"""Batches and logs for tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TypeVar

import trio

from raftkafka.compression import Codec
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.lookup import FoundOffset, RecordScan
from raftkafka.log.partition_log import AppendInfo, PartitionLog
from raftkafka.records import Record, build_batch
from raftkafka.types import TopicPartition
from tests.sim.memory_disk import MemoryDisk

T = TypeVar("T")

NOW_MS = 1_700_000_000_000
FOLDER = "/data/events-0"
PARTITION = TopicPartition("events", 0)


def make_disk(seed: int = 0) -> MemoryDisk:
    """Return a disk that has the partition's folder, for good."""
    disk = MemoryDisk(Random(seed), delay_max_s=0.0)
    disk.mkdir(FOLDER)
    for folder in ("/", "/data"):
        in_thread(disk, partial(disk.sync_folder, folder))
    return disk


def in_thread(disk: MemoryDisk, work: Callable[[], T]) -> T:
    """Do what waits for the device."""
    return trio.run(disk.run, work)


def refusal(work: Callable[[], object]) -> ErrorCode | None:
    """Return the code of the error that ``work`` raises, or None if it succeeds."""
    try:
        work()
    except KafkaError as error:
        return error.code
    return None


def open_log(
    disk: MemoryDisk,
    config: LogConfig | None = None,
    *,
    recovery_point: int = 0,
    log_start_offset: int = 0,
    clean: bool = True,
) -> PartitionLog:
    """Open the log in ``FOLDER``."""
    return in_thread(
        disk,
        partial(
            PartitionLog.open,
            disk,
            FOLDER,
            PARTITION,
            config or LogConfig(),
            recovery_point=recovery_point,
            log_start_offset=log_start_offset,
            clean=clean,
        ),
    )


def flush(disk: MemoryDisk, log: PartitionLog) -> None:
    """Make everything that is written durable, as the driver does."""
    flushing = log.begin_flush()
    if flushing is not None:
        in_thread(disk, flushing.sync)
        assert not flushing.is_stale
        log.mark_flushed(flushing.end_offset)


def make_batch(
    *values: bytes,
    timestamp: int = NOW_MS,
    key: bytes | None = None,
    codec: Codec = Codec.NONE,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    base_offset: int = 0,
    leader_epoch: int = -1,
    flags: int = 0,
) -> memoryview:
    """Return a writable batch as a client sends it, one record per value (one if there is none)."""
    records = [Record(i, timestamp, key, value) for i, value in enumerate(values or (b"value",))]
    return memoryview(
        bytearray(
            build_batch(
                records,
                codec=codec,
                producer_id=producer_id,
                producer_epoch=producer_epoch,
                base_sequence=base_sequence,
                base_offset=base_offset,
                leader_epoch=leader_epoch,
                flags=flags,
            )
        )
    )


def append(
    log: PartitionLog, *values: bytes, leader_epoch: int = 0, timestamp: int = NOW_MS
) -> AppendInfo:
    """Append one batch as the leader and write it."""
    info = log.append_as_leader(make_batch(*values, timestamp=timestamp), leader_epoch, NOW_MS)
    log.write()
    return info


def offset_for_timestamp(
    log: PartitionLog, timestamp: int, upper_bound_offset: int
) -> FoundOffset | None:
    """Return the first record at or after a time, as ``Lookups`` finds it on trio."""
    start_offset = log.log_start_offset
    while (scan := log.scan_for_timestamp(timestamp, start_offset)) is not None:
        found = found_by(scan)
        if found is not None:
            return found if found.offset < upper_bound_offset else None
        start_offset = scan.header.last_offset + 1
    return None


def found_by(scan: RecordScan) -> FoundOffset | None:
    """Return what a look through a batch finds."""
    scan.open()
    while not scan.is_done:
        scan.advance(3)
    return scan.found


def max_timestamp(log: PartitionLog, upper_bound_offset: int) -> FoundOffset | None:
    """Return the record with the largest timestamp, as ``Lookups`` finds it on trio."""
    scan = log.scan_for_max_timestamp()
    found = found_by(scan) if scan is not None else None
    return found if found is not None and found.offset < upper_bound_offset else None

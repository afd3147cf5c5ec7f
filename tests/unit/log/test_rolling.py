"""A partition's log rolls: when a segment is full, and what is written then."""

from __future__ import annotations

from itertools import pairwise

import pytest

from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.segment import Segment
from raftkafka.records import (
    parse_header,
)
from tests.sim.memory_disk import MemoryDisk
from tests.support.log_dirs import values_of
from tests.support.logs import (
    FOLDER,
    NOW_MS,
    append,
    flush,
    in_thread,
    make_batch,
    make_disk,
    open_log,
)

MUCH = 10**6


def bases(log: PartitionLog) -> list[int]:
    return [segment.base_offset for segment in log.segments]


def test_a_segment_is_full_by_size() -> None:
    log = open_log(make_disk(), LogConfig(segment_bytes=2 * len(make_batch(b"v" * 100)) + 1))
    for _ in range(5):
        append(log, b"v" * 100)
    assert bases(log) == [0, 2, 4]


def test_a_segment_is_full_by_the_time_between_its_records() -> None:
    log = open_log(make_disk(), LogConfig(segment_ms=1000))
    for timestamp in (NOW_MS, NOW_MS + 1000, NOW_MS + 1001, NOW_MS + 2001, NOW_MS + 2002):
        append(log, timestamp=timestamp)
    assert bases(log) == [0, 2, 4]


def test_segments_without_timestamps_are_not_full_by_time() -> None:
    log = open_log(make_disk(), LogConfig(segment_ms=1000))
    for timestamp in (-1, -1, NOW_MS, NOW_MS + 1000, NOW_MS + 1001):
        append(log, timestamp=timestamp)
    assert bases(log) == [0, 4]


def test_jitter_makes_segments_roll_earlier_but_not_all_at_once() -> None:
    config = LogConfig(segment_ms=1000, segment_jitter_ms=500)
    rolls: set[int] = set()
    for partition in range(20):
        segment = Segment(make_disk(), f"/data/t-{partition}", 0, config)
        segment.append(0, 100, NOW_MS)
        rolls.add(
            next(age for age in range(1001) if segment.must_roll(100, 1, NOW_MS + age, config))
        )
    assert len(rolls) > 10
    assert 500 < min(rolls) <= max(rolls) <= 1000


@pytest.mark.parametrize(("index_bytes", "per_segment"), [(8 * 8, 5), (12 * 8, 8)])
def test_a_segment_is_full_when_an_index_is(index_bytes: int, per_segment: int) -> None:
    """Kafka counts 8 bytes an entry in one index, and 12 and a spare one in the other."""
    log = open_log(make_disk(), LogConfig(segment_index_bytes=index_bytes, index_interval_bytes=0))
    for i in range(3 * per_segment):
        append(log, timestamp=NOW_MS + i)
    assert bases(log)[:3] == [0, per_segment, 2 * per_segment]


def test_a_segment_is_full_when_offsets_no_longer_fit_its_index() -> None:
    log = open_log(make_disk())
    offsets = (0, 2**31 - 1, 2**31, 2**33)
    for offset in offsets:
        log.append_as_follower(make_batch(base_offset=offset, leader_epoch=0))
    log.write()
    assert bases(log) == [0, 2**31, 2**33 - 2**31 + 1]
    for asked, found in pairwise(offsets):
        data = log.read(asked + 1, MUCH, MUCH**2, True)
        assert data is not None
        assert parse_header(data.read()).base_offset == found


def test_the_indexes_are_kafkas() -> None:
    """Last offset and start of a batch once enough came before it; timestamps only grow."""
    disk = make_disk()
    log = open_log(disk, LogConfig(index_interval_bytes=100))
    size = len(make_batch(b"v" * 100, b"w"))
    for timestamp in (NOW_MS + 5, NOW_MS, NOW_MS + 9, NOW_MS + 2):
        append(log, b"v" * 100, b"w", timestamp=timestamp)
    log.roll()
    stem = f"{FOLDER}/{0:020d}"
    entries = ((3, size), (5, 2 * size), (7, 3 * size))
    wanted = b"".join(o.to_bytes(4, "big") + p.to_bytes(4, "big") for o, p in entries)
    assert disk.read(stem + ".index") == wanted
    times = ((NOW_MS + 5, 1), (NOW_MS + 9, 5))
    wanted = b"".join(t.to_bytes(8, "big") + o.to_bytes(4, "big") for t, o in times)
    assert disk.read(stem + ".timeindex") == wanted


def test_a_roll_writes_the_final_time_index_entry() -> None:
    disk = make_disk()
    log = open_log(disk)
    append(log, b"a", timestamp=NOW_MS)
    append(log, b"b", b"c", timestamp=NOW_MS + 7)
    log.roll()
    entry = (NOW_MS + 7).to_bytes(8, "big") + (2).to_bytes(4, "big")
    assert disk.read(f"{FOLDER}/{0:020d}.timeindex") == entry
    assert disk.read(f"{FOLDER}/{0:020d}.index") == b""


# ---------------------------------------------------------------------- preallocation

PREALLOCATED = LogConfig(segment_bytes=1000, preallocate=True)


def file_sizes(disk: MemoryDisk) -> list[int]:
    return [disk.size(f"{FOLDER}/{n}") for n in disk.listdir(FOLDER) if n.endswith(".log")]


def test_a_preallocated_file_has_its_full_size_until_it_is_finished() -> None:
    disk = make_disk()
    log = open_log(disk, PREALLOCATED)
    assert file_sizes(disk) == [1000]
    for _ in range(5):
        append(log, b"v" * 300)
    sizes = [segment.size_bytes for segment in log.segments]
    assert file_sizes(disk) == [*sizes[:-1], 1000]
    assert values_of(log) == [b"v" * 300] * 5
    in_thread(disk, log.close)
    assert file_sizes(disk) == sizes
    assert values_of(open_log(disk, PREALLOCATED)) == [b"v" * 300] * 5
    assert file_sizes(disk) == sizes, "a file that is there already keeps its size"


@pytest.mark.parametrize("is_flushed", [False, True])
def test_recovery_cuts_the_zeros_of_a_preallocated_file(is_flushed: bool) -> None:
    disk = make_disk()
    log = open_log(disk, PREALLOCATED)
    for _ in range(3):
        append(log, b"v" * 300)
    if is_flushed:
        flush(disk, log)
    sizes = [segment.size_bytes for segment in log.segments]
    disk = disk.after_kill()
    log = open_log(disk, PREALLOCATED, clean=False, recovery_point=log.flushed_offset)
    assert values_of(log) == [b"v" * 300] * 3
    assert file_sizes(disk) == sizes
    append(log, b"more")
    assert values_of(log)[3:] == [b"more"]


def test_recovery_of_a_preallocated_file_without_records() -> None:
    disk = make_disk()
    open_log(disk, PREALLOCATED)
    log = open_log(disk.after_kill(), PREALLOCATED, clean=False)
    assert values_of(log) == []
    append(log, b"first")
    assert values_of(log) == [b"first"]


def test_a_cut_of_a_preallocated_file() -> None:
    disk = make_disk()
    log = open_log(disk, PREALLOCATED)
    for _ in range(3):
        append(log, b"v" * 300)
    log.truncate_to(1)
    append(log, b"w")
    assert values_of(log) == [b"v" * 300, b"w"]
    in_thread(disk, log.close)
    assert file_sizes(disk) == [segment.size_bytes for segment in log.segments]

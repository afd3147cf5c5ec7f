"""Several log directories: which one is chosen, and what happens when one fails."""

from __future__ import annotations

import errno

import pytest
import trio
from trio.testing import MockClock

from raftkafka.errors import DamagedDisk, DataFolderInUse, ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_driver import LogDirs
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.types import TopicPartition
from tests.support.log_dirs import EVENTS, Life, append, fresh_disk, values_of

TWO = LogDirSettings(("/data/a", "/data/b"))


def storage_error(dirs: LogDirs, life: Life, partition: TopicPartition = EVENTS) -> str:
    with pytest.raises(KafkaError) as refusal:
        life.open(dirs, partition)
    assert refusal.value.code == ErrorCode.KAFKA_STORAGE_ERROR
    return str(refusal.value)


async def test_a_new_partition_goes_to_the_directory_with_the_fewest(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk(), TWO)
    async with life.run() as dirs:
        for number in range(5):
            life.open(dirs, TopicPartition("events", number))
        counts = [sum(n[:1] == "e" for n in life.disk.listdir(path)) for path in TWO.paths]
        assert sorted(counts) == [2, 3]


async def test_a_folder_in_use_is_refused(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk())
    async with life.run():
        with pytest.raises(DataFolderInUse, match=r"/data is in use .* stop that broker"):
            await life.make().lock()


async def test_a_partition_in_two_directories_is_refused(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk(), TWO)
    for path in TWO.paths:
        life.disk.mkdir(f"{path}/events-0")
    with pytest.raises(DamagedDisk, match=r"events-0 is both in /data/a and in /data/b"):
        async with life.run():
            pass


async def test_a_failed_write_takes_the_directory_offline_and_the_others_serve(
    autojump_clock: MockClock,
) -> None:
    disk = fresh_disk()
    life = Life(disk, TWO)
    partitions = [TopicPartition("events", i) for i in range(4)]
    async with life.run() as dirs:
        logs = [life.open(dirs, partition) for partition in partitions]
        lost = [log for log in logs if log.folder.startswith("/data/a/")]
        kept = [log for log in logs if log not in lost]
        disk.fail("write", lost[0].folder, errno.ENOSPC, times=1)
        with pytest.raises(KafkaError):
            append(lost[0], b"value")
        for log in lost:
            with pytest.raises(KafkaError) as refusal:
                append(log, b"value")
            assert refusal.value.code == ErrorCode.KAFKA_STORAGE_ERROR
        await trio.sleep(1)
        assert life.offline == [("/data/a", [log.topic_partition for log in lost])]
        for log in kept:
            append(log, b"value")
            dirs.request_flush(log)
        assert "offline" in storage_error(dirs, life, lost[0].topic_partition)
        new = life.open(dirs, TopicPartition("new", 0))
        assert new.folder == "/data/b/new-0"
        await trio.sleep(1)
        assert len(life.flushed) == 2
        assert not await dirs.close()
        assert disk.exists("/data/b/.kafka_cleanshutdown")
        assert not disk.exists("/data/a/.kafka_cleanshutdown")


async def test_a_failed_sync_is_never_tried_again(autojump_clock: MockClock) -> None:
    """The kernel counts the pages as clean after it: a second one would succeed over lost data."""
    disk = fresh_disk()
    life = Life(disk, TWO, config=LogConfig(flush_ms=100))
    async with life.run() as dirs:
        log = life.open(dirs)
        append(log, b"value")
        disk.fail("sync", log.folder, errno.EIO, times=1)
        await trio.sleep(30)
        assert log.flushed_offset == 0
        assert life.flushed == []
        assert life.offline == [("/data/a", [EVENTS])]


async def test_with_no_directory_left_the_broker_has_to_stop(autojump_clock: MockClock) -> None:
    disk = fresh_disk()
    life = Life(disk)
    with pytest.RaisesGroup(pytest.RaisesExc(DamagedDisk), flatten_subgroups=True):
        async with life.run() as dirs:
            log = life.open(dirs)
            disk.fail("write", "/data", errno.EIO)
            with pytest.raises(KafkaError):
                append(log, b"value")
            await trio.sleep(1)
    assert life.offline == [("/data", [EVENTS])]


async def test_a_directory_that_fails_at_start_is_offline_and_its_content_unknown(
    autojump_clock: MockClock,
) -> None:
    disk = fresh_disk()
    life = Life(disk, TWO)
    partitions = [TopicPartition("events", i) for i in range(2)]
    async with life.run() as dirs:
        for partition in partitions:
            append(life.open(dirs, partition), b"value")
        await dirs.close()
    life.disk = disk = disk.after_kill()
    disk.fail("list", "/data/a", errno.EIO)
    async with life.run() as dirs:
        await trio.sleep(1)
        assert life.offline == [("/data/a", [])]
        (there,) = (folder.partition for folder in dirs.folders)
        assert values_of(life.open(dirs, there)) == [b"value"]
        (gone,) = set(partitions) - {there}
        assert "may be in /data/a" in storage_error(dirs, life, gone), "never made anew, empty"
    for operation in ("list", "open"):
        life.disk = disk = disk.after_kill()
        disk.fail(operation, "/data", errno.EIO)
        with pytest.raises(DamagedDisk, match="no log directory can be used"):
            async with life.run():
                pass


async def test_usage_of_a_preallocated_segment(autojump_clock: MockClock) -> None:
    """What it holds, as Kafka counts, and not what its file has."""
    life = Life(fresh_disk(), config=LogConfig(segment_bytes=1000, preallocate=True))
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        (usage,) = await dirs.usage(lambda partition: True)
        assert usage.size_bytes == {EVENTS: life.open(dirs).size_bytes}
        assert life.disk.size("/data/events-0/00000000000000000000.log") == 1000


async def test_usage(autojump_clock: MockClock) -> None:
    disk = fresh_disk()
    life = Life(disk, TWO)
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        size_bytes = life.open(dirs).size_bytes
        disk.mkdir("/data/b")
        first, second = await dirs.usage(lambda partition: True)
        assert (first.path, first.size_bytes) == ("/data/a", {EVENTS: size_bytes})
        assert 0 < first.usable_bytes < first.total_bytes
        assert second.size_bytes == {}
        assert (await dirs.usage(lambda partition: False))[0].size_bytes == {}


async def test_too_many_open_files_are_no_failure_of_the_disk(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        life.disk.fail("open", "/data/events-0", errno.EMFILE)
        assert "Too many open files" in storage_error(dirs, life)
        life.disk.heal()
        assert append(life.open(dirs), b"kept") == 1
        assert life.offline == []

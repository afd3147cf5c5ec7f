"""Checkpoints of the log directories: when they are written, and what is made of them."""

from __future__ import annotations

import errno

import trio
from trio.testing import MockClock

from raftkafka.log.checkpoints import decode_offsets
from raftkafka.types import TopicPartition
from tests.support.log_dirs import EVENTS, Life, append, cleanly_stopped, fresh_disk, values_of


async def test_checkpoints_are_written_at_their_intervals_and_only_when_they_changed(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    disk = life.disk
    async with life.run() as dirs:
        log = life.open(dirs)
        append(log, b"value")
        dirs.request_flush(log)
        life.high_watermarks[EVENTS] = 1
        await trio.sleep(5.5)
        assert decode_offsets(disk.read("/data/replication-offset-checkpoint")) == {EVENTS: 1}
        assert not disk.exists("/data/recovery-point-offset-checkpoint")
        await trio.sleep(55)
        assert decode_offsets(disk.read("/data/recovery-point-offset-checkpoint")) == {EVENTS: 1}
        assert not disk.exists("/data/log-start-offset-checkpoint")
        append(log, b"value")
        log.delete_records_before(1)
        await trio.sleep(61)
        assert decode_offsets(disk.read("/data/log-start-offset-checkpoint")) == {EVENTS: 1}
        disk.fail("open", "/data/r", errno.EIO)
        disk.fail("open", "/data/l", errno.EIO)
        await trio.sleep(300)
        assert not life.offline, "nothing changed, nothing written"


async def test_nobody_is_asked_for_high_watermarks_while_nothing_happens(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    asked: list[float] = []

    def ask() -> dict[TopicPartition, int]:
        asked.append(trio.current_time())
        return {}

    async with life.run() as dirs:
        life.open(dirs)
        dirs.high_watermarks = ask
        await trio.sleep(20)
        count = len(asked)
        await trio.sleep(200)
        assert len(asked) == count
        append(life.open(dirs), b"value")
        await trio.sleep(60)
        assert count < len(asked) <= count + 3, "after the write, its flush, and once more"


async def test_a_log_starts_where_its_checkpoint_says(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        log = life.open(dirs)
        for value in (b"one", b"two", b"three"):
            append(log, value)
        log.delete_records_before(2)
        await dirs.close()
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == [b"three"]


async def test_a_damaged_checkpoint_costs_a_longer_check_and_no_record(
    autojump_clock: MockClock,
) -> None:
    life = await cleanly_stopped(b"value")
    life.disk.open("/data/recovery-point-offset-checkpoint").pwrite([b"\xff"], 0)
    life.disk.remove("/data/.kafka_cleanshutdown")
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == [b"value"]


async def test_the_recovery_point_goes_back_before_the_log_is_truncated(
    autojump_clock: MockClock,
) -> None:
    """Else a crash in between looks like damage."""
    life = Life(fresh_disk())
    async with life.run() as dirs:
        log = life.open(dirs)
        for value in (b"one", b"two", b"three"):
            append(log, value)
        dirs.request_flush(log)
        await trio.sleep(61)
        await dirs.truncate(log, 1)
        assert values_of(log) == [b"one"]
        life.kill()
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == [b"one"]

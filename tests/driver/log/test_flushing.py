"""Flushes: grouped, in time, and promising no more than is on the platter."""

from __future__ import annotations

import errno

import trio
from trio.testing import MockClock

from raftkafka.log.log_config import LogConfig
from raftkafka.types import TopicPartition
from tests.support.log_dirs import EVENTS, TOPIC_ID, Life, append, fresh_disk, values_of

SEGMENT = "00000000000000000000.log"


async def test_a_flush_covers_what_was_written_before_it_began_and_no_more(
    autojump_clock: MockClock,
) -> None:
    disk = fresh_disk()
    disk.delay_max_s = 0.1
    life = Life(disk)
    async with life.run() as dirs:
        log = life.open(dirs)
        for count in range(1, 40):
            append(log, b"value")
            dirs.request_flush(log)
            await trio.sleep(0.01)
            assert log.flushed_offset < count or len(life.flushed) >= count
            survivor = disk.after_power_loss()
            if log.flushed_offset:
                size = survivor.size(f"/data/events-0/{SEGMENT}")
                assert size * 40 >= log.flushed_offset * disk.size(f"/data/events-0/{SEGMENT}")


async def test_a_flush_that_began_before_a_truncation_promises_nothing(
    autojump_clock: MockClock,
) -> None:
    disk = fresh_disk(3)
    disk.delay_max_s = 0.1
    life = Life(disk)
    async with life.run() as dirs:
        log = life.open(dirs)
        for _ in range(8):
            append(log, b"value")
        dirs.request_flush(log)
        await trio.sleep(0.0001)
        log.truncate_to(2)
        for _ in range(8):
            append(log, b"another")
        for _ in range(200):
            await trio.sleep(0.001)
            survivor = Life(disk.after_power_loss())
            size = survivor.disk.size(f"/data/events-0/{SEGMENT}")
            assert size / disk.size(f"/data/events-0/{SEGMENT}") >= log.flushed_offset / 10
        assert log.flushed_offset == 10


async def test_requests_during_a_flush_ride_on_the_next_one(autojump_clock: MockClock) -> None:
    disk = fresh_disk()
    disk.delay_max_s = 0.1
    life = Life(disk)
    async with life.run() as dirs:
        log = life.open(dirs)
        for _ in range(50):
            append(log, b"value")
            dirs.request_flush(log)
            await trio.sleep(0.001)
        await trio.sleep(1)
        assert log.flushed_offset == 50
        assert len(life.flushed) < 10, "grouped"


async def test_flush_ms_bounds_how_long_a_record_is_not_durable(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk(), config=LogConfig(flush_ms=400))
    async with life.run() as dirs:
        log = life.open(dirs)
        await trio.sleep(5)
        life.flushed.clear()
        for count in range(1, 8):
            end_offset = append(log, b"value")
            await trio.sleep(0.39)
            assert log.flushed_offset < end_offset, "not before it is due"
            await trio.sleep(0.03)
            assert log.flushed_offset == end_offset
            assert len(life.flushed) == count
        await trio.sleep(60)
        assert len(life.flushed) == 7, "nothing to flush, nothing flushed"


async def test_a_full_segment_is_flushed_in_the_background(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk(), config=LogConfig(segment_bytes=300))
    async with life.run() as dirs:
        log = life.open(dirs)
        append(log, b"value")
        await trio.sleep(3)
        flushes = len(life.flushed)
        for _ in range(9):
            append(log, b"value")
        await trio.sleep(3)
        assert log.flushed_offset >= log.segments.active.base_offset > 0
        assert len(life.flushed) == flushes + 1


async def test_leader_epochs_are_durable_a_little_after_they_are_known(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        log = life.open(dirs)
        append(log, b"value", leader_epoch=3)
        await trio.sleep(3)
        assert not log.epochs.changed
        survivor = life.disk.after_power_loss()
        assert survivor.read("/data/events-0/leader-epoch-checkpoint") == b"0\n1\n3 0\n"


async def test_a_flush_without_a_descriptor_is_tried_again(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        log = life.open(dirs)
        append(log, b"value")
        life.disk.fail("open", "/data/events-0/", errno.EMFILE)
        dirs.request_flush(log)
        await trio.sleep(3)
        assert (log.flushed_offset, life.offline) == (0, [])
        life.disk.heal()
        await trio.sleep(3)
        assert log.flushed_offset == 1
        life.lose_power()
    async with life.run() as dirs:
        assert dirs.has(EVENTS, TOPIC_ID)
        assert values_of(life.open(dirs)) == [b"value"]


async def test_a_stop_covers_what_a_cancelled_flush_would_have(autojump_clock: MockClock) -> None:
    for seed in range(20):
        life = Life(fresh_disk(seed), config=LogConfig(segment_bytes=150))
        async with life.run() as dirs:
            log = life.open(dirs)
            append(log, b"one")
            await trio.sleep(3)
            append(log, b"two")
            append(log, b"three")
            dirs.request_flush(log)
            assert await dirs.close()
            life.lose_power()
        async with life.run() as dirs:
            assert values_of(life.open(dirs)) == [b"one", b"two", b"three"]


async def test_who_waits_for_a_flush_does_not_wait_for_new_logs(autojump_clock: MockClock) -> None:
    disk = fresh_disk()
    disk.delay_max_s = 0.01
    life = Life(disk)
    async with life.run() as dirs:
        for number in range(500):
            append(life.open(dirs, TopicPartition("new", number)), b"value")
        await trio.sleep(1.2)
        log = life.open(dirs)
        append(log, b"value")
        dirs.request_flush(log)
        await trio.sleep(0.02)
        assert log.flushed_offset == 1
        assert 0 < len(life.flushed) < 100
        await trio.sleep(10)
        assert len(set(life.flushed)) == 501

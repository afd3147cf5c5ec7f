"""Old segments and silent producers, of logs that are open or not."""

from __future__ import annotations

import errno
from dataclasses import replace

import trio
from trio.testing import MockClock

from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.types import TopicPartition
from tests.support.log_dirs import EVENTS, Life, append, fresh_disk

TWO = LogDirSettings(("/data/a", "/data/b"))


async def test_old_segments_go_whether_the_log_is_open_or_not(autojump_clock: MockClock) -> None:
    life = Life(
        fresh_disk(),
        config=LogConfig(segment_bytes=150, retention_ms=3_600_000, file_delete_delay_ms=60_000),
    )
    other = TopicPartition("events", 1)
    async with life.run() as dirs:
        for partition in (EVENTS, other):
            for _ in range(4):
                append(life.open(dirs, partition), b"value")
            life.high_watermarks[partition] = 4
        await dirs.close()
    async with life.run() as dirs:
        log = life.open(dirs)
        await trio.sleep(301)
        assert log.log_start_offset == 0
        life.now_ms += 3_600_001
        await trio.sleep(299.5)
        assert (log.log_start_offset, log.log_end_offset) == (4, 4)
        survivors = [life.disk.after_power_loss() for _ in range(20)]
        assert life.open(dirs, other).log_start_offset == 4
        await trio.sleep(61)
        for number in range(2):
            names = [n for n in life.disk.listdir(f"/data/events-{number}") if ".log" in n]
            assert names == ["00000000000000000004.log"]
    for life.disk in survivors:
        async with life.run() as dirs:
            log = life.open(dirs, other)
            assert (log.log_start_offset, log.log_end_offset) == (4, 4)


async def test_an_unopened_log_is_looked_into_once(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk(), TWO, config=LogConfig(retention_ms=3_600_000))
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        await dirs.close()
    async with life.run() as dirs:
        await trio.sleep(301)
        life.disk.fail("open", "/data/a/events-0", errno.EIO)
        await trio.sleep(900)
        assert not life.offline
        life.config = replace(life.config, retention_ms=1)
        await trio.sleep(300)
        assert life.offline, "another retention, another look"


async def test_silent_producers_are_forgotten(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk(), config=LogConfig(producer_id_expiration_ms=3_600_000))
    async with life.run() as dirs:
        log = life.open(dirs)
        log.producers.update(1, 0, 0, 0, 0, life.now_ms, 0)
        await trio.sleep(601)
        assert len(log.producers) == 1
        life.now_ms += 3_600_001
        await trio.sleep(600)
        assert len(log.producers) == 0

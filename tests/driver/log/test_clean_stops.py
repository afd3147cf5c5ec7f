"""After a clean stop everything is there, whatever happens next."""

from __future__ import annotations

import errno
import json

from trio.testing import MockClock

from raftkafka.log.log_settings import LogDirSettings
from raftkafka.types import TopicPartition
from tests.support.log_dirs import (
    EVENTS,
    TOPIC_ID,
    Life,
    append,
    cleanly_stopped,
    fresh_disk,
    values_of,
)

TWO = LogDirSettings(("/data/a", "/data/b"))


async def test_a_clean_stop_keeps_everything_and_opens_nothing_at_start(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        append(life.open(dirs), b"one", b"two")
        life.high_watermarks[EVENTS] = 2
        assert await dirs.close(broker_epoch=7)
        assert json.loads(life.disk.read("/data/.kafka_cleanshutdown"))["brokerEpoch"] == 7
    async with life.run() as dirs:
        assert not life.disk.exists("/data/.kafka_cleanshutdown"), "a crash now is unclean"
        assert [folder.log for folder in dirs.folders] == [None]
        assert dirs.has(EVENTS, TOPIC_ID)
        assert dirs.high_watermark(EVENTS) == 2
        assert dirs.previous_broker_epoch == 7
        log = life.open(dirs)
        assert log is life.open(dirs)
        assert values_of(log) == [b"one", b"two"]
        assert log.flushed_offset == 2


async def test_a_clean_stop_survives_the_power_going_after_it(autojump_clock: MockClock) -> None:
    for seed in range(20):
        life = Life(fresh_disk(seed), TWO)
        partitions = [TopicPartition("events", i) for i in range(4)]
        async with life.run() as dirs:
            for partition in partitions:
                append(life.open(dirs, partition), b"value")
            assert await dirs.close()
        life.lose_power()
        async with life.run() as dirs:
            assert dirs.lost_nothing
            assert {folder.partition for folder in dirs.folders} == set(partitions)
            assert all(values_of(life.open(dirs, p)) == [b"value"] for p in partitions)


async def test_an_idle_log_is_closed_without_a_sync(autojump_clock: MockClock) -> None:
    life = await cleanly_stopped(b"value")
    async with life.run() as dirs:
        life.open(dirs)
        life.disk.fail("sync", "/data/events-0", errno.EIO)
        assert await dirs.close(), "ten thousand idle partitions must not hold up a stop"

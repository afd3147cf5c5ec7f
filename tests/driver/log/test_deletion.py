"""Deleted, recreated and stray partitions, on a disk that forgets."""

from __future__ import annotations

from random import Random

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from raftkafka.errors import KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_dir import (
    is_deleted_folder,
)
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

OTHER_ID = bytes(15) + b"\x01"
TWO = LogDirSettings(("/data/a", "/data/b"))


async def test_a_deleted_partition_is_renamed_at_once_and_removed_later(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk(), config=LogConfig(file_delete_delay_ms=60_000))
    async with life.run() as dirs:
        log = life.open(dirs)
        append(log, b"value")
        slice_ = log.read(0, 1000, 1, True)
        dirs.delete(EVENTS)
        assert not dirs.has(EVENTS, TOPIC_ID)
        assert slice_ is not None
        assert slice_.is_stale
        with pytest.raises(KafkaError):
            append(log, b"more")
        await trio.sleep(1)
        (name,) = [n for n in life.disk.listdir("/data") if n.startswith("events-0")]
        assert is_deleted_folder(name)
        await trio.sleep(58)
        assert life.disk.exists(f"/data/{name}")
        await trio.sleep(2)
        assert not life.disk.exists(f"/data/{name}")
        assert not life.offline


async def test_what_a_crash_left_of_a_deletion_is_removed_by_the_next_start(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        dirs.delete(EVENTS)
        await trio.sleep(1)
    life.kill()
    with capture_logs() as logs:
        async with life.run() as dirs:
            assert list(dirs.folders) == []
            await trio.sleep(1)
            assert not [n for n in life.disk.listdir("/data") if n.startswith("events")]
    (resumed,) = [it for it in logs if it["event"] == "deletions_resumed"]
    assert (resumed["directory"], resumed["folders"]) == ("/data", 1)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_topic_recreated_under_its_name_starts_empty(
    autojump_clock: MockClock, restart: bool
) -> None:
    """KAFKA-12257, regression 25."""
    life = Life(fresh_disk())
    async with life.run() as dirs:
        for _ in range(5):
            append(life.open(dirs), b"old")
        dirs.request_flush(life.open(dirs))
        await trio.sleep(61)
        if not restart:
            new = dirs.open(EVENTS, OTHER_ID, life.config)
            assert values_of(new) == []
        await dirs.close()
    async with life.run() as dirs:
        assert dirs.has(EVENTS, TOPIC_ID) is restart
        new = dirs.open(EVENTS, OTHER_ID, life.config)
        assert values_of(new) == []
        append(new, b"new")
    life.kill()
    async with life.run() as dirs:
        # The old recovery point of 5 would make the new log look damaged.
        assert values_of(dirs.open(EVENTS, OTHER_ID, life.config)) == [b"new"]


async def test_recreated_before_the_rename_the_new_folder_is_another(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        append(life.open(dirs), b"old")
        dirs.delete(EVENTS)
        assert values_of(dirs.open(EVENTS, OTHER_ID, life.config)) == []
        dirs.delete(EVENTS)
        assert values_of(life.open(dirs)) == []
        await trio.sleep(100)
        assert [n for n in life.disk.listdir("/data") if n.startswith("e")] == ["events-0"]


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_an_old_recovery_point_is_not_believed_of_a_new_topic(
    autojump_clock: MockClock, delay_ms: int
) -> None:
    life = Life(fresh_disk(), config=LogConfig(file_delete_delay_ms=delay_ms))
    async with life.run() as dirs:
        for _ in range(5):
            append(life.open(dirs), b"old")
        dirs.request_flush(life.open(dirs))
        await trio.sleep(61)
        dirs.delete(EVENTS)
        await trio.sleep(1)
        append(dirs.open(EVENTS, OTHER_ID, life.config), b"new")
    life.kill()
    async with life.run() as dirs:
        assert values_of(dirs.open(EVENTS, OTHER_ID, life.config)) == [b"new"]


async def test_a_power_loss_never_leaves_a_partition_in_two_directories(
    autojump_clock: MockClock,
) -> None:
    for seed in range(40):
        life = Life(fresh_disk(seed), TWO, random=Random(seed))
        async with life.run() as dirs:
            append(life.open(dirs), b"old")
            await trio.sleep(3)
            dirs.delete(EVENTS)
            new = dirs.open(EVENTS, OTHER_ID, life.config)
            append(new, b"new")
            dirs.request_flush(new)
            await trio.sleep(life.random.random() * 0.003)
            survivors = [life.disk.after_power_loss() for _ in range(8)]
        for life.disk in survivors:
            async with life.run() as dirs:
                assert len(list(dirs.folders)) <= 1


@pytest.mark.parametrize("seed", range(20))
async def test_recreation_and_power_loss(autojump_clock: MockClock, seed: int) -> None:
    """Whatever of it was durable, the new topic never holds records of the old one."""
    random = Random(seed)
    life = Life(fresh_disk(seed), config=LogConfig(file_delete_delay_ms=random.choice([0, 1000])))
    ids = [bytes(15) + bytes([i]) for i in range(1, 6)]
    for topic_id in ids:
        async with life.run() as dirs:
            log = dirs.open(EVENTS, topic_id, life.config)
            for _ in range(random.randrange(1, 9)):
                append(log, topic_id)
            assert set(values_of(log)) == {topic_id}
            dirs.request_flush(log)
            await trio.sleep(random.choice([0.001, 0.1, 70]))
            if random.random() < 0.5:
                dirs.delete(EVENTS)
                await trio.sleep(random.choice([0.0, 0.001, 2]))
            life.lose_power()


async def test_a_folder_without_topic_id_is_taken_to_be_the_topics_of_its_name(
    autojump_clock: MockClock,
) -> None:
    life = await cleanly_stopped(b"value")
    life.disk.remove("/data/events-0/partition.metadata")
    async with life.run() as dirs:
        assert not dirs.has(EVENTS, TOPIC_ID)
        assert values_of(life.open(dirs)) == [b"value"]
        assert dirs.has(EVENTS, TOPIC_ID)
        await dirs.close()
    async with life.run() as dirs:
        assert dirs.has(EVENTS, TOPIC_ID)


async def test_after_a_power_loss_records_without_a_topic_id_are_nobodys(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        append(life.open(dirs), b"of some topic")
    life.kill()
    life.disk.open("/data/events-0/partition.metadata").truncate(0)
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == []
        assert dirs.has(EVENTS, TOPIC_ID)


async def test_a_partition_may_have_the_name_of_a_stray(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        for _ in range(5):
            append(life.open(dirs), b"old")
        await dirs.close()
    async with life.run() as dirs:
        await dirs.set_strays_aside(lambda partition, topic_id: False)
        append(dirs.open(EVENTS, OTHER_ID, life.config), b"new")
    life.kill()
    async with life.run() as dirs:
        assert values_of(dirs.open(EVENTS, OTHER_ID, life.config)) == [b"new"]


async def test_strays_are_set_aside_and_kept(autojump_clock: MockClock) -> None:
    life = Life(fresh_disk())
    wanted = TopicPartition("wanted", 0)
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        life.open(dirs, wanted)
        await dirs.close()
    async with life.run() as dirs:
        assert await dirs.set_strays_aside(lambda p, _: p == wanted) == [EVENTS]
        assert [folder.partition for folder in dirs.folders] == [wanted]
        await trio.sleep(100)
        (name,) = [n for n in life.disk.listdir("/data") if n.startswith("events-0")]
        assert name.endswith("-stray")
        await dirs.close()
    with capture_logs() as logs:
        async with life.run() as dirs:
            assert [folder.partition for folder in dirs.folders] == [wanted]
            await trio.sleep(100)
            assert life.disk.exists(f"/data/{name}"), "it is for its owner to remove, as in Kafka"
    (ignored,) = [it for it in logs if it["event"] == "log_folder_ignored"]
    assert ignored["path"] == f"/data/{name}"

"""After a kill or a power loss: what was promised is there, and what is lost is known."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
import trio
from trio.testing import MockClock

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_dir import (
    PartitionFolder,
)
from raftkafka.log.log_driver import LogDirs
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.partition_log import PartitionLog
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
SEGMENT = "00000000000000000000.log"


def unflushed(log: PartitionLog) -> int:
    return log.written_end_offset - log.flushed_offset


def storage_error(dirs: LogDirs, life: Life, partition: TopicPartition = EVENTS) -> str:
    with pytest.raises(KafkaError) as refusal:
        life.open(dirs, partition)
    assert refusal.value.code == ErrorCode.KAFKA_STORAGE_ERROR
    return str(refusal.value)


async def test_after_a_kill_every_log_is_checked_and_a_torn_tail_cut(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        append(life.open(dirs), b"one")
        append(life.open(dirs), b"two")
    life.kill()
    file = life.disk.open(f"/data/events-0/{SEGMENT}")
    file.pwrite([b"half a batch"], file.size())
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == [b"one", b"two"]
        assert file.size() < 200


async def test_a_kill_on_the_same_boot_loses_nothing_and_a_power_loss_may(
    autojump_clock: MockClock,
) -> None:
    """Rule 17: only a proven clean stop keeps a broker in its ISRs."""
    life = Life(fresh_disk())
    async with life.run() as dirs:
        assert not dirs.lost_nothing, "a first start has nothing to prove it with"
        await dirs.mark_started(broker_epoch=5)
        life.open(dirs)
    disk = life.disk
    life.disk = disk.after_kill()
    async with life.run() as dirs:
        assert (dirs.lost_nothing, dirs.previous_broker_epoch) == (True, 5)
    life.disk = disk.after_power_loss()
    async with life.run() as dirs:
        assert (dirs.lost_nothing, dirs.previous_broker_epoch) == (False, -1)


async def test_a_loss_that_nobody_was_told_of_is_not_forgotten_by_another_kill(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        await dirs.mark_started(5)
    life.lose_power()
    async with life.run() as dirs:
        assert not dirs.lost_nothing
    life.disk = life.disk.after_kill()
    async with life.run() as dirs:
        assert not dirs.lost_nothing, "killed before it was registered as one that lost something"


async def test_a_marker_that_was_read_never_comes_back(autojump_clock: MockClock) -> None:
    for seed in range(20):
        life = Life(fresh_disk(seed))
        async with life.run() as dirs:
            await dirs.close()
        async with life.run() as dirs:
            assert dirs.lost_nothing
        life.lose_power()
        async with life.run() as dirs:
            assert not dirs.lost_nothing


async def test_what_a_killed_process_wrote_becomes_durable_in_the_background(
    autojump_clock: MockClock,
) -> None:
    for seed, is_opened in product(range(20), (False, True)):
        life = Life(fresh_disk(seed))
        async with life.run() as dirs:
            append(life.open(dirs), b"one", b"two")
        life.kill()
        async with life.run() as dirs:
            if is_opened:
                assert values_of(life.open(dirs)) == [b"one", b"two"]
            await trio.sleep(1)
        life.lose_power()
        async with life.run() as dirs:
            assert dirs.has(EVENTS, TOPIC_ID)
            assert values_of(life.open(dirs)) == [b"one", b"two"]


async def test_a_clean_stop_soon_after_a_kill_covers_what_the_killed_process_wrote(
    autojump_clock: MockClock,
) -> None:
    for seed in range(20):
        life = Life(fresh_disk(seed))
        async with life.run() as dirs:
            append(life.open(dirs), b"value")
        life.kill()
        async with life.run() as dirs:
            assert await dirs.close()
        life.lose_power()
        async with life.run() as dirs:
            assert values_of(life.open(dirs)) == [b"value"]


@pytest.mark.parametrize(
    "config", [LogConfig(flush_messages=1), LogConfig(flush_before_visible=True)]
)
async def test_what_was_acknowledged_as_flushed_is_so_when_the_log_opens(
    autojump_clock: MockClock, config: LogConfig
) -> None:
    """Else the high watermark would start below what consumers saw."""
    life = Life(fresh_disk(), config=config)
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
    life.kill()
    async with life.run() as dirs:
        assert life.open(dirs).flushed_offset == 1


async def test_damage_below_the_recovery_point_takes_one_partition_out_of_service(
    autojump_clock: MockClock,
) -> None:
    healthy = TopicPartition("events", 1)
    life = Life(fresh_disk())
    async with life.run() as dirs:
        for partition in (EVENTS, healthy):
            append(life.open(dirs, partition), b"flushed")
            dirs.request_flush(life.open(dirs, partition))
        await dirs.mark_started(1)
        await trio.sleep(61)
    life.kill()
    life.disk.corrupt(f"/data/events-0/{SEGMENT}", 70, b"\xff")
    for _ in range(2):
        async with life.run() as dirs:
            assert "is damaged at byte 0" in storage_error(dirs, life)
            assert values_of(life.open(dirs, healthy)) == [b"flushed"]
            assert not dirs.lost_nothing
            await dirs.close()
        assert not life.disk.exists("/data/.kafka_cleanshutdown"), "so that it is found again"


async def test_a_start_that_dies_during_recovery_leaves_recovery_to_the_next(
    autojump_clock: MockClock,
) -> None:
    life = await cleanly_stopped(b"value")
    async with life.run():
        pass
    disk = life.disk
    checked: list[PartitionFolder] = []
    life.disk = disk.after_kill()
    async with life.run() as dirs:
        checked += [folder for folder in dirs.folders if folder.is_trusted]
    assert len(checked) == 1


@pytest.mark.parametrize("seed", range(30))
async def test_what_was_flushed_survives_a_power_loss_at_any_instant(
    autojump_clock: MockClock, seed: int
) -> None:
    random = Random(seed)
    life = Life(fresh_disk(seed), TWO)
    partitions = [TopicPartition("events", i) for i in range(3)]
    life.config = LogConfig(segment_bytes=600, flush_messages=random.choice([1, 3, 2**63 - 1]))
    promised = dict.fromkeys(partitions, 0)
    written: dict[TopicPartition, int] = {}
    """What a killed process wrote is there for the next one; the power may still take it."""
    sent: dict[TopicPartition, list[bytes]] = {partition: [] for partition in partitions}
    for epoch in range(4):
        async with life.run() as dirs:
            for partition in partitions:
                # Nothing flushed is lost; what is found is a prefix of what was sent.
                values = values_of(life.open(dirs, partition))
                assert max(promised[partition], written.get(partition, 0)) <= len(values)
                assert values == sent[partition][: len(values)]
                sent[partition] = values
            life.flushed.clear()
            lifetime_s = random.random() * random.choice([0.02, 3, 90])
            with trio.move_on_after(lifetime_s):
                while True:
                    log = life.open(dirs, random.choice(partitions))
                    sent[log.topic_partition] += [value := random.randbytes(20)]
                    append(log, value, leader_epoch=epoch)
                    if unflushed(log) >= life.config.flush_messages or random.random() < 0.1:
                        dirs.request_flush(log)
                    await trio.sleep(random.random() * lifetime_s / 30)
            for partition, flushed_offset in life.flushed:
                promised[partition] = max(promised[partition], flushed_offset)
            disk = life.disk
            if random.random() < 0.3:
                life.disk = disk.after_kill()
                written = {partition: len(values) for partition, values in sent.items()}
            else:
                life.disk = disk.after_power_loss()
                written = {}


async def test_a_log_that_is_opened_while_it_settles_is_written_by_one_at_a_time(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh_disk())
    async with life.run() as dirs:
        append(life.open(dirs), b"first")
    life.kill()
    async with life.run() as dirs:
        folder = next(iter(dirs.folders))
        while folder.settling is None:
            await trio.lowlevel.checkpoint()
        settling = folder.settling
        opened = life.open(dirs)
        assert opened is settling
        append(opened, b"second", leader_epoch=3)
        dirs.request_flush(opened)
        await trio.sleep(5)
        assert opened.flushed_offset == 2
        assert life.offline == []
    life.lose_power()
    async with life.run() as dirs:
        again = life.open(dirs)
        assert values_of(again) == [b"first", b"second"]
        assert again.epochs.latest == 3

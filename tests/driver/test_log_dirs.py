"""The log directories through lives that end well or not, on a disk that forgets."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from random import Random

import pytest
import trio
from trio.testing import MockClock

from raftkafka.errors import DamagedDisk, DataFolderInUse, ErrorCode, KafkaError
from raftkafka.log.checkpoints import decode_offsets
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_dir import (
    PartitionFolder,
    deleted_folder_stem,
    is_deleted_folder,
    parse_folder_name,
)
from raftkafka.log.log_driver import LogDirs
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.partition_log import PartitionLog
from raftkafka.types import TopicPartition
from tests.sim.memory_disk import MemoryDisk
from tests.support.log_dirs import EVENTS, TOPIC_ID, Life, append, values_of

OTHER_ID = bytes(15) + b"\x01"
TWO = LogDirSettings(("/data/a", "/data/b"))
SEGMENT = "00000000000000000000.log"


def fresh(seed: int = 0) -> MemoryDisk:
    return MemoryDisk(Random(seed))


def unflushed(log: PartitionLog) -> int:
    return log.written_end_offset - log.flushed_offset


def storage_error(dirs: LogDirs, life: Life, partition: TopicPartition = EVENTS) -> str:
    with pytest.raises(KafkaError) as refusal:
        life.open(dirs, partition)
    assert refusal.value.code == ErrorCode.KAFKA_STORAGE_ERROR
    return str(refusal.value)


# ---------------------------------------------------------------------- names of folders


@pytest.mark.parametrize(
    ("name", "partition"),
    [
        ("events-0", TopicPartition("events", 0)),
        ("a.b-c-12", TopicPartition("a.b-c", 12)),
        ("events-00", None),
        ("events-x", None),
        ("events-²", None),
        ("events", None),
        ("-1", None),
        ("__cluster_metadata-0", None),
    ],
)
def test_partition_folders_are_known_by_their_names(
    name: str, partition: TopicPartition | None
) -> None:
    assert parse_folder_name(name) == partition


@pytest.mark.parametrize("topic", ["t", "a.b-delete", "x" * 249])
def test_a_deleted_folder_has_a_name_that_fits(topic: str) -> None:
    name = f"{deleted_folder_stem(TopicPartition(topic, 12345))}.{'0a' * 16}-delete"
    assert len(name) <= 255
    assert is_deleted_folder(name)
    assert parse_folder_name(name) is None


@pytest.mark.parametrize("name", ["please-delete", "events-0-delete", "events-0.x-delete"])
def test_other_folders_are_not_deleted(name: str) -> None:
    assert not is_deleted_folder(name)


# ---------------------------------------------------------------------- clean stops


async def test_a_clean_stop_keeps_everything_and_opens_nothing_at_start(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh())
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
        life = Life(fresh(seed), TWO)
        partitions = [TopicPartition("events", i) for i in range(4)]
        async with life.run() as dirs:
            for partition in partitions:
                append(life.open(dirs, partition), b"value")
            assert await dirs.close()
        assert isinstance(life.disk, MemoryDisk)
        life.disk = life.disk.after_power_loss()
        async with life.run() as dirs:
            assert dirs.lost_nothing
            assert {folder.partition for folder in dirs.folders} == set(partitions)
            assert all(values_of(life.open(dirs, p)) == [b"value"] for p in partitions)


async def test_an_idle_log_is_closed_without_a_sync(autojump_clock: MockClock) -> None:
    life = Life(fresh())
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        await dirs.close()
    async with life.run() as dirs:
        life.open(dirs)
        assert isinstance(life.disk, MemoryDisk)
        life.disk.fail("sync", "/data/events-0", errno.EIO)
        assert await dirs.close(), "ten thousand idle partitions must not hold up a stop"


# ---------------------------------------------------------------------- crashes


async def test_after_a_kill_every_log_is_checked_and_a_torn_tail_cut(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh())
    async with life.run() as dirs:
        append(life.open(dirs), b"one")
        append(life.open(dirs), b"two")
    assert isinstance(life.disk, MemoryDisk)
    life.disk = life.disk.after_kill()
    file = life.disk.open(f"/data/events-0/{SEGMENT}")
    file.pwrite([b"half a batch"], file.size())
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == [b"one", b"two"]
        assert file.size() < 200


async def test_a_kill_on_the_same_boot_loses_nothing_and_a_power_loss_may(
    autojump_clock: MockClock,
) -> None:
    """Rule 17: only a proven clean stop keeps a broker in its ISRs."""
    life = Life(fresh())
    async with life.run() as dirs:
        assert not dirs.lost_nothing, "a first start has nothing to prove it with"
        await dirs.mark_started(broker_epoch=5)
        life.open(dirs)
    disk = life.disk
    assert isinstance(disk, MemoryDisk)
    life.disk = disk.after_kill()
    async with life.run() as dirs:
        assert (dirs.lost_nothing, dirs.previous_broker_epoch) == (True, 5)
    life.disk = disk.after_power_loss()
    async with life.run() as dirs:
        assert (dirs.lost_nothing, dirs.previous_broker_epoch) == (False, -1)


async def test_a_loss_that_nobody_was_told_of_is_not_forgotten_by_another_kill(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh())
    async with life.run() as dirs:
        await dirs.mark_started(5)
    assert isinstance(life.disk, MemoryDisk)
    life.disk = life.disk.after_power_loss()
    async with life.run() as dirs:
        assert not dirs.lost_nothing
    life.disk = life.disk.after_kill()
    async with life.run() as dirs:
        assert not dirs.lost_nothing, "killed before it was registered as one that lost something"


async def test_damage_below_the_recovery_point_takes_one_partition_out_of_service(
    autojump_clock: MockClock,
) -> None:
    healthy = TopicPartition("events", 1)
    life = Life(fresh())
    async with life.run() as dirs:
        for partition in (EVENTS, healthy):
            append(life.open(dirs, partition), b"flushed")
            dirs.request_flush(life.open(dirs, partition))
        await dirs.mark_started(1)
        await trio.sleep(61)
    assert isinstance(life.disk, MemoryDisk)
    life.disk = life.disk.after_kill()
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
    life = Life(fresh())
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        await dirs.close()
    async with life.run():
        pass
    disk = life.disk
    assert isinstance(disk, MemoryDisk)
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
    life = Life(fresh(seed), TWO)
    partitions = [TopicPartition("events", i) for i in range(3)]
    life.config = LogConfig(segment_bytes=600, flush_messages=random.choice([1, 3, 2**63 - 1]))
    promised = dict.fromkeys(partitions, 0)
    sent: dict[TopicPartition, list[bytes]] = {partition: [] for partition in partitions}
    for _ in range(4):
        async with life.run() as dirs:
            for partition in partitions:
                # Nothing flushed is lost; what is found is a prefix of what was sent.
                values = values_of(life.open(dirs, partition))
                assert promised[partition] <= len(values)
                assert values == sent[partition][: len(values)]
                sent[partition] = values
            life.flushed.clear()
            lifetime_s = random.random() * random.choice([0.02, 3, 90])
            with trio.move_on_after(lifetime_s):
                while True:
                    log = life.open(dirs, random.choice(partitions))
                    sent[log.topic_partition] += [value := random.randbytes(20)]
                    append(log, value, leader_epoch=len(sent) // 7)
                    if unflushed(log) >= life.config.flush_messages or random.random() < 0.1:
                        dirs.request_flush(log)
                    await trio.sleep(random.random() * lifetime_s / 30)
            for partition, flushed_offset in life.flushed:
                promised[partition] = flushed_offset
            disk = life.disk
            assert isinstance(disk, MemoryDisk)
            if random.random() < 0.3:
                life.disk = disk.after_kill()
                promised = {partition: len(values) for partition, values in sent.items()}
            else:
                life.disk = disk.after_power_loss()


# ---------------------------------------------------------------------- flushing


async def test_a_flush_covers_what_was_written_before_it_began_and_no_more(
    autojump_clock: MockClock,
) -> None:
    disk = fresh()
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


async def test_requests_during_a_flush_ride_on_the_next_one(autojump_clock: MockClock) -> None:
    disk = fresh()
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
    life = Life(fresh(), config=LogConfig(flush_ms=400))
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
    life = Life(fresh(), config=LogConfig(segment_bytes=300))
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
    life = Life(fresh())
    async with life.run() as dirs:
        log = life.open(dirs)
        append(log, b"value", leader_epoch=3)
        await trio.sleep(3)
        assert not log.epochs.changed
        assert isinstance(life.disk, MemoryDisk)
        survivor = life.disk.after_power_loss()
        assert survivor.read("/data/events-0/leader-epoch-checkpoint") == b"0\n1\n3 0\n"


# ---------------------------------------------------------------------- checkpoints


async def test_checkpoints_are_written_at_their_intervals_and_only_when_they_changed(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh())
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
        assert isinstance(disk, MemoryDisk)
        disk.fail("open", "/data/r", errno.EIO)
        disk.fail("open", "/data/l", errno.EIO)
        await trio.sleep(300)
        assert not life.offline, "nothing changed, nothing written"


async def test_a_log_starts_where_its_checkpoint_says(autojump_clock: MockClock) -> None:
    life = Life(fresh())
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
    life = Life(fresh())
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        await dirs.close()
    life.disk.open("/data/recovery-point-offset-checkpoint").pwrite([b"\xff"], 0)
    life.disk.remove("/data/.kafka_cleanshutdown")
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == [b"value"]


async def test_the_recovery_point_goes_back_before_the_log_is_truncated(
    autojump_clock: MockClock,
) -> None:
    """Else a crash in between looks like damage."""
    life = Life(fresh())
    async with life.run() as dirs:
        log = life.open(dirs)
        for value in (b"one", b"two", b"three"):
            append(log, value)
        dirs.request_flush(log)
        await trio.sleep(61)
        await dirs.truncate(log, 1)
        assert values_of(log) == [b"one"]
        assert isinstance(life.disk, MemoryDisk)
        life.disk = life.disk.after_kill()
    async with life.run() as dirs:
        assert values_of(life.open(dirs)) == [b"one"]


# ---------------------------------------------------------------------- deletion


async def test_a_deleted_partition_is_renamed_at_once_and_removed_later(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh(), config=LogConfig(file_delete_delay_ms=60_000))
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
    life = Life(fresh())
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        dirs.delete(EVENTS)
        await trio.sleep(1)
    assert isinstance(life.disk, MemoryDisk)
    life.disk = life.disk.after_kill()
    async with life.run() as dirs:
        assert list(dirs.folders) == []
        await trio.sleep(1)
        assert not [n for n in life.disk.listdir("/data") if n.startswith("events")]


@pytest.mark.parametrize("restart", [False, True])
async def test_a_topic_recreated_under_its_name_starts_empty(
    autojump_clock: MockClock, restart: bool
) -> None:
    """KAFKA-12257, regression 25."""
    life = Life(fresh())
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
    assert isinstance(life.disk, MemoryDisk)
    life.disk = life.disk.after_kill()
    async with life.run() as dirs:
        # The old recovery point of 5 would make the new log look damaged.
        assert values_of(dirs.open(EVENTS, OTHER_ID, life.config)) == [b"new"]


async def test_recreated_before_the_rename_the_new_folder_is_another(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh())
    async with life.run() as dirs:
        append(life.open(dirs), b"old")
        dirs.delete(EVENTS)
        assert values_of(dirs.open(EVENTS, OTHER_ID, life.config)) == []
        dirs.delete(EVENTS)
        assert values_of(life.open(dirs)) == []
        await trio.sleep(100)
        assert [n for n in life.disk.listdir("/data") if n.startswith("e")] == ["events-0"]


@pytest.mark.parametrize("seed", range(20))
async def test_recreation_and_power_loss(autojump_clock: MockClock, seed: int) -> None:
    """Whatever of it was durable, the new topic never holds records of the old one."""
    random = Random(seed)
    life = Life(fresh(seed), config=LogConfig(file_delete_delay_ms=random.choice([0, 1000])))
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
            assert isinstance(life.disk, MemoryDisk)
            life.disk = life.disk.after_power_loss()


async def test_a_folder_without_topic_id_is_taken_to_be_the_topics_of_its_name(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh())
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        await dirs.close()
    life.disk.remove("/data/events-0/partition.metadata")
    async with life.run() as dirs:
        assert not dirs.has(EVENTS, TOPIC_ID)
        assert values_of(life.open(dirs)) == [b"value"]
        assert dirs.has(EVENTS, TOPIC_ID)
        await dirs.close()
    async with life.run() as dirs:
        assert dirs.has(EVENTS, TOPIC_ID)


async def test_strays_are_set_aside_and_kept(autojump_clock: MockClock) -> None:
    life = Life(fresh())
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
    async with life.run() as dirs:
        assert [folder.partition for folder in dirs.folders] == [wanted]


# ---------------------------------------------------------------------- directories


async def test_a_new_partition_goes_to_the_directory_with_the_fewest(
    autojump_clock: MockClock,
) -> None:
    life = Life(fresh(), TWO)
    async with life.run() as dirs:
        for number in range(5):
            life.open(dirs, TopicPartition("events", number))
        counts = [sum(n[:1] == "e" for n in life.disk.listdir(path)) for path in TWO.paths]
        assert sorted(counts) == [2, 3]


async def test_a_folder_in_use_is_refused(autojump_clock: MockClock) -> None:
    life = Life(fresh())
    async with life.run():
        with pytest.raises(DataFolderInUse, match=r"/data is in use .* stop that broker"):
            await life.make().lock()


async def test_a_partition_in_two_directories_is_refused(autojump_clock: MockClock) -> None:
    life = Life(fresh(), TWO)
    for path in TWO.paths:
        life.disk.mkdir(f"{path}/events-0")
    with pytest.raises(DamagedDisk, match=r"events-0 is both in /data/a and in /data/b"):
        async with life.run():
            pass


async def test_a_failed_write_takes_the_directory_offline_and_the_others_serve(
    autojump_clock: MockClock,
) -> None:
    disk = fresh()
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
    disk = fresh()
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
    disk = fresh()
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
    disk = fresh()
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


async def test_usage(autojump_clock: MockClock) -> None:
    disk = fresh()
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


# ---------------------------------------------------------------------- retention


async def test_old_segments_go_whether_the_log_is_open_or_not(autojump_clock: MockClock) -> None:
    life = Life(
        fresh(),
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
        await trio.sleep(300)
        assert (log.log_start_offset, log.log_end_offset) == (4, 4)
        assert life.open(dirs, other).log_start_offset == 4
        await trio.sleep(61)
        for number in range(2):
            names = [n for n in life.disk.listdir(f"/data/events-{number}") if ".log" in n]
            assert names == ["00000000000000000004.log"]
        assert isinstance(life.disk, MemoryDisk)
        survivor = life.disk.after_power_loss()
    life.disk = survivor
    async with life.run() as dirs:
        assert life.open(dirs, other).log_end_offset == 4, "offsets go on where they were"


async def test_an_unopened_log_is_looked_into_once(autojump_clock: MockClock) -> None:
    life = Life(fresh(), TWO, config=LogConfig(retention_ms=3_600_000))
    async with life.run() as dirs:
        append(life.open(dirs), b"value")
        await dirs.close()
    async with life.run() as dirs:
        await trio.sleep(301)
        assert isinstance(life.disk, MemoryDisk)
        life.disk.fail("open", "/data/a/events-0", errno.EIO)
        await trio.sleep(900)
        assert not life.offline
        life.config = replace(life.config, retention_ms=1)
        await trio.sleep(300)
        assert life.offline, "another retention, another look"


async def test_silent_producers_are_forgotten(autojump_clock: MockClock) -> None:
    life = Life(fresh(), config=LogConfig(producer_id_expiration_ms=3_600_000))
    async with life.run() as dirs:
        log = life.open(dirs)
        log.producers.update(1, 0, 0, 0, 0, life.now_ms, 0)
        await trio.sleep(601)
        assert len(log.producers) == 1
        life.now_ms += 3_600_001
        await trio.sleep(600)
        assert len(log.producers) == 0

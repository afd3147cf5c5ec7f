"""Log directories for tests: one life of them at a time, ended cleanly or not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import trio

from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_driver import LogDirs
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.partition_log import PartitionLog
from raftkafka.records import iterate_batches, iterate_records
from raftkafka.types import TopicPartition
from tests.sim.memory_disk import MemoryDisk
from tests.support.logs import NOW_MS, make_batch

TOPIC_ID = bytes(range(16))
EVENTS = TopicPartition("events", 0)


def fresh_disk(seed: int = 0) -> MemoryDisk:
    """Return an empty disk."""
    return MemoryDisk(Random(seed))


@dataclass
class Life:
    """What the log directories of one process told, and the world that they live in."""

    disk: MemoryDisk
    settings: LogDirSettings = field(default_factory=lambda: LogDirSettings(("/data",)))
    config: LogConfig = field(default_factory=LogConfig)
    now_ms: int = NOW_MS
    flushed: list[tuple[TopicPartition, int]] = field(
        default_factory=list[tuple[TopicPartition, int]]
    )
    offline: list[tuple[str, list[TopicPartition]]] = field(
        default_factory=list[tuple[str, list[TopicPartition]]]
    )
    high_watermarks: dict[TopicPartition, int] = field(default_factory=dict[TopicPartition, int])
    random: Random = field(default_factory=lambda: Random(7))

    def make(self) -> LogDirs:
        """Return the directories, not started."""
        dirs = LogDirs(
            self.disk,
            self.settings,
            lambda topic: self.config,
            wall_ms=lambda: self.now_ms,
            random=self.random,
        )
        dirs.on_flushed = lambda log: self.flushed.append((log.topic_partition, log.flushed_offset))
        dirs.on_dir_offline = lambda path, partitions: self.offline.append((path, partitions))
        dirs.high_watermarks = lambda: self.high_watermarks
        return dirs

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[LogDirs]:
        """Start and run them; leaving the block is their death: nothing is closed."""
        dirs = self.make()
        await dirs.lock()
        await dirs.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dirs.run)
            yield dirs
            nursery.cancel_scope.cancel()

    def kill(self) -> None:
        """Let the next life find what this one wrote."""
        self.disk = self.disk.after_kill()

    def lose_power(self) -> None:
        """Let the next life find what this one synced, and part of the rest."""
        self.disk = self.disk.after_power_loss()

    def open(self, dirs: LogDirs, partition: TopicPartition = EVENTS) -> PartitionLog:
        """Open a log of the topic."""
        return dirs.open(partition, TOPIC_ID, self.config)


async def cleanly_stopped(value: bytes) -> Life:
    """Return the life after one that appended a record and was stopped cleanly."""
    life = Life(fresh_disk())
    async with life.run() as dirs:
        append(life.open(dirs), value)
        await dirs.close()
    return life


def append(log: PartitionLog, *values: bytes, leader_epoch: int = 0) -> int:
    """Append one batch and write it; return the offset after it."""
    info = log.append_as_leader(make_batch(*values), leader_epoch, NOW_MS)
    log.write()
    return info.last_offset + 1


def values_of(log: PartitionLog) -> list[bytes]:
    """Return the values of all records, read as a consumer reads them."""
    values: list[bytes] = []
    offset = log.log_start_offset
    while (found := log.read(offset, 1 << 20, log.log_end_offset, True)) is not None:
        for header, batch in iterate_batches(memoryview(found.read())):
            values += [record.value or b"" for record in iterate_records(batch)]
            offset = header.last_offset + 1
    return values

"""Kills a child that appends to real log directories, again and again, and checks what is left.

Run as a program: ``python -m tests.support.kill_log_dirs FOLDER SEED KILLS``. It forks, so that a
life costs no imports. Each record's value is its partition and offset. The child first reads
everything back, then appends; it reports through a pipe what it found and what it acknowledged.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from itertools import count
from random import Random

import structlog
import trio

from raftkafka.disk_driver import OsDisk
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_driver import LogDirs
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.partition_log import PartitionLog
from raftkafka.types import TopicPartition
from tests.support.log_dirs import TOPIC_ID, append, values_of

PARTITIONS = [TopicPartition("events", number) for number in range(4)]
LIFE_S_MAX = 0.08


def child(folder: str, seed: int, report: int) -> None:
    """Check, then append until killed."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    random = Random(seed)
    configs = {"events": LogConfig(segment_bytes=4000, flush_messages=random.choice([1, 7]))}
    dirs = LogDirs(
        OsDisk(),
        LogDirSettings((f"{folder}/a", f"{folder}/b"), recovery_point_checkpoint_ms=20),
        configs.__getitem__,
        wall_ms=lambda: time.time_ns() // 1_000_000,
        random=random,
    )
    trio.run(live, dirs, configs["events"], random, report)


async def live(dirs: LogDirs, config: LogConfig, random: Random, report: int) -> None:
    """One life."""

    def tell(kind: str, log: PartitionLog, offset: int) -> None:
        os.write(report, f"{kind} {log.topic_partition.partition} {offset}\n".encode())

    dirs.on_flushed = lambda log: tell("flushed", log, log.flushed_offset)
    await dirs.lock()
    await dirs.start()
    logs = [dirs.open(partition, TOPIC_ID, config) for partition in PARTITIONS]
    for log in logs:
        expected = [value_of(log, offset) for offset in range(log.log_end_offset)]
        assert values_of(log) == expected, log
        tell("found", log, log.log_end_offset)
    first_epoch = 1 + max(log.epochs.latest for log in logs)
    os.write(report, b"started\n")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dirs.run)
        for turn in count():
            log = random.choice(logs)
            first = log.log_end_offset
            values = [value_of(log, first + i) for i in range(random.randrange(1, 4))]
            tell("written", log, append(log, *values, leader_epoch=first_epoch + turn // 1000))
            if log.log_end_offset - log.flushed_offset >= config.flush_messages:
                dirs.request_flush(log)
            await trio.lowlevel.checkpoint()


def value_of(log: PartitionLog, offset: int) -> bytes:
    """Return the value of the record at an offset, its length depending on both."""
    return f"{log.topic_partition}/{offset}.".encode() * (1 + offset % 5)


def kill_again_and_again(folder: str, seed: int, kills: int) -> None:
    """Kill ``kills`` children; each has to find what the ones before wrote."""
    random = Random(seed)
    written = dict.fromkeys(range(len(PARTITIONS)), 0)
    for _ in range(kills):
        life_s = random.random() * LIFE_S_MAX
        is_started = random.random() < 0.8  # else it is killed while it recovers
        lines = one_life(folder, random.randrange(1 << 30), life_s, is_started)
        for line in lines:
            kind, *numbers = line.split()
            if kind == "found":
                partition, offset = map(int, numbers)
                assert offset >= written[partition], f"{line}: {written} were written"
                written[partition] = offset
            elif kind == "written":
                partition, offset = map(int, numbers)
                written[partition] = offset
        assert "started" in lines or not is_started, "the child died before it could be killed"
    print(f"{kills} kills, {sum(written.values())} records")


def one_life(folder: str, seed: int, life_s: float, is_started: bool) -> list[str]:
    """Start a child, kill it ``life_s`` later (or after it started); return what it reported."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            child(folder, seed, writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as reports:
        lines: list[str] = []
        while is_started and (line := reports.readline()):
            lines.append(line.strip())
            if lines[-1] == "started":
                break
        time.sleep(life_s)  # the random instant itself
        os.kill(pid, signal.SIGKILL)
        lines += [line.strip() for line in reports if line.endswith("\n")]
    os.waitpid(pid, 0)
    return lines


if __name__ == "__main__":
    kill_again_and_again(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

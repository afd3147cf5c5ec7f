"""Log directories on the system's own disk: Kafka's names and formats, locks between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import trio

from raftkafka.disk_driver import OsDisk
from raftkafka.errors import DataFolderInUse
from raftkafka.log.checkpoints import decode_offsets
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_driver import LogDirs
from raftkafka.log.log_settings import LogDirSettings
from tests.support.log_dirs import EVENTS, TOPIC_ID, append, values_of
from tests.support.logs import NOW_MS

HOLD_LOCK = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def make(folder: Path, config: LogConfig) -> LogDirs:
    settings = LogDirSettings((f"{folder}/data",))
    return LogDirs(
        OsDisk(), settings, lambda topic: config, wall_ms=lambda: NOW_MS, random=Random(1)
    )


async def test_a_life_leaves_the_files_that_kafka_would(tmp_path: Path) -> None:
    config = LogConfig(segment_bytes=100, flush_messages=1)
    dirs = make(tmp_path, config)
    await dirs.lock()
    await dirs.start()
    flushed = trio.Event()
    dirs.on_flushed = lambda log: flushed.set() if log.flushed_offset == 3 else None
    dirs.high_watermarks = lambda: {EVENTS: 3}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dirs.run)
        log = dirs.open(EVENTS, TOPIC_ID, config)
        for value in (b"one", b"two", b"three"):
            append(log, value)
        dirs.request_flush(log)
        with trio.fail_after(10):
            await flushed.wait()
        assert await dirs.close(broker_epoch=4)
    data = tmp_path / "data"
    assert sorted(path.name for path in data.iterdir()) == [
        ".kafka_cleanshutdown",
        ".lock",
        "events-0",
        "recovery-point-offset-checkpoint",
        "replication-offset-checkpoint",
    ]
    assert (data / "events-0" / "partition.metadata").read_text().startswith("version: 0\ntopic_id")
    names = {path.name for path in (data / "events-0").iterdir()}
    for base_offset in range(3):
        stem = f"{base_offset:020d}"
        assert {f"{stem}.log", f"{stem}.index", f"{stem}.timeindex"} <= names
    assert {"leader-epoch-checkpoint", f"{3:020d}.snapshot"} <= names
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint"):
        assert decode_offsets((data / name).read_bytes()) == {EVENTS: 3}

    dirs = make(tmp_path, config)
    await dirs.lock()
    await dirs.start()
    assert dirs.previous_broker_epoch == 4
    assert values_of(dirs.open(EVENTS, TOPIC_ID, config)) == [b"one", b"two", b"three"]
    (usage,) = await dirs.usage(lambda partition: True)
    assert usage.size_bytes == {EVENTS: sum(p.stat().st_size for p in data.glob("*/*.log"))}
    await dirs.close()


def test_a_directory_that_another_process_holds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lock = str(tmp_path / "data" / ".lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(DataFolderInUse, match="in use by another process"):
            trio.run(make(tmp_path, LogConfig()).lock)
        holder.kill()
        holder.wait()
        trio.run(make(tmp_path, LogConfig()).lock)

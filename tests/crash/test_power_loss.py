"""The power goes: with flush.messages=1 an acknowledged record was on the disk.

An ext4 of our own on a loop mount is shut down as by a power cut (what was not synced is gone),
then mounted again, which replays its journal.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.support.acknowledged import Writer, start_load
from tests.support.broker import MakeServer
from tests.support.requests import create_topic, topic_names

pytestmark = pytest.mark.needs("loop_mount")

SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000
SHUTDOWN = 0x8004587D
"""``EXT4_IOC_SHUTDOWN``."""
WITHOUT_FLUSHING = 2
STORAGE_ERROR = 56
IMAGE_BYTES = 256 << 20
ROUNDS = 8
PARTITIONS = 3


class LoopDisk:
    """A small ext4 in a file, mounted, whose power can be cut."""

    def __init__(self, folder: Path) -> None:
        self.mount = folder / "mount"
        self._image = folder / "image"
        self.mount.mkdir()
        with self._image.open("wb") as image:
            image.truncate(IMAGE_BYTES)
        self._run("mkfs.ext4", "-q", str(self._image))
        self.power_on()

    def power_on(self) -> None:
        self._run("mount", "-o", "loop", str(self._image), str(self.mount))

    def cut(self) -> None:
        """Lose everything that was not synced; from here on the disk answers with errors."""
        folder = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
        finally:
            os.close(folder)

    def power_off(self) -> None:
        self._run("umount", str(self.mount))

    @staticmethod
    def _run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    disk = LoopDisk(tmp_path)
    yield disk
    with suppress(AssertionError):  # not mounted if the test ended between two mounts
        disk.power_off()


def test_acknowledged_records_survive_power_loss(disk: LoopDisk, make_server: MakeServer) -> None:
    print(f"RAFTKAFKA_SEED={SEED}")
    random = Random(SEED)
    server = make_server({"log.dirs": str(disk.mount / "data")})
    server.start()
    keys = {"flush_messages": "1", "segment_bytes": str(1 << 20), "retention_ms": "-1"}
    create_topic(server.port, "t", PARTITIONS, **keys)
    writers = [Writer("t", p, Random(random.getrandbits(32))) for p in range(PARTITIONS)]
    created = {"t"}
    for n in range(ROUNDS):
        start_load(writers, server.port)
        create_topic(server.port, f"made-{n}")
        created.add(f"made-{n}")
        time.sleep(random.random() * 0.2)  # the random instant itself
        disk.cut()
        server.kill()
        for writer in writers:
            writer.stop()
        disk.power_off()
        disk.power_on()
        server.start()
        assert topic_names(server.port) == created, "acknowledged topics hold"
        for writer in writers:
            writer.check(server.port, from_the_beginning=True)
            assert writer.refusals <= {STORAGE_ERROR}
    assert server.stop() == 0

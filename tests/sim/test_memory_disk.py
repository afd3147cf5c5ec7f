"""The simulated disk loses what a real one may lose, and nothing else."""

from __future__ import annotations

import errno
import random
from functools import partial

import pytest
from trio.testing import MockClock

from tests.sim.memory_disk import MemoryDisk


def fresh(seed: int = 1) -> MemoryDisk:
    disk = MemoryDisk(random.Random(seed))
    disk.mkdir("/d")
    return disk


async def synced(disk: MemoryDisk, *names: str) -> None:
    def work() -> None:
        for name in names:
            disk.open(name).sync()
        disk.sync_folder("/d")
        disk.sync_folder("/")

    await disk.run(work)


async def test_a_kill_keeps_the_page_cache() -> None:
    disk = fresh()
    file = disk.open("/d/f", create=True)
    file.pwrite([b"never synced"], 0)
    later = disk.after_kill()
    file.pwrite([b"written by a ghost"], 0)
    assert later.read("/d/f") == b"never synced"
    assert later.boot_id() == disk.boot_id()
    assert disk.lock("/d/.lock") is not None
    assert later.lock("/d/.lock") is not None, "the dead hold no locks"


async def test_power_loss_keeps_what_was_synced_and_part_of_the_rest(
    autojump_clock: MockClock,
) -> None:
    found: set[bytes] = set()
    for seed in range(200):
        disk = fresh(seed)
        file = disk.open("/d/f", create=True)
        file.pwrite([b"kept."], 0)
        await synced(disk, "/d/f")
        file.pwrite([b"one."], 5)
        file.pwrite([b"two."], 9)
        later = disk.after_power_loss()
        assert later.boot_id() != disk.boot_id()
        found.add(later.read("/d/f"))
    assert all(data.startswith(b"kept.") for data in found)
    assert {b"kept.", b"kept.on", b"kept.one.", b"kept.one.tw", b"kept.one.two."} <= found
    assert any(b"\0" in data for data in found), "a hole where a sector never came"


async def test_power_loss_takes_names_whose_folder_was_not_synced(
    autojump_clock: MockClock,
) -> None:
    outcomes: set[tuple[bool, bool]] = set()
    for seed in range(50):
        disk = fresh(seed)
        await synced(disk)
        await disk.run(disk.open("/d/f", create=True).sync)
        disk.rename("/d/f", "/d/g")
        later = disk.after_power_loss()
        outcomes.add((later.exists("/d/f"), later.exists("/d/g")))
        await synced(disk, "/d/g")
        assert disk.after_power_loss().listdir("/d") == ["g"]
    assert outcomes == {(False, False), (True, False), (False, True)}, "a rename is atomic"


async def test_a_removed_or_replaced_file_may_come_back(autojump_clock: MockClock) -> None:
    kinds: set[bytes] = set()
    for seed in range(50):
        disk = fresh(seed)
        await synced(disk)
        await disk.run(partial(disk.replace, "/d/f", b"old"))
        assert disk.after_power_loss().read("/d/f") == b"old"
        file = disk.open("/d/f.new", create=True)
        file.pwrite([b"new"], 0)
        await disk.run(file.sync)
        disk.rename("/d/f.new", "/d/f")
        kinds.add(disk.after_power_loss().read("/d/f"))
        await synced(disk, "/d/f")
        assert disk.after_power_loss().read("/d/f") == b"new"
    assert kinds == {b"old", b"new"}


async def test_injected_failures(autojump_clock: MockClock) -> None:
    disk = fresh()
    file = disk.open("/d/f", create=True)
    disk.fail("write", "/d/", errno.ENOSPC, times=1)
    with pytest.raises(OSError, match="No space left"):
        file.pwrite([b"abc"], 0)
    assert b"abc".startswith(disk.read("/d/f"))
    file.pwrite([b"abc"], 0)
    disk.fail("read", "/d/f", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        file.pread(1, 0)
    disk.heal()
    disk.corrupt("/d/f", 1, b"X")
    assert file.pread(3, 0) == b"aXc"


async def test_what_a_failed_sync_covered_is_lost_for_good(autojump_clock: MockClock) -> None:
    disk = fresh()
    file = disk.open("/d/f", create=True)
    await synced(disk)
    file.pwrite([b"abc"], 0)
    disk.fail("sync", "/d/f", errno.EIO, times=1)
    with pytest.raises(OSError, match="Input/output"):
        await disk.run(file.sync)
    await disk.run(file.sync)
    assert disk.read("/d/f") == b"abc"
    assert disk.after_power_loss().read("/d/f") == b""


async def test_waiting_for_the_device_belongs_off_the_loop(autojump_clock: MockClock) -> None:
    disk = fresh()
    with pytest.raises(AssertionError):
        disk.open("/d/f", create=True).sync()
    with pytest.raises(AssertionError):
        disk.sync_folder("/d")
    await disk.run(lambda: disk.sync_folder("/d"))

"""What both disks do, the system's and the simulated one, and what only the system's can."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest
import trio

from raftkafka.disk import Disk
from raftkafka.disk_driver import IOVECS_MAX, OsDisk
from tests.sim.memory_disk import MemoryDisk


@pytest.fixture(params=["os", "memory"])
def disk(request: pytest.FixtureRequest) -> Disk:
    return OsDisk() if request.param == "os" else MemoryDisk(random.Random(1))


@pytest.fixture
def root(disk: Disk, tmp_path: Path) -> str:
    disk.mkdir(f"{tmp_path}/root")
    return f"{tmp_path}/root"


def test_writes_are_read_back_at_their_positions(disk: Disk, root: str) -> None:
    file = disk.open(f"{root}/f", create=True)
    assert file.path == f"{root}/f"
    assert file.pwrite([b"abc", bytearray(b"de"), memoryview(b"f")], 2) == 6
    assert file.pwrite([], 0) == 0
    assert file.size() == disk.size(f"{root}/f") == 8
    assert file.pread(100, 0) == disk.read(f"{root}/f") == b"\0\0abcdef"
    assert file.pread(3, 1) == b"\0ab"
    assert file.pread(3, 8) == b""
    assert isinstance(file.is_warm(0, 8), bool)


def test_more_buffers_than_one_call_takes_arrive_in_order(disk: Disk, root: str) -> None:
    file = disk.open(f"{root}/f", create=True)
    buffers = [i.to_bytes(4) for i in range(2 * IOVECS_MAX + 3)]
    assert file.pwrite(buffers, 0) == 4 * len(buffers)
    assert file.pread(1 << 20, 0) == b"".join(buffers)


def test_truncate_cuts_and_extends_with_zeros(disk: Disk, root: str) -> None:
    file = disk.open(f"{root}/f", create=True)
    file.pwrite([b"abcdef"], 0)
    file.truncate(2)
    file.truncate(4)
    assert disk.read(f"{root}/f") == b"ab\0\0"


def test_missing_files_are_reported_as_the_system_does(disk: Disk, root: str) -> None:
    for attempt in (disk.open, disk.read, disk.size, disk.listdir, disk.remove_tree):
        with pytest.raises(FileNotFoundError):
            attempt(f"{root}/missing")
    with pytest.raises(FileNotFoundError):
        disk.open(f"{root}/missing/f", create=True)
    with pytest.raises(FileNotFoundError):
        disk.rename(f"{root}/missing", f"{root}/f")
    disk.remove(f"{root}/missing")
    assert not disk.exists(f"{root}/missing")
    disk.open(f"{root}/f", create=True)
    assert not disk.exists(f"{root}/f/below")
    with pytest.raises(NotADirectoryError):
        disk.listdir(f"{root}/f")
    with pytest.raises(FileExistsError):
        disk.mkdir(f"{root}/f")
    with pytest.raises(OSError, match="too long"):
        disk.mkdir(f"{root}/" + "x" * 256)
    with pytest.raises(OSError, match="too long"):
        disk.open(f"{root}/" + "x" * 256, create=True)


def test_folders(disk: Disk, root: str) -> None:
    disk.mkdir(f"{root}/a/b")
    disk.mkdir(f"{root}/a/b")
    for name in ("z", "y"):
        disk.open(f"{root}/a/{name}", create=True)
    assert disk.listdir(f"{root}/a") == ["b", "y", "z"]
    disk.rename(f"{root}/a", f"{root}/c")
    assert disk.listdir(root) == ["c"]
    assert disk.exists(f"{root}/c/b")
    with pytest.raises(IsADirectoryError):
        disk.read(f"{root}/c")
    disk.mkdir(f"{root}/full/of")
    with pytest.raises(OSError, match="not empty"):
        disk.rename(f"{root}/c", f"{root}/full")
    disk.remove_tree(f"{root}/c")
    assert disk.listdir(root) == ["full"]
    total, usable = disk.free_bytes(root)
    assert 0 < usable <= total


def test_an_open_file_survives_its_name(disk: Disk, root: str) -> None:
    file = disk.open(f"{root}/f", create=True)
    file.pwrite([b"old"], 0)
    disk.open(f"{root}/g", create=True).pwrite([b"new"], 0)
    disk.rename(f"{root}/g", f"{root}/f")
    assert (file.pread(9, 0), disk.read(f"{root}/f")) == (b"old", b"new")
    disk.remove(f"{root}/f")
    assert file.pread(9, 0) == b"old"
    file.close()
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.pread(1, 0)


def test_two_pieces_of_work_are_both_done(disk: Disk, root: str) -> None:
    files = [disk.open(f"{root}/{name}", create=True) for name in "ab"]
    disk.run_both(lambda: files[0].truncate(1), lambda: files[1].truncate(2))
    assert [file.size() for file in files] == [1, 2]


def test_the_system_runs_both_at_once() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> None:
        meeting.wait()

    OsDisk().run_both(meet, meet)


async def test_work_that_waits_runs_off_the_loop(disk: Disk, root: str) -> None:
    file = disk.open(f"{root}/f", create=True)
    file.pwrite([b"x"], 0)

    def work() -> int:
        file.sync()
        disk.sync_folder(root)
        disk.replace(f"{root}/whole", b"first and longer")
        disk.replace(f"{root}/whole", b"second")
        return 7

    assert await disk.run(work) == 7
    assert disk.read(f"{root}/whole") == b"second"
    assert disk.listdir(root) == ["f", "whole"]

    with pytest.raises(FileNotFoundError):
        await disk.run(lambda: disk.sync_folder(f"{root}/missing"))


async def test_a_cancellation_waits_for_the_work(disk: Disk) -> None:
    done: list[bool] = []
    with trio.CancelScope() as scope:
        await disk.run(lambda: done.append(False))
        trio.lowlevel.current_trio_token().run_sync_soon(scope.cancel)
        await disk.run(lambda: done.append(True))
        assert done == [False, True], "its result is seen even when it was cancelled meanwhile"
        await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    with trio.CancelScope() as scope:
        scope.cancel()
        await disk.run(lambda: done.append(True))
    assert done == [False, True], "work that did not begin is not begun"


def test_a_lock_is_held_until_its_file_is_closed(disk: Disk, root: str) -> None:
    first = disk.lock(f"{root}/.lock")
    assert first is not None
    assert disk.lock(f"{root}/.lock") is None
    first.close()
    second = disk.lock(f"{root}/.lock")
    assert second is not None
    del second
    assert disk.lock(f"{root}/.lock") is not None


def test_a_boot_has_one_name(disk: Disk) -> None:
    assert disk.boot_id() == disk.boot_id() != ""


def test_descriptors_go_with_the_last_reference(tmp_path: Path) -> None:
    file = OsDisk().open(f"{tmp_path}/f", create=True)
    fd = file.fileno()
    os.fstat(fd)
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_failed_write_is_an_error_and_never_a_short_count() -> None:
    file = OsDisk().open("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        file.pwrite([b"x"], 0)


def test_a_short_write_goes_on_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwritev

    def takes_five(fd: int, buffers: list[bytes], position: int) -> int:
        return real(fd, [b"".join(buffers)[:5]], position)

    monkeypatch.setattr(os, "pwritev", takes_five)
    file = OsDisk().open(f"{tmp_path}/f", create=True)
    assert file.pwrite([b"abc", b"def", b"ghi"], 1) == 9
    assert file.pread(99, 0) == b"\0abcdefghi"


def test_recently_written_pages_are_warm_where_the_system_can_say(tmp_path: Path) -> None:
    file = OsDisk().open(f"{tmp_path}/f", create=True)
    file.pwrite([bytes(3 << 12)], 0)
    try:
        os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        known = True
    except OSError:
        known = False
    assert file.is_warm(0, 3 << 12) is known
    assert file.is_warm(0, 0) is known

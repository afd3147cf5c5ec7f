"""The operating system's files behind ``raftkafka.disk``; alone in using threads for them."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import trio

from raftkafka.types import Buffer

T = TypeVar("T")

IOVECS_MAX = 1024
"""What Linux and macOS take in one call (IOV_MAX)."""

READ_BYTES = 1 << 16
DISK_THREADS = 16

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
# Linux only: read what is cached, refuse what is not.
_ONLY_CACHED: int | None = getattr(os, "RWF_NOWAIT", None)
# macOS only: its fsync leaves the data in the drive's own cache.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def _sync_data(fd: int) -> None:
    if _FULL_SYNC is not None:
        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        os.fdatasync(fd)


class OsFile:
    """A descriptor."""

    __slots__ = ("_fd", "path")

    def __init__(self, path: str, flags: int) -> None:
        self._fd = -1
        self.path = path
        self._fd = os.open(path, flags, 0o666)

    def __del__(self) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def size(self) -> int:
        """Return the length in bytes."""
        return os.fstat(self._fd).st_size

    def pread(self, length: int, position: int) -> bytes:
        """Read up to ``length`` bytes; fewer only at the end of the file."""
        data = os.pread(self._fd, length, position)
        while data and len(data) < length:
            more = os.pread(self._fd, length - len(data), position + len(data))
            if not more:
                break
            data += more
        return data

    def pwrite(self, buffers: Sequence[Buffer], position: int) -> int:
        """Write all buffers in full, ``IOVECS_MAX`` a call."""
        if len(buffers) <= IOVECS_MAX:
            return self._pwritev(buffers, position)
        total = 0
        for first in range(0, len(buffers), IOVECS_MAX):
            total += self._pwritev(buffers[first : first + IOVECS_MAX], position + total)
        return total

    def _pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        length = sum(map(len, buffers))
        written = os.pwritev(self._fd, buffers, position)
        if written < length:
            # A disk that fills up takes a part; asking for the rest names the reason.
            rest = memoryview(b"".join(buffers))[written:]
            while rest:
                count = os.pwrite(self._fd, rest, position + length - len(rest))
                if not count:
                    raise OSError(errno.EIO, "the device takes no more bytes", self.path)
                rest = rest[count:]
        return length

    def truncate(self, size: int) -> None:
        """Cut or extend (with zeros) to ``size`` bytes."""
        os.ftruncate(self._fd, size)

    def is_warm(self, position: int, length: int) -> bool:
        """Whether the first and the last page of the range are cached; no to an unsure system."""
        if _ONLY_CACHED is None:
            return False
        byte = bytearray(1)
        try:
            for sample in (position, position + max(length, 1) - 1):
                os.preadv(self._fd, [byte], sample, _ONLY_CACHED)
        except OSError:
            return False  # not cached, or the file system cannot say
        return True

    def sync(self) -> None:
        """Wait until the content is durable (fdatasync)."""
        _sync_data(self._fd)

    def close(self) -> None:
        """Close; a second time does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class OsDisk:
    """The file system of this machine."""

    def __init__(self, threads: int = DISK_THREADS) -> None:
        self._threads = trio.CapacityLimiter(threads)
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="disk")

    def open(self, path: str, *, create: bool = False) -> OsFile:
        """Open for reading and writing; ``create`` makes it if it is missing."""
        return OsFile(path, os.O_RDWR | (os.O_CREAT if create else 0))

    def read(self, path: str) -> bytes:
        """Return the whole content of a small file."""
        fd = os.open(path, os.O_RDONLY)
        try:
            data = b""
            while more := os.read(fd, READ_BYTES):
                data += more
                if len(more) < READ_BYTES:
                    break
            return data
        finally:
            os.close(fd)

    def exists(self, path: str) -> bool:
        """Whether a file or folder of that name is there.

        Raises:
            OSError: the answer could not be had; a failing disk is not an empty one.
        """
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def listdir(self, path: str) -> list[str]:
        """Return the names in a folder, sorted."""
        return sorted(os.listdir(path))

    def size(self, path: str) -> int:
        """Return the length of a file in bytes."""
        return os.stat(path).st_size

    def mkdir(self, path: str) -> None:
        """Make a folder and its parents; no error if it is there."""
        os.makedirs(path, exist_ok=True)

    def rename(self, source: str, target: str) -> None:
        """Rename a file or folder, replacing a file."""
        os.rename(source, target)

    def remove(self, path: str) -> None:
        """Remove a file; no error if it is missing."""
        Path(path).unlink(missing_ok=True)

    def remove_tree(self, path: str) -> None:
        """Remove a folder and all in it."""
        shutil.rmtree(path)

    def free_bytes(self, path: str) -> tuple[int, int]:
        """Return (total, usable) bytes of the volume that holds ``path``."""
        volume = os.statvfs(path)
        return volume.f_blocks * volume.f_frsize, volume.f_bavail * volume.f_frsize

    def lock(self, path: str) -> OsFile | None:
        """Take an exclusive lock, held until the file is closed; None if another has it."""
        file = OsFile(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return file

    def boot_id(self) -> str:
        """Return the kernel's boot id, or the second of the boot where there is none.

        A clock that was set meanwhile makes one boot look like two, which only costs a recovery.
        """
        try:
            return Path(_BOOT_ID).read_text().strip()
        except FileNotFoundError:
            return f"boot-{round(time.time() - time.monotonic())}"

    def sync_folder(self, path: str) -> None:
        """Wait until the folder's names are durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def replace(self, path: str, content: bytes) -> None:
        """Write a file whole: temporary file, sync, rename, folder sync."""
        temporary = path + ".tmp"
        file = OsFile(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            file.pwrite([content], 0)
            file.sync()
        finally:
            file.close()
        os.rename(temporary, path)
        self.sync_folder(os.path.dirname(path) or ".")

    def run_both(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Run two pieces of work at once, the first in a thread, and wait for both."""
        beside = self._beside.submit(first)
        second()
        beside.result()

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread; a cancellation waits for its end."""
        return await trio.to_thread.run_sync(work, limiter=self._threads)

"""The one way to files for the log and the metadata journal.

Two implementations: ``raftkafka/disk_driver.py`` (the operating system; alone in using
threads) and ``tests/sim/memory_disk.py`` (keeps page cache and platter apart, and loses
what was not synced when told to). Methods raise ``OSError`` as the OS does.

Plain methods run inline and cost what the page cache costs. ``sync*`` and
``replace`` wait for the device: call them inside ``Disk.run`` only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from raftkafka.types import Buffer

T = TypeVar("T")


class File(Protocol):
    """An open file. Closed when the last reference goes, or by ``close``."""

    @property
    def path(self) -> str:
        """The path that it was opened under."""
        ...

    def fileno(self) -> int:
        """Return the descriptor for zero-copy sends, or -1 where there is none."""
        ...

    def size(self) -> int:
        """Return the length in bytes."""
        ...

    def pread(self, length: int, position: int) -> bytes:
        """Read up to ``length`` bytes; fewer only at the end of the file."""
        ...

    def pwrite(self, buffers: Sequence[Buffer], position: int) -> int:
        """Write all buffers one after the other, in full; return the bytes written.

        Raises:
            OSError: the device refused; how much arrived is unknown.
        """
        ...

    def truncate(self, size: int) -> None:
        """Cut or extend (with zeros) to ``size`` bytes."""
        ...

    def is_warm(self, position: int, length: int) -> bool:
        """Whether the range is in the page cache, so that reading it does not wait."""
        ...

    def sync(self) -> None:
        """Wait until the content is durable (fdatasync). Inside ``Disk.run`` only."""
        ...

    def close(self) -> None:
        """Close; further use is a bug."""
        ...


class Disk(Protocol):
    """A file system, real or simulated."""

    def open(self, path: str, *, create: bool = False) -> File:
        """Open for reading and writing; ``create`` makes it if it is missing."""
        ...

    def read(self, path: str) -> bytes:
        """Return the whole content of a small file."""
        ...

    def exists(self, path: str) -> bool:
        """Whether a file or folder of that name is there."""
        ...

    def listdir(self, path: str) -> list[str]:
        """Return the names in a folder, sorted."""
        ...

    def size(self, path: str) -> int:
        """Return the length of a file in bytes."""
        ...

    def mkdir(self, path: str) -> None:
        """Make a folder and its parents; no error if it is there."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Rename a file or folder, replacing a file."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; no error if it is missing."""
        ...

    def remove_tree(self, path: str) -> None:
        """Remove a folder and all in it."""
        ...

    def free_bytes(self, path: str) -> tuple[int, int]:
        """Return (total, usable) bytes of the volume that holds ``path``."""
        ...

    def lock(self, path: str) -> File | None:
        """Take an exclusive lock, held until the file is closed; None if another process has it."""
        ...

    def boot_id(self) -> str:
        """Return what names this boot of the kernel: page caches survive while it stays."""
        ...

    def sync_folder(self, path: str) -> None:
        """Wait until the folder's names are durable. Inside ``run`` only."""
        ...

    def replace(self, path: str, content: bytes) -> None:
        """Write a file whole: temporary file, sync, rename, folder sync. Inside ``run`` only."""
        ...

    def run_both(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Run two pieces of work at once, if the system can, and wait for both. Neither raises."""
        ...

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work off the loop and return its result.

        The work is not abandoned on cancellation: it ends before the cancellation is seen.
        """
        ...


def make_folder(disk: Disk, path: str) -> None:
    """Make a folder and its parents, and their names durable. Inside ``Disk.run`` only.

    Raises:
        OSError: as the disk raises it.
    """
    missing: list[str] = []
    upwards = path
    while upwards and not disk.exists(upwards):
        missing.append(upwards)
        upwards = upwards.rpartition("/")[0]
    disk.mkdir(path)
    for made in missing:
        disk.sync_folder(made.rpartition("/")[0] or ("/" if made[0] == "/" else "."))

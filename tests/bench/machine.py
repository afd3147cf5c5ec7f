"""What the kernel tells about processes and files. Linux only."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LISTENING = "0A"
CHUNK = bytes(range(256)) * 16384
"""4 MiB, none of whose pages are all zeros."""


def cpu_s(pid: int) -> float:
    """Return the processor time of a process so far, all its threads, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def listener_pid(port: int) -> int:
    """Return the process that listens on a TCP port of this machine.

    Raises:
        LookupError: nobody does, or it is another user's.
    """
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if any(os.readlink(descriptor) in sockets for descriptor in folder.iterdir()):
                return int(folder.parent.name)
    raise LookupError(f"no process of ours listens on port {port}")


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def warm_page_cache(folder: Path, size_bytes: int, seconds_max: float) -> None:
    """Write a file and delete it, so that its pages are memory that is really there.

    The host of a virtual machine may have taken idle memory back, and whoever touches it first
    waits for it: several seconds per GB, which would be charged to whichever broker ran first.
    Ends early when its time is over.
    """
    path = folder / "warm"
    end = time.monotonic() + seconds_max
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(size_bytes // len(CHUNK)):
                if time.monotonic() > end:
                    return
                file.write(CHUNK)
    finally:
        path.unlink(missing_ok=True)


def spare_bytes(folder: Path) -> int:
    """Return how much a run may write at once: memory and disk both have it to spare."""
    available_kib = next(
        int(line.split()[1])
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemAvailable")
    )
    return min(available_kib * 1024 // 3, shutil.disk_usage(folder).free // 4)


def drop_from_page_cache(folder: Path) -> None:
    """Let the kernel forget the pages of all files below; they are written to the disk first."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def address_in_use(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(2.0)
        # closing sends a reset: nothing of the probe stays behind
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return probe.connect_ex((host, port)) == 0

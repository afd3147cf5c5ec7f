"""Run files: what a running broker leaves for the tools of the same user to find.

One JSON file per broker, named by its pid, under ``$XDG_RUNTIME_DIR/raftkafka`` or, where
that is not set, a private folder below the temporary one. A file whose process is gone, or
whose pid belongs to a later process by now, counts for nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker of this user on this host."""

    pid: int
    node_id: int
    listeners: tuple[str, ...]
    """Bound client listeners, as in ``PLAINTEXT://localhost:9092``; an empty host is any."""
    home: str
    """The absolute path of its first data folder."""
    started: str
    """When the kernel started the process, in clock ticks since boot; "" where unknown."""


def write(*, node_id: int, listeners: Sequence[str], home: str) -> Path | None:
    """Leave a run file for this process; call it once the listeners are bound.

    Returns:
        The file, or None if there is no folder that is ours alone: the broker serves without
        it, and the tools take port 9092 for it.
    """
    pid = os.getpid()
    broker = RunningBroker(
        pid, node_id, tuple(listeners), os.path.abspath(home), _start_time(pid) or ""
    )
    folder = _folders()[0]
    path = folder / f"{pid}.json"
    unfinished = folder / f".{pid}.new"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(folder):
            return None
        for old, of in list(_read(folder)):
            if not _runs(of):  # it was killed
                remove(old)
        unfinished.write_text(json.dumps(asdict(broker)))
        unfinished.replace(path)
    except OSError:
        return None
    return path


def remove(path: Path | None) -> None:
    """Take a run file back; no error if it is gone, or was never there."""
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink()


def running() -> list[RunningBroker]:
    """Return this user's brokers that run now, by node id."""
    read = (each for folder in _folders() for each in _read(folder))
    found = {broker.pid: broker for _, broker in read if _runs(broker)}
    return sorted(found.values(), key=lambda broker: (broker.node_id, broker.pid))


def _folders() -> list[Path]:
    """Return where run files may be, the preferred place first.

    A broker and a tool may see different environments (cron, sudo), so readers try both.
    """
    folders = [Path(tempfile.gettempdir()) / f"raftkafka-{os.getuid()}"]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime):
        folders.insert(0, Path(runtime) / "raftkafka")
    return folders


def _is_private(folder: Path) -> bool:
    """Whether nobody else can put files there: a pid in one of them gets a signal."""
    try:
        info = folder.lstat()
    except OSError:
        return False
    mine = info.st_uid == os.getuid() and stat.S_ISDIR(info.st_mode)
    return mine and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(folder: Path) -> Iterator[tuple[Path, RunningBroker]]:
    """Yield the run files of a folder, stale ones too; damaged ones count for nothing."""
    if not _is_private(folder):
        return
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            fields: dict[str, Any] = json.loads(path.read_text())
            broker = RunningBroker(
                pid=int(fields["pid"]),
                node_id=int(fields["node_id"]),
                listeners=tuple(str(listener) for listener in fields["listeners"]),
                home=str(fields["home"]),
                started=str(fields["started"]),
            )
            yield path, broker


def _runs(broker: RunningBroker) -> bool:
    try:
        os.kill(broker.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's: the pid was used again
        return False
    started = _start_time(broker.pid)
    return started is None or not broker.started or started == broker.started


def _start_time(pid: int) -> str | None:
    """Return field 22 of /proc/PID/stat, or None where there is no such file."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the command in parentheses, which may hold spaces and parentheses.
    return status.rpartition(")")[2].split()[19]

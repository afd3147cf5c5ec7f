"""The order of a node's steps: the same for the driver on trio and for the simulation.

receive all -> tick -> early messages leave -> records are written and synced
            -> late messages leave -> snapshots are loaded, installed, trimmed
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial

from metadata.raft.core import InstallSnapshot, LoadSnapshot, RaftCore, SaveSnapshot
from metadata.raft.folder import QuorumFolder
from metadata.raft.messages import Message

Work = Callable[[], None]
"""Blocks on the disk; carried out before the step goes on."""

Send = Callable[[int, Message], None]
"""Queues a message to a node; it may be lost."""


class Pump:
    """Moves events, records and messages between one core, its folder and its peers."""

    def __init__(
        self, core: RaftCore, folder: QuorumFolder, send: Send, clock: Callable[[], float]
    ) -> None:
        self._core = core
        self._folder = folder
        self._send = send
        self._clock = clock
        self._inbox: list[tuple[int, Message]] = []
        self._saves: list[SaveSnapshot] = []
        self._saved: list[tuple[int, int]] = []
        self._loaded: tuple[int, bytes] | None = None
        self._wrote = True

    @property
    def is_due(self) -> bool:
        """Whether the next step has something to do already."""
        return self._wrote or bool(self._inbox or self._saved) or self._core.has_work

    def deliver(self, source: int, message: Message) -> None:
        """Queue a peer's message for the next step."""
        self._inbox.append((source, message))

    def forget(self, source: int) -> None:
        """Drop what a former channel of a peer's delivered: it may tell of another folder."""
        self._inbox = [entry for entry in self._inbox if entry[0] != source]

    def step(self) -> Generator[Work, None, None]:
        """Do one step; nothing else may happen to the node's folder meanwhile."""
        self._wrote = False
        core, now = self._core, self._clock()
        inbox, self._inbox = self._inbox, []
        for source, message in inbox:
            core.receive(now, source, message)
        core.tick(now)
        for node_id, message in core.take_early():
            self._send(node_id, message)
        yield from self._write()
        yield from self._trim_saved()
        for job in core.take_jobs():
            match job:
                case SaveSnapshot():
                    self._saves.append(job)
                case LoadSnapshot():
                    yield self._load
                    assert self._loaded is not None
                    core.snapshot_loaded(*self._loaded)
                    self._loaded = None
                case InstallSnapshot():
                    yield from self._install(job)

    def take_saves(self) -> list[SaveSnapshot]:
        """Snapshots to draw and write beside the following steps; ``saved`` ends each."""
        saves, self._saves = self._saves, []
        return saves

    def saved(self, index: int, size_bytes: int) -> None:
        """A snapshot is durable."""
        self._saved.append((index, size_bytes))

    def _write(self) -> Generator[Work, None, None]:
        late = self._core.take_late()
        records = self._core.take_staged()
        if records:
            yield partial(self._folder.append, records)
            self._core.mark_durable()
            self._wrote = True  # a leader's own entries count from now on
        for node_id, message in late:
            self._send(node_id, message)

    def _trim_saved(self) -> Generator[Work, None, None]:
        saved, self._saved = self._saved, []
        for index, size_bytes in saved:
            yield partial(self._folder.trim, self._core.snapshot_saved(index, size_bytes))

    def _load(self) -> None:
        self._loaded = self._folder.read_snapshot()

    def _install(self, job: InstallSnapshot) -> Generator[Work, None, None]:
        yield partial(self._folder.write_snapshot, job.content)
        base_index = self._core.snapshot_installed(self._clock(), job)
        yield from self._write()
        yield partial(self._folder.trim, base_index)

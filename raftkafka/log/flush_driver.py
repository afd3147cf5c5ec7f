"""Makes the logs of one directory durable: grouped, in several threads, one flush a log at a time.

What is asked for while a log is being synced rides on its next flush. Several threads, because a
journaling file system commits what waits at the same time together; and one for what nobody waits
for, lest ten thousand new logs keep the device from those who do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import trio

from raftkafka.disk import Disk
from raftkafka.log.flush import Flush
from raftkafka.log.log_dir import PartitionFolder
from raftkafka.log.partition_log import PartitionLog

FLUSH_TASKS = 4
RETRY_S = 1.0


class FlushJob(NamedTuple):
    """What makes one log durable as it is now."""

    folder: PartitionFolder
    log: PartitionLog
    flush: Flush | None
    places: bool
    """Whether the folder's name, and whose it is, are to be made durable too."""


def prepare(folder: PartitionFolder, log: PartitionLog) -> FlushJob:
    """Take down, on the loop, what a flush has to cover.

    Raises:
        OSError: a file cannot be opened.
    """
    try:
        flush = log.begin_flush()
    except OSError:
        log.segments.names_changed = True
        raise
    return FlushJob(folder, log, flush, not folder.is_placed)


def give_back(jobs: list[FlushJob]) -> None:
    """Let the next flush cover what these would have, for they were not done."""
    for job in jobs:
        job.log.segments.names_changed = True


def sync(job: FlushJob) -> None:
    """Wait until the device has it. Blocking.

    The topic id goes first, for records without one are nobody's; then the epochs, for recovery
    does not look for those below the recovery point.

    Raises:
        OSError: what is durable is unknown.
    """
    try:
        if job.places:
            job.folder.directory.sync_place(job.folder)
        if job.log.epochs.changed and not job.folder.is_deleted:
            job.log.save_epochs()
        if job.flush is not None:
            job.flush.sync()
    except FileNotFoundError:
        if not job.folder.is_deleted:
            raise


class Flusher:
    """The flushes of one directory."""

    def __init__(
        self,
        disk: Disk,
        on_flushed: Callable[[PartitionFolder, PartitionLog], None],
        on_failure: Callable[[OSError], None],
    ) -> None:
        self._disk = disk
        self._on_flushed = on_flushed
        self._on_failure = on_failure
        self._waiting: dict[PartitionFolder, None] = {}
        self._in_background: dict[PartitionFolder, None] = {}
        self._running: dict[PartitionFolder, bool] = {}
        """Folders whose log is being synced; true if it was asked for again."""
        self._idle = trio.lowlevel.ParkingLot()
        self._idle_in_background = trio.lowlevel.ParkingLot()

    def request(self, folder: PartitionFolder) -> None:
        """Flush what the folder's open log has written up to the moment that its turn comes."""
        if folder in self._running:
            self._running[folder] = True
        else:
            self._in_background.pop(folder, None)
            self._waiting[folder] = None
            self._idle.unpark()

    def request_in_background(self, folder: PartitionFolder) -> None:
        """Flush it some time: nobody waits for it."""
        if folder in self._running:
            self._running[folder] = True
        elif folder not in self._waiting:
            self._in_background[folder] = None
            self._idle_in_background.unpark()

    async def flush(self, job: FlushJob) -> None:
        """Sync one log at once. What is asked for meanwhile waits, as for any other flush.

        Raises:
            OSError: as ``sync``.
        """
        self._running[job.folder] = False
        try:
            await self._disk.run(partial(sync, job))
        except BaseException:
            give_back([job])
            raise
        finally:
            self._end([job.folder])

    async def run(self) -> None:
        """Flush what is asked for until cancelled."""
        async with trio.open_nursery() as nursery:
            for _ in range(FLUSH_TASKS):
                nursery.start_soon(self._work)
            nursery.start_soon(self._work_in_background)

    async def _work(self) -> None:
        while True:
            while self._waiting:
                await self._flush(self._take())
            await self._idle.park()

    async def _work_in_background(self) -> None:
        while True:
            while self._in_background:
                folder = next(iter(self._in_background))
                del self._in_background[folder]
                await self._flush([folder])
            await self._idle_in_background.park()

    def _take(self) -> list[PartitionFolder]:
        """Take a task's share of what waits: one thread hand-over for several logs."""
        count = -(-len(self._waiting) // FLUSH_TASKS)
        folders = [folder for folder, _ in zip(self._waiting, range(count), strict=False)]
        for folder in folders:
            del self._waiting[folder]
        return folders

    async def _flush(self, folders: list[PartitionFolder]) -> None:
        """Sync some logs in one thread, and tell what became durable."""
        jobs: list[FlushJob] = []
        self._running.update(dict.fromkeys(folders, False))
        try:
            jobs.extend(
                prepare(folder, folder.log)
                for folder in folders
                if folder.log is not None and folder.log.failure is None
            )
            await self._disk.run(partial(_sync_all, jobs))
        except OSError as error:
            give_back(jobs)
            # The kernel may count the pages as clean now, so that a second try would succeed
            # without writing them: whoever takes a failed flush again takes loss for safety.
            self._on_failure(error)
            if folders[0].directory.failure is None:
                await self._try_again(folders)
        except BaseException:
            give_back(jobs)
            raise
        else:
            self._end(folders)
            for job in jobs:
                self._finish(job)

    async def _try_again(self, folders: list[PartitionFolder]) -> None:
        """The disk was not even asked (there was no descriptor to open a file with)."""
        await trio.sleep(RETRY_S)
        self._running.update(dict.fromkeys(folders, True))
        self._end(folders)

    def _end(self, folders: list[PartitionFolder]) -> None:
        for folder in folders:
            if self._running.pop(folder):
                self.request(folder)

    def _finish(self, job: FlushJob) -> None:
        if job.log.failure is not None or job.folder.is_deleted:
            return
        if job.flush is not None:
            if job.flush.is_stale:
                self.request(job.folder)
                return
            job.log.mark_flushed(job.flush.end_offset)
        job.folder.is_settled = job.folder.is_placed = True
        self._on_flushed(job.folder, job.log)


def _sync_all(jobs: list[FlushJob]) -> None:
    for job in jobs:
        sync(job)

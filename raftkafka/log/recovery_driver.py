"""Recovery at start: after an unclean stop every log is checked, by several threads a directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import structlog
import trio

from raftkafka.disk import Disk
from raftkafka.log.flush_driver import Flusher, prepare
from raftkafka.log.folder_log import close_log, open_log, release_log, report_damage
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_dir import LogDir, PartitionFolder
from raftkafka.log.segment import DamagedLog

PROGRESS_INTERVAL_S = 1.0
log = structlog.get_logger()


class Recovery:
    """One pass over the folders that an unclean stop left; the loop serves others meanwhile."""

    def __init__(
        self,
        disk: Disk,
        log_config: Callable[[str], LogConfig],
        on_failure: Callable[[LogDir, OSError], None],
        threads_per_dir: int,
    ) -> None:
        self._disk = disk
        self._log_config = log_config
        self._on_failure = on_failure
        self._threads_per_dir = threads_per_dir
        self._done = 0
        self._checked_bytes: dict[PartitionFolder, int] = {}

    async def run(self, directories: list[LogDir]) -> None:
        """Check every folder that is not trusted. One whose log is damaged is reported."""
        work = {d: [f for f in d.folders.values() if not f.is_trusted] for d in directories}
        total = sum(map(len, work.values()))
        if not total:
            return
        log.info("log_recovery_started", partitions=total)
        # All keys now: worker threads only change values while the loop sums them up.
        self._checked_bytes = {folder: 0 for folders in work.values() for folder in folders}
        started_s = trio.current_time()
        async with trio.open_nursery() as progress:
            progress.start_soon(self._report, total)
            async with trio.open_nursery() as nursery:
                for directory, folders in work.items():
                    todo = iter(folders)
                    for _ in range(min(self._threads_per_dir, len(folders))):
                        nursery.start_soon(self._work, directory, todo)
            progress.cancel_scope.cancel()
        log.info(
            "log_recovery_finished",
            partitions=self._done,
            damaged=sum(f.damage is not None for folders in work.values() for f in folders),
            checked_bytes=sum(self._checked_bytes.values()),
            seconds=round(trio.current_time() - started_s, 3),
        )

    async def _report(self, total: int) -> None:
        while True:
            await trio.sleep(PROGRESS_INTERVAL_S)
            log.info(
                "log_recovery_progress",
                partitions=self._done,
                of=total,
                checked_bytes=sum(self._checked_bytes.values()),
            )

    async def _work(self, directory: LogDir, folders: Iterator[PartitionFolder]) -> None:
        for folder in folders:
            if directory.failure is not None:
                return
            try:
                config = self._log_config(folder.partition.topic)
                await self._disk.run(partial(self._check, folder, config))
            except OSError as error:
                self._on_failure(directory, error)
            self._done += 1

    def _check(self, folder: PartitionFolder, config: LogConfig) -> None:
        """Check one log and let go of it: it is opened when somebody asks for it. Blocking."""

        def count(checked_bytes: int, _total_bytes: int) -> None:
            self._checked_bytes[folder] = checked_bytes

        try:
            recovered = open_log(self._disk, folder, config, on_progress=count)
            if config.flush_messages == 1 or config.flush_before_visible:
                # What was acknowledged, or seen, is to be so from the start.
                close_log(folder, recovered)
            else:
                release_log(folder, recovered)
        except DamagedLog as damage:
            report_damage(folder, damage)


class Settling:
    """Makes durable what a killed process left in the cache, in the background.

    Until then a start after another kill checks it again, and a clean stop has it to do.
    """

    def __init__(
        self,
        disk: Disk,
        flushers: Mapping[LogDir, Flusher],
        log_config: Callable[[str], LogConfig],
        on_failure: Callable[[LogDir, OSError], None],
    ) -> None:
        self._disk = disk
        self._flushers = flushers
        self._log_config = log_config
        self._on_failure = on_failure

    async def run(self, directory: LogDir) -> None:
        """Go through a directory's folders, one after the other."""
        for folder in tuple(directory.folders.values()):
            # An open log is flushed by whoever opened it; a deleted one has moved away.
            if not (
                folder.is_settled or folder.is_deleted or folder.damage or folder.log is not None
            ):
                config = self._log_config(folder.partition.topic)
                try:
                    await self._settle(folder, config)
                except DamagedLog as damage:
                    report_damage(folder, damage)
                except OSError as error:
                    if not folder.is_deleted:
                        self._on_failure(directory, error)
            if directory.failure is not None:
                return

    async def _settle(self, folder: PartitionFolder, config: LogConfig) -> None:
        job = prepare(folder, open_log(self._disk, folder, config))
        folder.settling = job.log
        try:
            await self._flushers[folder.directory].flush(job)
        finally:
            folder.settling = None
        if folder.log is None and not folder.is_deleted:
            folder.directory.recovery_points[folder.partition] = job.log.log_end_offset
            folder.is_settled = folder.is_placed = True

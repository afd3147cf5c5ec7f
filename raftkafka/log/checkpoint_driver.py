"""Writes the checkpoints of all log directories, each at its interval and only if it changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from raftkafka.disk import Disk
from raftkafka.log.checkpoints import HIGH_WATERMARKS, LOG_STARTS, RECOVERY_POINTS
from raftkafka.log.log_dir import LogDir, PartitionFolder
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.slices_driver import Slices
from raftkafka.types import TopicPartition


class CheckpointDriver:
    """One writer at a time for each directory."""

    def __init__(
        self,
        disk: Disk,
        directories: Sequence[LogDir],
        folders: Mapping[TopicPartition, PartitionFolder],
        high_watermarks: Callable[[], Mapping[TopicPartition, int]],
        on_failure: Callable[[LogDir, OSError], None],
    ) -> None:
        self._disk = disk
        self._directories = directories
        self._folders = folders
        self._on_failure = on_failure
        self._locks = {directory: trio.Lock() for directory in directories}
        self._high_watermarks = high_watermarks
        self._had_activity = self._was_active = False

    def note_activity(self) -> None:
        """Something was written or flushed, so that high watermarks may have moved."""
        self._had_activity = True

    async def run(self, settings: LogDirSettings) -> None:
        """Write checkpoints until cancelled."""
        rounds = (
            (self._store_moved_high_watermarks, settings.high_watermark_checkpoint_ms),
            (self._store_recovery_points, settings.recovery_point_checkpoint_ms),
            (self._store_log_starts, settings.log_start_checkpoint_ms),
        )
        async with trio.open_nursery() as nursery:
            for store, interval_ms in rounds:
                nursery.start_soon(self._repeat, store, interval_ms / 1000)

    async def _repeat(self, store: Callable[[], Awaitable[None]], interval_s: float) -> None:
        while True:
            await trio.sleep(interval_s)
            await store()

    async def _store_moved_high_watermarks(self) -> None:
        was_active_before = self._was_active
        self._was_active, self._had_activity = self._had_activity, False
        # A follower may learn of the last move some time after the last write.
        if self._was_active or was_active_before:
            await self.store_high_watermarks()

    async def store_high_watermarks(self) -> None:
        """Write the high watermarks as they are now."""
        slices = Slices()
        for partition, offset in tuple(self._high_watermarks().items()):
            folder = self._folders.get(partition)
            if folder is not None:
                folder.directory.high_watermarks[partition] = offset
            await slices.pause()
        for directory in self._directories:
            async with self.writer(directory):
                await self.store(directory, HIGH_WATERMARKS)

    async def _store_recovery_points(self) -> None:
        for directory in self._directories:
            async with self.writer(directory):
                await self._note(directory, directory.note_recovery_point)
                await self.store(directory, RECOVERY_POINTS)

    async def _store_log_starts(self) -> None:
        for directory in self._directories:
            async with self.writer(directory):
                await self._note(directory, directory.note_log_start)
                await self.store(directory, LOG_STARTS)

    async def _note(
        self, directory: LogDir, note: Callable[[PartitionFolder, PartitionLog], None]
    ) -> None:
        slices = Slices()
        for folder in tuple(directory.folders.values()):
            if folder.log is not None and not folder.is_deleted:
                note(folder, folder.log)
            await slices.pause()

    async def store_all(self) -> None:
        """Write all checkpoints that changed, of what is known now."""
        for directory in self._directories:
            await self.store_of(directory)

    async def store_of(self, directory: LogDir) -> None:
        """As ``store_all``, for one directory."""
        async with self.writer(directory):
            await self.store(directory)

    @asynccontextmanager
    async def writer(self, directory: LogDir) -> AsyncGenerator[None]:
        """Keep other checkpoint writers away from a directory; ``store`` needs it."""
        async with self._locks[directory]:
            yield

    async def store(self, directory: LogDir, *names: str) -> None:
        """Write those checkpoints (all by default) that changed; a failure is reported."""
        assert self._locks[directory].locked()
        changed = {} if directory.failure is not None else directory.changed(*names)
        if changed:
            try:
                await self._disk.run(partial(directory.store, changed))
            except OSError as error:
                self._on_failure(directory, error)

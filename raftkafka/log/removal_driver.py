"""Removes what was deleted: partitions' folders and segments' files, some time after the rename.

A folder is renamed within moments, a few at a time, and removed only when no checkpoint speaks of
its partition any more: as long as it lies there, such an entry is known to be about it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count

import structlog
import trio

from raftkafka.disk import Disk
from raftkafka.log.checkpoint_driver import CheckpointDriver
from raftkafka.log.log_dir import DELETE_SUFFIX, STRAY_SUFFIX, LogDir, PartitionFolder
from raftkafka.log.slices_driver import Slices
from raftkafka.types import Randomness, TopicPartition

UNIQUE_BYTES = 16

log = structlog.get_logger()


class Removal:
    """What waits to be renamed, and what waits to be removed."""

    def __init__(
        self,
        disk: Disk,
        checkpoints: CheckpointDriver,
        random: Randomness,
        on_failure: Callable[[LogDir, OSError], None],
    ) -> None:
        self._disk = disk
        self._checkpoints = checkpoints
        self._random = random
        self._on_failure = on_failure
        self._to_rename: dict[TopicPartition, tuple[PartitionFolder, float]] = {}
        self._renamed: dict[TopicPartition, tuple[LogDir, str]] = {}
        """Where, and to what, the last folder of that name went, while that is not durable."""
        self._rename_wake = trio.Event()
        self._due: list[tuple[float, int, LogDir, str]] = []
        """Paths by the time of their removal, as a heap; the number keeps ties in order."""
        self._sequence = count()
        self._due_wake = trio.Event()

    def remove_folder(self, folder: PartitionFolder, delay_s: float) -> None:
        """Rename a partition's folder soon, and remove it ``delay_s`` later."""
        self._to_rename[folder.partition] = (folder, delay_s)
        self._rename_wake.set()

    def free_name(self, partition: TopicPartition) -> LogDir | None:
        """Rename the folder of that partition at once, if it waits for that.

        Returns:
            The directory to make the next folder of that name in, if it matters: in another one,
            a power loss could leave both.
        """
        self._rename(partition)
        directory, _ = self._renamed.get(partition, (None, ""))
        return directory

    def _rename(self, partition: TopicPartition) -> None:
        waiting = self._to_rename.pop(partition, None)
        if waiting is None:
            return
        folder, delay_s = waiting
        directory = folder.directory
        if directory.failure is not None:
            return
        try:
            path = directory.set_aside(folder, self._random.randbytes(UNIQUE_BYTES), DELETE_SUFFIX)
        except FileNotFoundError:
            return  # somebody was faster
        except OSError as error:
            self._on_failure(directory, error)
        else:
            self._renamed[partition] = directory, path
            self._rename_wake.set()
            self.remove_later(directory, path, delay_s)

    def set_aside(self, folder: PartitionFolder) -> None:
        """Rename the folder of a partition that nobody knows, and keep it."""
        unique = self._random.randbytes(UNIQUE_BYTES)
        try:
            path = folder.directory.set_aside(folder, unique, STRAY_SUFFIX)
        except OSError as error:
            self._on_failure(folder.directory, error)
        else:
            log.warning("stray_partition_set_aside", partition=str(folder.partition), path=path)

    def remove_later(self, directory: LogDir, path: str, delay_s: float) -> None:
        """Remove a folder, or a file, in ``delay_s``."""
        heappush(self._due, (trio.current_time() + delay_s, next(self._sequence), directory, path))
        self._due_wake.set()

    def rename_all(self) -> None:
        """Rename what waits for it now, as at a stop."""
        for partition in tuple(self._to_rename):
            self._rename(partition)

    async def run(self) -> None:
        """Do it until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._rename_soon)
            nursery.start_soon(self._remove)

    async def _rename_soon(self) -> None:
        while True:
            await self._rename_wake.wait()
            self._rename_wake = trio.Event()
            slices = Slices()
            for partition in tuple(self._to_rename):
                self._rename(partition)
                await slices.pause()
            renamed = dict(self._renamed)
            for directory in dict.fromkeys(directory for directory, _ in renamed.values()):
                await self._sync(directory)
            for partition, rename in renamed.items():
                if self._renamed.get(partition) == rename:
                    del self._renamed[partition]

    async def _sync(self, directory: LogDir) -> None:
        if directory.failure is None:
            try:
                await self._disk.run(partial(self._disk.sync_folder, directory.path))
            except OSError as error:
                self._on_failure(directory, error)

    async def _remove(self) -> None:
        while True:
            self._due_wake = trio.Event()
            due_s = self._due[0][0] if self._due else float("inf")
            with trio.move_on_at(due_s):
                await self._due_wake.wait()
            paths: dict[LogDir, list[str]] = {}
            while self._due and self._due[0][0] <= trio.current_time():
                _, _, directory, path = heappop(self._due)
                if directory.failure is None:
                    paths.setdefault(directory, []).append(path)
            for directory, due in paths.items():
                await self._remove_now(directory, due)

    async def _remove_now(self, directory: LogDir, paths: list[str]) -> None:
        await self._checkpoints.store_of(directory)
        for path in paths:
            if directory.failure is not None:
                return
            try:
                await self._disk.run(partial(_remove, self._disk, path))
            except OSError as error:
                self._on_failure(directory, error)
            else:
                log.debug("removed", path=path)


def _remove(disk: Disk, path: str) -> None:
    try:
        disk.remove_tree(path)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        disk.remove(path)

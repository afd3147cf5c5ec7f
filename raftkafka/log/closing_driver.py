"""The stop of a log directory: everything is made durable, and the marker says so at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import trio

from raftkafka.disk import Disk
from raftkafka.log.checkpoint_driver import CheckpointDriver
from raftkafka.log.dir_failure_driver import DirFailures
from raftkafka.log.folder_log import close_log, open_log
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_dir import LogDir, PartitionFolder

CLOSE_TASKS = 4
CLOSE_BATCH = 32
"""Logs closed by one thread hand-over."""


class Closing:
    """Closes the logs of directories, several at a time."""

    def __init__(
        self,
        disk: Disk,
        log_config: Callable[[str], LogConfig],
        failures: DirFailures,
        checkpoints: CheckpointDriver,
    ) -> None:
        self._disk = disk
        self._log_config = log_config
        self._failures = failures
        self._checkpoints = checkpoints

    async def close(self, directory: LogDir, broker_epoch: int) -> bool:
        """Close all logs; return whether the stop is marked as clean.

        It is not if a log failed or is damaged, or the directory fails: the next start checks it.
        """
        unfinished = iter([f for f in directory.folders.values() if _is_unfinished(f)])
        async with trio.open_nursery() as nursery:
            for _ in range(CLOSE_TASKS):
                nursery.start_soon(self._close_logs, directory, unfinished)
        await self._checkpoints.store_of(directory)
        if not all(_is_whole(folder) for folder in directory.folders.values()):
            return False
        return directory.failure is None and await self._failures.attempt(
            directory, partial(directory.mark_clean, broker_epoch)
        )

    async def _close_logs(self, directory: LogDir, folders: Iterator[PartitionFolder]) -> None:
        while directory.failure is None and (batch := list(islice(folders, CLOSE_BATCH))):
            configs = [self._log_config(folder.partition.topic) for folder in batch]
            await self._failures.attempt(directory, partial(_close_all, self._disk, batch, configs))


def _is_whole(folder: PartitionFolder) -> bool:
    return folder.is_trusted and (folder.log is None or folder.log.failure is None)


def _is_unfinished(folder: PartitionFolder) -> bool:
    """Whether there is something to write or to sync that can be."""
    if folder.log is not None:
        return folder.log.failure is None
    return not folder.is_settled and folder.damage is None


def _close_all(disk: Disk, folders: list[PartitionFolder], configs: list[LogConfig]) -> None:
    for folder, config in zip(folders, configs, strict=True):
        close_log(folder, folder.log or open_log(disk, folder, config))

"""Which log directories can be used: one that failed is offline until the next start."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence

import structlog
import trio

from raftkafka.disk import Disk
from raftkafka.errors import DamagedDisk
from raftkafka.log.log_dir import LogDir
from raftkafka.types import TopicPartition

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)

log = structlog.get_logger()


class DirFailures:
    """Takes directories offline, and tells ``on_offline`` of each, and of the partitions in it."""

    def __init__(
        self,
        disk: Disk,
        directories: Sequence[LogDir],
        on_offline: Callable[[str, list[TopicPartition]], None],
    ) -> None:
        self._on_offline = on_offline
        self._disk = disk
        self._directories = directories
        self._untold: list[LogDir] = []
        self._wake = trio.Event()

    @property
    def online(self) -> list[LogDir]:
        """The directories that can be used."""
        return [directory for directory in self._directories if directory.failure is None]

    async def attempt(self, directory: LogDir, work: Callable[[], None]) -> bool:
        """Do blocking work in a directory; return whether it is still online after it."""
        try:
            await self._disk.run(work)
        except OSError as error:
            self.fail(directory, error)
        return directory.failure is None

    def fail(self, directory: LogDir, error: OSError) -> None:
        """Take a directory offline, for good: what it holds of the last writes is unknown."""
        if directory.failure is not None:
            return
        if error.errno in OUT_OF_DESCRIPTORS:
            log.error("descriptors_exhausted", path=error.filename, advice="raise LimitNOFILE")
            return  # the disk is as good as it was
        directory.failure = error
        log.error(
            "log_dir_offline",
            dir=directory.path,
            error=str(error),
            partitions=len(directory.folders),
            advice="repair the disk, or take the directory out of log.dirs, and start again",
        )
        for partition_log in directory.logs:
            partition_log.fail(error)
        self._untold.append(directory)
        self._wake.set()

    def require_one(self) -> None:
        """Make sure that there is a directory to serve from.

        Raises:
            DamagedDisk: there is none.
        """
        if not self.online:
            failures = "; ".join(f"{d.path}: {d.failure}" for d in self._directories)
            raise DamagedDisk(
                f"no log directory can be used ({failures}): repair the disk or its permissions, "
                "or let log.dirs name another folder"
            )

    async def run(self) -> None:
        """Tell of failures, which are found in the middle of other work, from a task of its own.

        Raises:
            DamagedDisk: the last directory failed.
        """
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            told, self._untold = self._untold, []
            for directory in told:
                self._on_offline(directory.path, list(directory.folders))
            self.require_one()

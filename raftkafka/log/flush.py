"""One flush of one log: what has to be synced, taken down on the loop and done in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from raftkafka.disk import Disk
from raftkafka.log.segment import Segment


class Flushed(Protocol):
    """The log that is flushed."""

    truncations: int


class Flush:
    """Makes all records below ``end_offset`` durable."""

    __slots__ = ("_disk", "_files", "_finished", "_folder", "_log", "_truncations", "end_offset")

    def __init__(
        self,
        log: Flushed,
        disk: Disk,
        folder: str | None,
        segments: Sequence[Segment],
        end_offset: int,
    ) -> None:
        self.end_offset = end_offset
        self._log = log
        self._truncations = log.truncations
        self._disk = disk
        self._folder = folder
        self._files = [segment.open_file() for segment in segments]
        self._finished = [segment for segment in segments if segment.is_finished]

    @property
    def is_stale(self) -> bool:
        """Whether records were taken back since it began: what is durable may be others."""
        return self._truncations != self._log.truncations

    def sync(self) -> None:
        """Wait until everything is durable. Inside ``Disk.run`` only.

        Raises:
            OSError: as the disk raises it; what is durable is unknown then.
        """
        for file in self._files:
            file.sync()
        for segment in self._finished:
            segment.sync_indexes()
        if self._folder is not None:
            self._disk.sync_folder(self._folder)

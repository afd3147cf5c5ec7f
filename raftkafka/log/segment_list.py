"""The segments of one partition, oldest first; the last one is active."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter

from raftkafka.disk import Disk
from raftkafka.log.log_config import LogConfig
from raftkafka.log.segment import Segment, WalkedBatch, walk_whole

DELETED_SUFFIX = ".deleted"

_base_offset = attrgetter("base_offset")


class SegmentList:
    """Never empty. ``deleted_files`` are renamed already; whoever removes them takes them out."""

    __slots__ = ("_disk", "_folder", "_segments", "active", "deleted_files", "names_changed")

    def __init__(self, disk: Disk, folder: str, segments: list[Segment]) -> None:
        self._disk = disk
        self._folder = folder
        self._segments = segments
        self.active = segments[-1]
        self.deleted_files: list[str] = []
        self.names_changed = True
        """Whether files were made or renamed since the folder was last synced.

        True at first: a process that was killed may have left that to do, or a cut of a file.
        """

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __len__(self) -> int:
        return len(self._segments)

    def __getitem__(self, rank: int) -> Segment:
        return self._segments[rank]

    @property
    def base_offset(self) -> int:
        """Where the oldest segment starts."""
        return self._segments[0].base_offset

    @property
    def size_bytes(self) -> int:
        """All segments together."""
        return sum(segment.size_bytes for segment in self._segments)

    def from_offset(self, offset: int) -> list[Segment]:
        """Return the segment that holds ``offset``, or would, and all after it."""
        rank = bisect_right(self._segments, offset, key=_base_offset)
        return self._segments[max(rank - 1, 0) :]

    def unsynced(self) -> list[Segment]:
        """Return the segments that are not durable as a whole: the active one, and some before."""
        first = len(self._segments) - 1
        while first and not self._segments[first - 1].is_synced:
            first -= 1
        return self._segments[first:]

    def locate(self, offset: int) -> tuple[Segment, int]:
        """Return segment and position of the first batch that ends at or after ``offset``.

        That is the end of the active segment if there is none.
        """
        for segment in self.from_offset(offset):
            position = segment.position_of(offset)
            if position < segment.written_bytes:
                return segment, position
        return self.active, self.active.written_bytes

    def batches_from(self, offset: int, end_offset: int) -> Iterator[WalkedBatch]:
        """Yield the written batches from the one that holds ``offset`` on.

        Segments that start at ``end_offset`` or later are not looked at.

        Raises:
            DamagedLog: a file holds something else.
        """
        first, position = self.locate(offset)
        for segment in self.from_offset(first.base_offset):
            if segment.base_offset >= end_offset:
                return
            yield from walk_whole(segment.open_file(), position, segment.written_bytes)
            position = 0

    def roll(self, base_offset: int, config: LogConfig) -> None:
        """Finish the active segment and begin another one."""
        self.active.finish()
        self._begin(base_offset, config)

    def start_at(self, base_offset: int, config: LogConfig) -> None:
        """Drop everything and begin with one empty segment."""
        self._drop(reversed(self._segments))
        self._begin(base_offset, config)

    def truncate(self, segment: Segment, position: int) -> int:
        """Cut ``segment`` at a batch boundary and drop all after it; return the new end offset."""
        self._drop(reversed(self._segments[self._segments.index(segment) + 1 :]))
        self.active = segment
        return segment.truncate(position)

    def drop_oldest(self, count: int) -> None:
        """Drop the first ``count`` segments; at least one stays."""
        assert count < len(self._segments)
        self._drop(self._segments[:count])

    def _begin(self, base_offset: int, config: LogConfig) -> None:
        segment = Segment(self._disk, self._folder, base_offset, config)
        segment.activate()
        if config.preallocate:
            segment.preallocate(config.segment_bytes)
        self._segments.append(segment)
        self.active = segment
        self.names_changed = True

    def _drop(self, segments: Iterable[Segment]) -> None:
        """Drop one after the other: wherever that is interrupted, no gap is left between others."""
        dropped: set[Segment] = set()
        for segment in segments:
            dropped.add(segment)
            segment.generation += 1
            # The log first: an index without its log is removed by the next opening.
            for path in (segment.path, segment.offset_index.path, segment.time_index.path):
                if self._disk.exists(path):
                    self._disk.rename(path, path + DELETED_SUFFIX)
                    self.deleted_files.append(path + DELETED_SUFFIX)
            self.names_changed = True
        self._segments = [segment for segment in self._segments if segment not in dropped]

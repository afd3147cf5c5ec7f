"""Producer snapshots of one partition: ``%020d.snapshot`` holds the state at that offset.

Each segment has one for its base offset, and the newest may be in the middle of the active segment.
They only spare reading: what is missing or damaged is made up for by reading the log from an older
one on, so they are written without a sync.

Source: Kafka ``ProducerStateManager``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from raftkafka.disk import Disk
from raftkafka.log.producer_state import DamagedSnapshot, ProducerStates
from raftkafka.log.segment_list import SegmentList

SUFFIX = ".snapshot"


class SnapshotFiles:
    """The snapshot files of a folder, by offset."""

    __slots__ = ("_disk", "_folder", "offsets")

    def __init__(self, disk: Disk, folder: str, names: Iterable[str]) -> None:
        self._disk = disk
        self._folder = folder
        stems = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
        self.offsets = sorted(int(stem) for stem in stems if stem.isdecimal())

    @property
    def newest(self) -> int:
        """The offset of the newest, -1 if there is none."""
        return self.offsets[-1] if self.offsets else -1

    def write(self, offset: int, producers: ProducerStates) -> None:
        """Store the state that all records below ``offset`` make."""
        if offset <= self.newest:
            return
        file = self._disk.open(self._path(offset), create=True)
        file.truncate(0)
        file.pwrite([producers.encode()], 0)
        self.offsets.append(offset)

    def keep(self, offsets: Collection[int]) -> None:
        """Remove all that are not among ``offsets``."""
        for offset in self.offsets:
            if offset not in offsets:
                self._disk.remove(self._path(offset))
        self.offsets = [offset for offset in self.offsets if offset in offsets]

    def remove_after(self, offset: int) -> None:
        """Remove those of a state that the log has not, or not yet again, reached."""
        self.keep({known for known in self.offsets if known <= offset})

    def remove_before(self, offset: int) -> None:
        """Remove those that are older than the records: what came between them is not known."""
        self.keep({known for known in self.offsets if known >= offset})

    def load(self, producers: ProducerStates) -> int:
        """Load the newest good one; return its offset, or 0 if there is none."""
        while self.offsets:
            try:
                producers.load(self._disk.read(self._path(self.newest)))
            except DamagedSnapshot:
                self._disk.remove(self._path(self.offsets.pop()))
            else:
                return self.newest
        producers.clear()
        return 0

    def _path(self, offset: int) -> str:
        return f"{self._folder}/{offset:020d}{SUFFIX}"


def restore_producers(
    producers: ProducerStates, snapshots: SnapshotFiles, segments: SegmentList, end_offset: int
) -> None:
    """Make ``producers`` what the log below ``end_offset`` says: a snapshot and what follows it."""
    snapshots.remove_after(end_offset)
    snapshots.remove_before(segments.base_offset)
    start_offset = snapshots.load(producers)
    if start_offset < end_offset:
        for batch in segments.batches_from(start_offset, end_offset):
            producers.replay(batch.header)

"""One file of a partition's log with its two indexes, and ranges of it that are sent to clients.

Source: Kafka ``LogSegment``, ``FileRecords``.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from raftkafka.disk import Disk, File
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.index import OFFSET_ENTRY, TIME_ENTRY, Index
from raftkafka.records import HEADER_BYTES, LENGTH_OVERHEAD_BYTES, MAGIC, NO_TIMESTAMP

RELATIVE_OFFSET_MAX = 2**31 - 1
WALK_BYTES = 8192
"""Read at once while walking batch headers: twice the default distance of index entries."""

_walked = Struct(">qi4xb6xi8xq")
"""Base offset, length, magic, last offset delta, max timestamp: the first 43 bytes of a batch."""


class DamagedLog(KafkaError):
    """A log file holds something else than batches at ``position``."""

    code = ErrorCode.KAFKA_STORAGE_ERROR

    def __init__(self, path: str, position: int, reason: str) -> None:
        super().__init__(None, f"{path} is damaged at byte {position}: {reason}")
        self.path = path
        self.position = position


class WalkedBatch(NamedTuple):
    """Where a batch is and what it covers."""

    position: int
    size_bytes: int
    base_offset: int
    last_offset: int
    max_timestamp: int


class LogSlice:
    """Whole batches in a file, to be sent as they are; keeps the file open."""

    __slots__ = ("_generation", "_length", "_segment", "file", "position")

    def __init__(self, segment: Segment, file: File, position: int, length: int) -> None:
        self.file = file
        self.position = position
        self._length = length
        self._segment = segment
        self._generation = segment.generation

    def __len__(self) -> int:
        return self._length

    @property
    def is_stale(self) -> bool:
        """Whether the segment was cut or deleted since: the bytes may be others now."""
        return self._generation != self._segment.generation

    def after(self, count: int) -> LogSlice:
        """Return what is left after the first ``count`` bytes."""
        rest = LogSlice(self._segment, self.file, self.position + count, self._length - count)
        rest._generation = self._generation
        return rest

    def read(self) -> bytes:
        """Return the bytes."""
        return self.file.pread(self._length, self.position)


def walk(file: File, position: int, end: int) -> Iterator[WalkedBatch]:
    """Yield the whole batches between two positions, by their headers; stop where one is cut off.

    Raises:
        DamagedLog: something else than a batch is there.
    """
    window = b""
    start = position
    while end - position >= HEADER_BYTES:
        if position + _walked.size > start + len(window):
            start = position
            window = file.pread(min(WALK_BYTES, end - position), position)
            if len(window) < _walked.size:
                return
        base_offset, length, magic, last_offset_delta, max_timestamp = _walked.unpack_from(
            window, position - start
        )
        size_bytes = length + LENGTH_OVERHEAD_BYTES
        if magic != MAGIC or size_bytes < HEADER_BYTES or last_offset_delta < 0:
            raise DamagedLog(file.path, position, f"magic {magic}, length {length}")
        if position + size_bytes > end:
            return
        yield WalkedBatch(
            position, size_bytes, base_offset, base_offset + last_offset_delta, max_timestamp
        )
        position += size_bytes


class Segment:
    """The batches from ``base_offset`` on. Only the last one of a log takes appends.

    ``size_bytes`` counts what is appended, ``written_bytes`` what the file holds. Only the active
    segment holds its file open.
    """

    __slots__ = (
        "_disk",
        "_file",
        "base_offset",
        "first_timestamp",
        "generation",
        "last_append_ms",
        "max_timestamp",
        "max_timestamp_offset",
        "offset_index",
        "path",
        "size_bytes",
        "time_index",
        "unindexed_bytes",
        "written_bytes",
    )

    def __init__(self, disk: Disk, folder: str, base_offset: int) -> None:
        stem = f"{folder}/{base_offset:020d}"
        self.path = stem + ".log"
        self.base_offset = base_offset
        self.offset_index = Index(disk, stem + ".index", OFFSET_ENTRY)
        self.time_index = Index(disk, stem + ".timeindex", TIME_ENTRY)
        self.size_bytes = 0
        self.written_bytes = 0
        self.unindexed_bytes = 0
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = base_offset
        """The last offset of the batch that brought ``max_timestamp``, as the time index has it."""
        self.first_timestamp = NO_TIMESTAMP
        """The largest timestamp of the first batch; the age for ``segment.ms`` counts from it."""
        self.last_append_ms = NO_TIMESTAMP
        self.generation = 0
        """Counts what made ranges of the file invalid: cuts, and deletion."""
        self._disk = disk
        self._file: File | None = None

    # ------------------------------------------------------------------ append

    def activate(self) -> None:
        """Open, or create, the file to append to."""
        self._file = self._disk.open(self.path, create=True)

    def append(
        self, last_offset: int, size_bytes: int, max_timestamp: int, index_interval_bytes: int
    ) -> None:
        """Account for a batch that follows; index it if enough came since the last entry."""
        position = self.size_bytes
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if self.first_timestamp < 0:
            self.first_timestamp = max_timestamp
        if self.unindexed_bytes > index_interval_bytes:
            self.offset_index.append(last_offset - self.base_offset, position)
            self._index_time()
            self.unindexed_bytes = 0
        self.unindexed_bytes += size_bytes
        self.size_bytes = position + size_bytes

    def _index_time(self) -> None:
        last = self.time_index.last
        if self.max_timestamp > (last.key if last else NO_TIMESTAMP):
            self.time_index.append(self.max_timestamp, self.max_timestamp_offset - self.base_offset)

    def must_roll(
        self,
        size_bytes: int,
        last_offset: int,
        max_timestamp: int,
        segment_bytes: int,
        segment_ms: int,
        index_bytes: int,
    ) -> bool:
        """Whether the next batch belongs into a new segment (``LogSegment.shouldRoll``)."""
        if self.size_bytes == 0:
            return last_offset - self.base_offset > RELATIVE_OFFSET_MAX
        return (
            self.size_bytes + size_bytes > segment_bytes
            or max_timestamp - self.first_timestamp > segment_ms
            or last_offset - self.base_offset > RELATIVE_OFFSET_MAX
            or self.offset_index.count >= index_bytes // OFFSET_ENTRY.size
            or self.time_index.count >= index_bytes // TIME_ENTRY.size - 1
        )

    def flush_indexes(self) -> None:
        """Write index entries to their files: the time index first, so that it is never behind."""
        self.time_index.flush()
        self.offset_index.flush()

    def finish(self) -> None:
        """Take no more appends: the last time index entry is final, memory and file are released."""
        self._index_time()
        self.time_index.release()
        self.offset_index.release()
        self._file = None

    # ------------------------------------------------------------------ read

    def open_file(self) -> File:
        """Return the active segment's file, or open another one's: it closes with its last user."""
        return self._file or self._disk.open(self.path)

    def position_of(self, offset: int) -> int:
        """Return where the first batch starts that ends at or after ``offset``."""
        if offset <= self.base_offset:
            return 0
        entry = self.offset_index.floor_by_key(offset - self.base_offset)
        for batch in walk(self.open_file(), entry.value if entry else 0, self.written_bytes):
            if batch.last_offset >= offset:
                return batch.position
        return self.written_bytes

    def cut_at_batch(self, start: int, limit: int, end: int) -> tuple[int, int]:
        """Return where to stop reading so that only whole batches lie from ``start`` to ``limit``.

        At least the first batch is whole, even if it ends after ``limit``. The second value is
        the offset with which reading goes on.
        """
        entry = self.offset_index.floor_by_value(limit)
        position = max(start, entry.value) if entry else start
        next_offset = self.base_offset
        for batch in walk(self.open_file(), position, end):
            batch_end = batch.position + batch.size_bytes
            if batch_end > limit:
                if batch.position > start:
                    return batch.position, batch.base_offset
                return batch_end, batch.last_offset + 1
            position, next_offset = batch_end, batch.last_offset + 1
        return position, next_offset

"""One file of a partition's log with its two indexes, and ranges of it that are sent to clients.

Source: Kafka ``LogSegment``, ``FileRecords``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from crc32c import crc32c

from raftkafka.disk import Disk, File
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.index import OFFSET_ENTRY, TIME_ENTRY, Index
from raftkafka.log.log_config import LogConfig
from raftkafka.records import (
    HEADER_BYTES,
    LENGTH_OVERHEAD_BYTES,
    MAGIC,
    NO_TIMESTAMP,
    BatchHeader,
    parse_header,
)

RELATIVE_OFFSET_MAX = 2**31 - 1
WALK_BYTES = 8192
"""Read at once while walking batch headers: twice the default distance of index entries."""


class DamagedLog(KafkaError):
    """A log file holds something else than batches at ``position``."""

    code = ErrorCode.KAFKA_STORAGE_ERROR

    def __init__(self, path: str, position: int, reason: str) -> None:
        super().__init__(None, f"{path} is damaged at byte {position}: {reason}")
        self.path = path
        self.position = position


class WalkedBatch(NamedTuple):
    """Where a batch starts and ends in its file, and its header."""

    position: int
    end: int
    header: BatchHeader


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

    Zeros are the end as well: those of a file that got its full size when it began.

    Raises:
        DamagedLog: something else than a batch is there.
    """
    window = b""
    start = position
    while end - position >= HEADER_BYTES:
        if position + HEADER_BYTES > start + len(window):
            start = position
            window = file.pread(min(WALK_BYTES, end - position), position)
            if len(window) < HEADER_BYTES:
                return
        header = parse_header(window, position - start)
        size_bytes = header.length + LENGTH_OVERHEAD_BYTES
        if header.magic != MAGIC or size_bytes < HEADER_BYTES or header.last_offset_delta < 0:
            if not any(window[position - start :][:HEADER_BYTES]):
                return
            reason = f"no batch: magic {header.magic}, length {header.length}"
            raise DamagedLog(file.path, position, reason)
        if position + size_bytes > end:
            return
        yield WalkedBatch(position, position + size_bytes, header)
        position += size_bytes


def walk_whole(file: File, position: int, end: int) -> Iterator[WalkedBatch]:
    """Yield as ``walk``, between positions where batches are known to begin and to end.

    Raises:
        DamagedLog: something else than whole batches is there.
    """
    for batch in walk(file, position, end):
        yield batch
        position = batch.end
    if position < end:
        raise DamagedLog(file.path, position, "a batch is cut off, or there are zeros")


def jitter_ms(stem: str, config: LogConfig) -> int:
    """Return how much earlier than ``segment.ms`` a segment rolls: not all at the same instant.

    Taken from its name, so that it needs no source of randomness and a restart keeps it.
    """
    spread_ms = min(config.segment_jitter_ms, config.segment_ms)
    return crc32c(stem.encode()) % spread_ms if spread_ms > 0 else 0


class Segment:
    """The batches from ``base_offset`` on. Only the last one of a log takes appends.

    ``size_bytes`` counts what is appended, ``written_bytes`` what the file holds. Only the active
    segment holds its file open.
    """

    __slots__ = (
        "_damage",
        "_disk",
        "_file",
        "_index_interval_bytes",
        "_indexes_loaded",
        "_is_preallocated",
        "_roll_jitter_ms",
        "_unindexed_bytes",
        "base_offset",
        "finished_ms",
        "first_timestamp",
        "generation",
        "is_synced",
        "max_timestamp",
        "max_timestamp_offset",
        "offset_index",
        "path",
        "size_bytes",
        "time_index",
        "written_bytes",
    )

    def __init__(self, disk: Disk, folder: str, base_offset: int, config: LogConfig) -> None:
        stem = f"{folder}/{base_offset:020d}"
        self.path = stem + ".log"
        self.base_offset = base_offset
        self.offset_index = Index(disk, stem + ".index", OFFSET_ENTRY)
        self.time_index = Index(disk, stem + ".timeindex", TIME_ENTRY)
        self.size_bytes = 0
        self.written_bytes = 0
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = base_offset
        """The last offset of the batch that brought ``max_timestamp``, as the time index has it."""
        self.first_timestamp = NO_TIMESTAMP
        """The largest timestamp of the first batch; the age for ``segment.ms`` counts from it."""
        self.finished_ms = NO_TIMESTAMP
        """When retention first saw it finished: its age, if its records have no timestamps."""
        self.generation = 0
        """Counts what made ranges of the file invalid: cuts, and deletion."""
        self.is_synced = False
        """Whether the file and its indexes are durable, and will not change any more."""
        self._damage: DamagedLog | None = None
        """Why it has no indexes, and none can be made."""
        self._disk = disk
        self._file: File | None = None
        self._index_interval_bytes = config.index_interval_bytes
        self._is_preallocated = False
        self._roll_jitter_ms = jitter_ms(stem, config)
        self._unindexed_bytes = 0
        self._indexes_loaded = True

    # ------------------------------------------------------------------ append

    def activate(self) -> None:
        """Open, or create, the file to append to."""
        self.is_synced = False
        self._file = self._disk.open(self.path, create=True)

    def preallocate(self, size_bytes: int) -> None:
        """Give a new segment's file its full size: zeros, which ``finish`` or a check cuts off."""
        self.open_file().truncate(size_bytes)
        self._is_preallocated = True

    def append(self, last_offset: int, size_bytes: int, max_timestamp: int) -> None:
        """Account for a batch that follows; index it if enough came since the last entry."""
        position = self.size_bytes
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if self.first_timestamp < 0:
            self.first_timestamp = max_timestamp
        if self._unindexed_bytes > self._index_interval_bytes:
            self.offset_index.append(last_offset - self.base_offset, position)
            self._index_time()
            self._unindexed_bytes = 0
        self._unindexed_bytes += size_bytes
        self.size_bytes = position + size_bytes

    def _index_time(self) -> None:
        last = self.time_index.last
        if self.max_timestamp > (last.key if last else NO_TIMESTAMP):
            self.time_index.append(self.max_timestamp, self.max_timestamp_offset - self.base_offset)

    def must_roll(
        self, size_bytes: int, last_offset: int, max_timestamp: int, config: LogConfig
    ) -> bool:
        """Whether the next batch belongs into a new segment (``LogSegment.shouldRoll``)."""
        if self.size_bytes == 0:
            return last_offset - self.base_offset > RELATIVE_OFFSET_MAX
        return (
            self.size_bytes + size_bytes > config.segment_bytes
            or (
                max_timestamp - self.first_timestamp > config.segment_ms - self._roll_jitter_ms
                and self.first_timestamp >= 0
            )
            or last_offset - self.base_offset > RELATIVE_OFFSET_MAX
            or self.offset_index.count >= config.segment_index_bytes // OFFSET_ENTRY.size
            or self.time_index.count >= config.segment_index_bytes // TIME_ENTRY.size - 1
        )

    def flush_indexes(self) -> None:
        """Write index entries to their files: the time index first, so that it is never behind."""
        self.time_index.flush()
        self.offset_index.flush()

    def finish(self) -> None:
        """Take no more appends: the last time index entry is final, file and memory are let go."""
        self._index_time()
        self.time_index.release()
        self.offset_index.release()
        if self._is_preallocated:
            self.open_file().truncate(self.size_bytes)
            self._is_preallocated = False
        self._file = None

    @property
    def is_finished(self) -> bool:
        """Whether it takes no more appends."""
        return self._file is None

    def sync_indexes(self) -> None:
        """Wait until the indexes of a finished segment are durable: no check covers them later."""
        try:
            self.time_index.sync()
            self.offset_index.sync()
        except FileNotFoundError:
            return  # dropped meanwhile
        self.is_synced = self.is_finished

    # ------------------------------------------------------------------ load

    def adopt(self, *, is_synced: bool) -> None:
        """Take over a finished segment from the disk; its indexes are looked at when needed."""
        self.is_synced = is_synced
        self.size_bytes = self.written_bytes = self._disk.size(self.path)
        self._indexes_loaded = False

    def adopt_active(self) -> int:
        """Take over the last segment from the disk, to append to it; return its end offset.

        Reads from the last index entry on and adds the entries that are missing. A batch that is
        cut off at the end goes, as a killed process may leave one.

        Raises:
            DamagedLog: something else than a batch is there.
        """
        self.activate()
        size_bytes = self.open_file().size()
        if not self._load_indexes(size_bytes):
            self.forget_batches()
        return self._resume(size_bytes)

    def truncate(self, position: int) -> int:
        """Cut at a batch boundary and take appends again; return the new end offset."""
        self.ensure_indexes()
        self.activate()
        self.generation += 1
        cut = next(walk(self.open_file(), position, self.written_bytes), None)
        if cut is not None:
            self.offset_index.keep_values_below(position)
            self.time_index.keep_values_below(cut.header.base_offset - self.base_offset)
        return self._resume(position)

    def forget_batches(self) -> None:
        """Drop the indexes and all that ``append`` accounted for; the file stays."""
        self.offset_index.clear()
        self.time_index.clear()
        self.size_bytes = self._unindexed_bytes = 0
        self.max_timestamp = self.first_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = self.base_offset
        self._indexes_loaded = True

    def _resume(self, size_bytes: int) -> int:
        """Account for what follows the last index entry; cut what is no whole batch."""
        self._take_max_timestamp()
        entry = self.offset_index.last
        file = self.open_file()
        first = next(walk(file, 0, size_bytes), None)
        self.first_timestamp = first.header.max_timestamp if first else NO_TIMESTAMP
        self.size_bytes = entry.value if entry else 0
        self._unindexed_bytes = 0
        end_offset = self._account(file, size_bytes)
        if self.size_bytes < file.size():
            file.truncate(self.size_bytes)
        self.written_bytes = self.size_bytes
        return end_offset

    def _account(self, file: File, end: int) -> int:
        """Take in the batches from ``size_bytes`` on; return the offset after the last one."""
        end_offset = self.base_offset
        for batch in walk(file, self.size_bytes, end):
            end_offset = batch.header.last_offset + 1
            self._account_for(batch.header)
        return end_offset

    def _account_for(self, header: BatchHeader) -> None:
        self.append(header.last_offset, header.size_bytes, header.max_timestamp)

    def _take_max_timestamp(self) -> None:
        """Start from what the time index has; the batches after its last entry may exceed it."""
        self.max_timestamp, self.max_timestamp_offset = NO_TIMESTAMP, self.base_offset
        if self.time_index.last is not None:
            self.max_timestamp, relative_offset = self.time_index.last
            self.max_timestamp_offset = self.base_offset + relative_offset

    def _load_indexes(self, size_bytes: int) -> bool:
        """Read the ends of the index files; False if they do not fit a file of this size."""
        if not (self.offset_index.load() and self.time_index.load()):
            return False
        entry = self.offset_index.last
        if entry is None:
            return True
        try:
            batch = next(walk(self.open_file(), entry.value, size_bytes), None)
        except DamagedLog:
            return False
        return batch is not None and batch.header.last_offset == self.base_offset + entry.key

    def ensure_indexes(self) -> None:
        """Load the indexes of a finished segment; rebuild them if they are missing or wrong.

        Raises:
            DamagedLog: they are, and the segment holds something else than whole batches.
        """
        if self._damage is not None:
            raise self._damage.with_traceback(None)
        if self._indexes_loaded:
            return
        self._indexes_loaded = True
        if self._load_indexes(self.written_bytes):
            self._take_max_timestamp()
        else:
            self.forget_batches()
            try:
                for batch in walk_whole(self.open_file(), 0, self.written_bytes):
                    self._account_for(batch.header)
            except DamagedLog as damage:
                # Else the next reader, or the next start, would take it to be empty.
                self._damage = damage
                self._disk.remove(self.offset_index.path)
                self.size_bytes = self.written_bytes
                raise
            self.finish()

    # ------------------------------------------------------------------ read

    def open_file(self) -> File:
        """Return the active segment's file, or open another one's: it closes with its last user."""
        return self._file or self._disk.open(self.path)

    def position_of(self, offset: int) -> int:
        """Return where the first batch starts that ends at or after ``offset``.

        Raises:
            DamagedLog: something else than whole batches is there.
        """
        if offset <= self.base_offset:
            return 0
        start = self.floor_position_of(offset)
        for batch in walk_whole(self.open_file(), start, self.written_bytes):
            if batch.header.last_offset >= offset:
                return batch.position
        return self.written_bytes

    def floor_position_of(self, offset: int) -> int:
        """Return where a look-up of ``offset`` begins, by the index."""
        self.ensure_indexes()
        entry = self.offset_index.floor_by_key(offset - self.base_offset)
        return entry.value if entry else 0

    def floor_position(self, position: int) -> int:
        """Return where a look-up of the batch around ``position`` begins, by the index."""
        self.ensure_indexes()
        entry = self.offset_index.floor_by_value(position)
        return entry.value if entry else 0

    def cut_at_batch(self, start: int, limit: int, end: int) -> tuple[int, int]:
        """Return where to stop reading so that only whole batches lie from ``start`` to ``limit``.

        At least the first batch is whole, even if it ends after ``limit``. The second value is
        the offset with which reading goes on.

        Raises:
            DamagedLog: no whole batch is at ``start``.
        """
        position = max(start, self.floor_position(limit))
        next_offset = self.base_offset
        for batch in walk(self.open_file(), position, end):
            if batch.end > limit:
                if batch.position > start:
                    return batch.position, batch.header.base_offset
                return batch.end, batch.header.last_offset + 1
            position, next_offset = batch.end, batch.header.last_offset + 1
        if position == start:
            raise DamagedLog(self.path, start, "a batch is cut off")
        return position, next_offset

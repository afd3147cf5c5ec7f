"""Offsets by timestamp: which batch to look into, and the look through its records.

The first takes microseconds. For the second a batch is opened, which another thread can do, and
gone through record by record, which is cut into steps: a thread of Python would take the loop's
time from it all the same.

Source: Kafka ``UnifiedLog.fetchOffsetByTimestamp``, ``LogSegment.findOffsetByTimestamp``; KIP-79,
KIP-734.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from raftkafka.compression import Codec
from raftkafka.disk import File
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.segment import DamagedLog, Segment, WalkedBatch, walk_whole
from raftkafka.log.segment_list import SegmentList
from raftkafka.records import NO_TIMESTAMP, BatchHeader, RecordHead, iterate_heads

QUICK_BYTES = 8192
"""So much is read in no time, if it is in memory, as what was written lately is."""


class FoundOffset(NamedTuple):
    """A record's timestamp and offset, and the leader epoch that wrote it."""

    timestamp: int
    offset: int
    leader_epoch: int


class RecordScan:
    """The look through one batch for the first record that is not older than a timestamp."""

    __slots__ = (
        "_file",
        "_generation",
        "_heads",
        "_position",
        "_segment",
        "_size_bytes",
        "_start_offset",
        "_timestamp",
        "found",
        "header",
        "is_done",
    )

    def __init__(
        self, segment: Segment, file: File, batch: WalkedBatch, timestamp: int, start_offset: int
    ) -> None:
        self.header: BatchHeader = batch.header
        self.found: FoundOffset | None = None
        self.is_done = False
        self._heads: Iterator[RecordHead] = iter(())
        self._segment = segment
        self._generation = segment.generation
        self._file = file
        self._position = batch.position
        self._size_bytes = batch.end - batch.position
        self._timestamp = timestamp
        self._start_offset = start_offset

    @property
    def is_quick(self) -> bool:
        """Whether the loop can open it: what a compressed batch holds, nobody knows beforehand."""
        return self.header.codec == Codec.NONE and self._size_bytes <= QUICK_BYTES

    @property
    def is_stale(self) -> bool:
        """Whether the segment was cut or deleted since: what was found may be no more."""
        return self._generation != self._segment.generation

    def open(self) -> None:
        """Read the batch, and decompress it. Blocking, for as long as the disk takes.

        Raises:
            DamagedLog: the records are not what the header says.
            KafkaError: UNSUPPORTED_COMPRESSION_TYPE.
            OSError: the disk refused.
        """
        content = self._file.pread(self._size_bytes, self._position)
        if len(content) < self._size_bytes:
            raise self._damaged("the file ends before the batch does")
        self._heads = iterate_heads(content)
        self.advance(1)

    def advance(self, records: int) -> None:
        """Look at so many records more, after ``open``; to be ended by ``is_done``.

        Raises:
            DamagedLog, KafkaError: see ``open``.
        """
        seen = 0
        try:
            for offset, timestamp, _ in islice(self._heads, records):
                seen += 1
                if timestamp >= self._timestamp and offset >= self._start_offset:
                    self.found = FoundOffset(timestamp, offset, self.header.leader_epoch)
                    self.is_done = True
                    return
        except KafkaError as error:
            if error.code != ErrorCode.CORRUPT_MESSAGE:
                raise
            raise self._damaged(str(error)) from error
        self.is_done = seen < records

    def _damaged(self, reason: str) -> DamagedLog:
        return DamagedLog(self._file.path, self._position, reason)


def scan_for_timestamp(
    segments: SegmentList, timestamp: int, start_offset: int
) -> RecordScan | None:
    """Return the look through the first batch, by offset, that has records as new as that.

    If none of them is at ``start_offset`` or later, go on after the batch's last offset.

    Raises:
        DamagedLog: a file holds something else than batches.
        OSError: the disk refused.
    """
    for segment in segments.from_offset(start_offset):
        segment.ensure_indexes()
        if segment.max_timestamp < timestamp:
            continue
        # From the last entry of the time index that is not later than the timestamp.
        entry = segment.time_index.floor_by_key(timestamp)
        first_offset = segment.base_offset + (entry.value if entry else 0)
        position = segment.position_of(max(first_offset, start_offset))
        file = segment.open_file()
        for batch in walk_whole(file, position, segment.written_bytes):
            if batch.header.max_timestamp >= timestamp:
                return RecordScan(segment, file, batch, timestamp, start_offset)
    return None


def scan_for_max_timestamp(segments: SegmentList) -> RecordScan | None:
    """Return the look for the record with the largest timestamp, the first if there are several.

    None if no record has a timestamp.

    Raises:
        DamagedLog: a file holds something else than batches.
        OSError: the disk refused.
    """
    for segment in segments:
        segment.ensure_indexes()
    latest = max(segments, key=lambda segment: segment.max_timestamp)
    if latest.max_timestamp == NO_TIMESTAMP:
        return None
    position = latest.position_of(latest.max_timestamp_offset)
    file = latest.open_file()
    batch = next(walk_whole(file, position, latest.written_bytes), None)
    if batch is None:
        raise DamagedLog(latest.path, position, "the batch with the largest timestamp is missing")
    return RecordScan(latest, file, batch, latest.max_timestamp, batch.header.base_offset)

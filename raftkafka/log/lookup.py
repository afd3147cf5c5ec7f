"""Offsets by timestamp: which batch to look into, and the look through its records.

The first takes microseconds; the second opens the batch, which takes long for a large one, and can
be done by another thread: ``RecordScan`` touches nothing of the log but the file.

Source: Kafka ``UnifiedLog.fetchOffsetByTimestamp``, ``LogSegment.findOffsetByTimestamp``; KIP-79,
KIP-734.
"""

from __future__ import annotations

from typing import NamedTuple

from raftkafka.compression import Codec
from raftkafka.disk import File
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.segment import DamagedLog, Segment, WalkedBatch, walk_whole
from raftkafka.log.segment_list import SegmentList
from raftkafka.records import NO_TIMESTAMP, BatchHeader, iterate_heads

QUICK_BYTES = 8192
"""To look through so many bytes of records takes one or two milliseconds."""


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
        "_position",
        "_segment",
        "_size_bytes",
        "_start_offset",
        "_timestamp",
        "header",
    )

    def __init__(
        self, segment: Segment, file: File, batch: WalkedBatch, timestamp: int, start_offset: int
    ) -> None:
        self.header: BatchHeader = batch.header
        self._segment = segment
        self._generation = segment.generation
        self._file = file
        self._position = batch.position
        self._size_bytes = batch.end - batch.position
        self._timestamp = timestamp
        self._start_offset = start_offset

    @property
    def is_quick(self) -> bool:
        """Whether the loop can do it: what a compressed batch holds, nobody knows beforehand."""
        return self.header.codec == Codec.NONE and self._size_bytes <= QUICK_BYTES

    @property
    def is_stale(self) -> bool:
        """Whether the segment was cut or deleted since: what was found may be no more."""
        return self._generation != self._segment.generation

    def run(self) -> FoundOffset | None:
        """Return the record, or None. May block, and may take long.

        Raises:
            DamagedLog: the records are not what the header says.
            KafkaError: UNSUPPORTED_COMPRESSION_TYPE.
            OSError: the disk refused.
        """
        content = self._file.pread(self._size_bytes, self._position)
        if len(content) < self._size_bytes:
            raise self._damaged("the file ends before the batch does")
        try:
            for offset, timestamp, _ in iterate_heads(content):
                if timestamp >= self._timestamp and offset >= self._start_offset:
                    return FoundOffset(timestamp, offset, self.header.leader_epoch)
        except KafkaError as error:
            if error.code != ErrorCode.CORRUPT_MESSAGE:
                raise
            raise self._damaged(str(error)) from error
        return None

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

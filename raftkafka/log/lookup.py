"""Offsets by timestamp.

Source: Kafka ``UnifiedLog.fetchOffsetByTimestamp``, ``LogSegment.findOffsetByTimestamp``; KIP-79,
KIP-734.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from raftkafka.log.segment import Segment, WalkedBatch, walk
from raftkafka.log.segment_list import SegmentList
from raftkafka.records import NO_TIMESTAMP, RecordHead, iterate_heads


class FoundOffset(NamedTuple):
    """A record's timestamp and offset, and the leader epoch that wrote it."""

    timestamp: int
    offset: int
    leader_epoch: int


def find_timestamp(
    segments: SegmentList, timestamp: int, start_offset: int, end_offset: int
) -> FoundOffset | None:
    """Return the first record, by offset, at or after ``timestamp``; None if there is none.

    Only records from ``start_offset`` up to but not including ``end_offset`` count.
    """
    for segment in segments.from_offset(start_offset):
        segment.ensure_indexes()
        if segment.max_timestamp < timestamp:
            continue
        found = _find_in_segment(segment, timestamp, start_offset)
        if found is not None:
            return found if found.offset < end_offset else None
    return None


def _find_in_segment(segment: Segment, timestamp: int, start_offset: int) -> FoundOffset | None:
    """Search from the last time index entry that is not later than ``timestamp``."""
    entry = segment.time_index.floor_by_key(timestamp)
    first_offset = segment.base_offset + (entry.value if entry else 0)
    position = segment.position_of(max(first_offset, start_offset))
    for batch in walk(segment.open_file(), position, segment.written_bytes):
        if batch.header.max_timestamp >= timestamp:
            for offset, time, _ in _heads(segment, batch):
                if time >= timestamp and offset >= start_offset:
                    return FoundOffset(time, offset, batch.header.leader_epoch)
    return None


def find_max_timestamp(segments: SegmentList, end_offset: int) -> FoundOffset | None:
    """Return the record with the largest timestamp, the first of them if there are several.

    None if no record has a timestamp, or if it is not below ``end_offset``.
    """
    for segment in segments:
        segment.ensure_indexes()
    latest = max(segments, key=lambda segment: segment.max_timestamp)
    if latest.max_timestamp == NO_TIMESTAMP:
        return None
    position = latest.position_of(latest.max_timestamp_offset)
    batch = next(walk(latest.open_file(), position, latest.written_bytes))
    for offset, time, _ in _heads(latest, batch):
        if time == latest.max_timestamp:
            found = FoundOffset(time, offset, batch.header.leader_epoch)
            return found if offset < end_offset else None
    return None


def _heads(segment: Segment, batch: WalkedBatch) -> Iterator[RecordHead]:
    data = segment.open_file().pread(batch.end - batch.position, batch.position)
    return iterate_heads(data)

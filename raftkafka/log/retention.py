"""Which segments are old or many enough to go.

Source: Kafka ``UnifiedLog.deleteOldSegments``.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from raftkafka.log.log_config import LogConfig
from raftkafka.log.segment import DamagedLog, Segment
from raftkafka.log.segment_list import SegmentList
from raftkafka.records import NO_TIMESTAMP


def count_expired(
    segments: SegmentList,
    config: LogConfig,
    *,
    log_start_offset: int,
    log_end_offset: int,
    high_watermark: int,
    now_ms: int,
) -> int:
    """Return how many of the oldest segments are to be dropped.

    It may be all of them, if the active one has expired too; an empty one never does. No segment
    goes that holds records at or above the high watermark.
    """
    note_finished(segments, now_ms)
    ends = [after.base_offset for _, after in pairwise(segments)] + [log_end_offset]
    committed = sum(1 for end in ends if end <= high_watermark)
    if not segments.active.size_bytes:
        committed = min(committed, len(segments) - 1)
    finished = min(committed, len(segments) - 1)
    count = 0
    while count < finished and ends[count] <= log_start_offset:
        count += 1
    if "delete" not in config.cleanup_policy:
        return count
    if config.retention_bytes >= 0:
        excess_bytes = sum(segment.size_bytes for segment in list(segments)[count:])
        excess_bytes -= config.retention_bytes
        while count < committed and excess_bytes >= segments[count].size_bytes:
            excess_bytes -= segments[count].size_bytes
            count += 1
    if config.retention_ms >= 0:
        while (
            count < committed and _age_ms(segments, segments[count], now_ms) > config.retention_ms
        ):
            count += 1
    return count


def note_finished(segments: SegmentList, now_ms: int) -> None:
    """Remember when each segment was first seen to take no more appends."""
    for segment in segments:
        if segment.finished_ms == NO_TIMESTAMP and segment is not segments.active:
            segment.finished_ms = now_ms


def _age_ms(segments: SegmentList, segment: Segment, now_ms: int) -> int:
    """Return the age of the newest record; without timestamps, since a check saw it finished."""
    with suppress(DamagedLog):  # readers report it; it grows old all the same
        segment.ensure_indexes()
        if segment.max_timestamp != NO_TIMESTAMP:
            return now_ms - segment.max_timestamp
    return 0 if segment is segments.active else now_ms - segment.finished_ms

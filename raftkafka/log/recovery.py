"""Opening a partition's folder: trust it after a clean stop, check it after any other.

Blocking: runs inside ``Disk.run``. What can be made again (indexes, leader epochs, producer states)
is made again where it is missing or wrong. After an unclean stop the CRC of every batch from the
recovery point on is checked; the first bad one and all after it are cut off, for they were never
promised to be durable. The same below the recovery point is damage, and is reported.

Source: Kafka ``LogLoader``, ``LogSegment.recover``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from raftkafka.disk import Disk, File
from raftkafka.log.checkpoints import DamagedCheckpoint
from raftkafka.log.epoch_cache import FILE_NAME, EpochCache
from raftkafka.log.log_config import LogConfig
from raftkafka.log.producer_state import ProducerStates
from raftkafka.log.segment import DamagedLog, Segment, WalkedBatch
from raftkafka.log.segment_list import SegmentList
from raftkafka.log.snapshots import SnapshotFiles, restore_producers
from raftkafka.records import HEADER_BYTES, MAGIC, NO_LEADER_EPOCH, has_valid_crc, parse_header

LOG_SUFFIX = ".log"
INDEX_SUFFIXES = (".index", ".timeindex")
LEFTOVER_SUFFIXES = (".deleted", ".cleaned", ".swap", ".tmp")
CHUNK_BYTES = 1024 * 1024

OnProgress = Callable[[int, int], None]
"""(bytes checked, bytes to check): called now and then while a log is checked."""


class OpenedLog(NamedTuple):
    """What a folder holds."""

    segments: SegmentList
    epochs: EpochCache
    producers: ProducerStates
    snapshots: SnapshotFiles
    log_start_offset: int
    log_end_offset: int


def open_log(
    disk: Disk,
    folder: str,
    config: LogConfig,
    *,
    recovery_point: int,
    log_start_offset: int,
    clean: bool,
    on_progress: OnProgress,
) -> OpenedLog:
    """Open the log in a folder, which exists; an empty one gets its first segment.

    Args:
        disk: where the folder is.
        folder: of the partition.
        config: of the topic.
        recovery_point: all below this offset was durable.
        log_start_offset: all below this offset was deleted by request.
        clean: the files are known to hold all that was written: no CRC needs to be checked.
        on_progress: told how far the check is.

    Raises:
        DamagedLog: what was durable is not there any more.
        OSError: as the disk raises it.
    """
    bases, names = _tidy(disk, folder)
    if not bases and recovery_point > log_start_offset:
        raise DamagedLog(folder, 0, f"no segment, but records up to {recovery_point} were flushed")
    if bases:
        segments = SegmentList(disk, folder, [Segment(disk, folder, b, config) for b in bases])
        if clean:
            end_offset = _adopt(segments, recovery_point)
        else:
            end_offset = _check(segments, config, recovery_point, on_progress)
    else:
        segments = SegmentList(disk, folder, [Segment(disk, folder, log_start_offset, config)])
        segments.active.activate()
        end_offset = log_start_offset
    if end_offset < recovery_point:
        active = segments.active
        reason = f"ends at offset {end_offset}, but records up to {recovery_point} were flushed"
        raise DamagedLog(active.path, active.size_bytes, reason)
    trusted_end = end_offset
    if not clean:
        trusted_end = _suspects(segments, recovery_point)[0].base_offset
    if end_offset < log_start_offset:
        segments.start_at(log_start_offset, config)
        trusted_end = end_offset = log_start_offset
    snapshots = SnapshotFiles(disk, folder, names)
    snapshots.remove_after(trusted_end)
    producers = ProducerStates()
    restore_producers(producers, snapshots, segments, end_offset)
    return OpenedLog(
        segments,
        _load_epochs(disk, folder, segments, trusted_end, end_offset),
        producers,
        snapshots,
        max(log_start_offset, segments.base_offset),
        end_offset,
    )


def _tidy(disk: Disk, folder: str) -> tuple[list[int], set[str]]:
    """Remove what an earlier life left half done; return the base offsets, and all names."""
    names = set(disk.listdir(folder))
    logs = {name.removesuffix(LOG_SUFFIX) for name in names if name.endswith(LOG_SUFFIX)}
    for name in sorted(names):
        is_orphan = name.endswith(INDEX_SUFFIXES) and name.rpartition(".")[0] not in logs
        if is_orphan or name.endswith(LEFTOVER_SUFFIXES):
            disk.remove(f"{folder}/{name}")
            names.discard(name)
    return sorted(int(stem) for stem in logs if stem.isdecimal()), names


def _adopt(segments: SegmentList, recovery_point: int) -> int:
    """Trust the files; return the offset after the last batch."""
    first_unsynced = _suspects(segments, recovery_point)[0].base_offset
    for segment in segments:
        if segment is not segments.active:
            segment.adopt(is_synced=segment.base_offset < first_unsynced)
    return segments.active.adopt_active()


def _check(
    segments: SegmentList, config: LogConfig, recovery_point: int, on_progress: OnProgress
) -> int:
    """Check from the recovery point on, cut at the first bad batch; return where the log ends."""
    for segment in segments:
        segment.adopt(is_synced=True)
    suspects = _suspects(segments, recovery_point)
    total_bytes = sum(segment.size_bytes for segment in suspects)
    checked_bytes = 0
    end_offset, leader_epoch = suspects[0].base_offset, NO_LEADER_EPOCH
    for rank, segment in enumerate(suspects):
        try:
            _check_continuity(segment, end_offset, config)
            for batch in _rebuild(segment, end_offset, leader_epoch):
                end_offset = batch.header.last_offset + 1
                leader_epoch = batch.header.leader_epoch
        except DamagedLog as damage:
            if end_offset < recovery_point:
                raise
            if rank and damage.position == 0:
                kept = suspects[rank - 1]
            else:
                kept = segment
                kept.written_bytes = damage.position
            return segments.truncate(kept, kept.written_bytes)
        segment.written_bytes = segment.size_bytes
        if segment is not segments.active:
            segment.finish()
        checked_bytes += segment.size_bytes
        on_progress(checked_bytes, total_bytes)
    return end_offset


def _suspects(segments: SegmentList, recovery_point: int) -> list[Segment]:
    """Return the segments that may hold records which were not promised to be durable.

    From the last promised record on, not from the recovery point: a segment that starts there may
    be one that was dropped, whose name the power loss brought back.
    """
    return segments.from_offset(recovery_point - 1)


def _check_continuity(segment: Segment, end_offset: int, config: LogConfig) -> None:
    """Refuse a segment that does not go on where the one before it ended.

    Compaction may leave the last offsets of a segment empty.
    """
    follows = segment.base_offset == end_offset
    if not follows and not (config.is_compacted and segment.base_offset > end_offset):
        reason = f"starts at {segment.base_offset}, but the segment before it ends at {end_offset}"
        raise DamagedLog(segment.path, 0, reason)


def _rebuild(segment: Segment, end_offset: int, leader_epoch: int) -> Iterator[WalkedBatch]:
    """Check every batch of a segment, and account for it and index it anew."""
    segment.activate()
    segment.forget_batches()
    for batch in checked_batches(segment.open_file(), end_offset, leader_epoch):
        header = batch.header
        segment.append(header.last_offset, header.size_bytes, header.max_timestamp)
        yield batch


def checked_batches(file: File, offset: int, leader_epoch: int) -> Iterator[WalkedBatch]:
    """Yield the batches of a file whose CRCs fit, and which go on from an offset and an epoch.

    Records of an older leader never follow those of a newer one: they were taken back, and a
    power loss brought their file back.

    Raises:
        DamagedLog: at the first that is cut off, or is none.
    """
    size_bytes = file.size()
    chunk = memoryview(b"")
    start = position = 0
    while position < size_bytes:
        if position + HEADER_BYTES > start + len(chunk):
            start, chunk = position, memoryview(file.pread(CHUNK_BYTES, position))
        if len(chunk) - (position - start) < HEADER_BYTES:
            raise DamagedLog(file.path, position, "a batch is cut off")
        header = parse_header(chunk, position - start)
        end = position + header.size_bytes
        if header.magic != MAGIC or header.size_bytes < HEADER_BYTES or end > size_bytes:
            reason = f"no whole batch: magic {header.magic}, length {header.length}"
            raise DamagedLog(file.path, position, reason)
        if end > start + len(chunk):
            length = max(CHUNK_BYTES, header.size_bytes)
            start, chunk = position, memoryview(file.pread(length, position))
        if not has_valid_crc(chunk[position - start : end - start]):
            raise DamagedLog(file.path, position, "the CRC of a batch is wrong")
        if header.base_offset < offset or header.last_offset_delta < 0:
            reason = f"offset {header.base_offset} where {offset} follows"
            raise DamagedLog(file.path, position, reason)
        if NO_LEADER_EPOCH < header.leader_epoch < leader_epoch:
            reason = f"leader epoch {header.leader_epoch} after {leader_epoch}"
            raise DamagedLog(file.path, position, reason)
        offset, leader_epoch = header.last_offset + 1, header.leader_epoch
        yield WalkedBatch(position, end, header)
        position = end


def _load_epochs(
    disk: Disk, folder: str, segments: SegmentList, trusted_end: int, end_offset: int
) -> EpochCache:
    """Read the epoch checkpoint as far as it can be trusted; take the rest from the batches."""
    try:
        epochs = EpochCache.decode(disk.read(f"{folder}/{FILE_NAME}"))
    except (FileNotFoundError, DamagedCheckpoint):
        epochs = EpochCache()
    epochs.truncate_from_end(trusted_end)
    if end_offset > segments.base_offset:
        last = next(segments.batches_from(end_offset - 1), None)
        if last is not None and last.header.leader_epoch != epochs.latest:
            start_offset = segments.base_offset
            if epochs.entries:
                # What the file does not know yet began in its last epoch, or is not trusted.
                start_offset = epochs.entries[-1].start_offset
                if trusted_end < end_offset:
                    start_offset = max(start_offset, trusted_end)
            for batch in segments.batches_from(start_offset):
                if batch.header.leader_epoch > epochs.latest:
                    epochs.assign(batch.header.leader_epoch, batch.header.base_offset)
    epochs.truncate_from_start(segments.base_offset)
    return epochs

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

from crc32c import crc32c

from raftkafka.disk import Disk, File
from raftkafka.log.checkpoints import DamagedCheckpoint
from raftkafka.log.epoch_cache import FILE_NAME, EpochCache
from raftkafka.log.log_config import LogConfig
from raftkafka.log.producer_state import ProducerStates
from raftkafka.log.segment import DamagedLog, Segment, WalkedBatch
from raftkafka.log.segment_list import SegmentList
from raftkafka.log.snapshots import SnapshotFiles, restore_producers
from raftkafka.records import (
    CRC_START,
    HEADER_BYTES,
    LENGTH_OVERHEAD_BYTES,
    MAGIC,
    NO_LEADER_EPOCH,
    BatchHeader,
    parse_header,
)

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
    clean = clean or not bases
    segments = SegmentList(
        disk, folder, [Segment(disk, folder, base, config) for base in bases or [log_start_offset]]
    )
    end_offset = _adopt(segments, recovery_point, clean)
    if config.preallocate and not bases:
        segments.active.preallocate(config.segment_bytes)
    epochs = _load_epochs(disk, folder, segments, log_start_offset, end_offset)
    snapshots = SnapshotFiles(disk, folder, names)
    producers = ProducerStates()
    restore_producers(producers, snapshots, segments, end_offset)
    if not clean:
        end_offset = _check(segments, config, recovery_point, epochs, producers, on_progress)
    if end_offset < recovery_point:
        active = segments.active
        reason = f"ends at offset {end_offset}, but records up to {recovery_point} were flushed"
        raise DamagedLog(active.path, active.size_bytes, reason)
    if end_offset < log_start_offset:
        # What the deleted records did to epochs and producers is lost with them.
        segments.start_at(log_start_offset, config)
        end_offset = log_start_offset
        epochs.clear()
        producers.clear()
        snapshots.keep(())
    log_start_offset = max(log_start_offset, segments.base_offset)
    epochs.truncate_from_start(log_start_offset)
    return OpenedLog(segments, epochs, producers, snapshots, log_start_offset, end_offset)


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


def _adopt(segments: SegmentList, recovery_point: int, clean: bool) -> int:
    """Take over the segments; return up to which offset they are trusted: all if ``clean``."""
    trusted_end = _suspects(segments, recovery_point)[0].base_offset
    for segment in segments:
        if not clean or segment is not segments.active:
            segment.adopt(is_synced=segment.base_offset < trusted_end)
    return segments.active.adopt_active() if clean else trusted_end


def _check(
    segments: SegmentList,
    config: LogConfig,
    recovery_point: int,
    epochs: EpochCache,
    producers: ProducerStates,
    on_progress: OnProgress,
) -> int:
    """Check from the recovery point on, cut at the first bad batch; return where the log ends.

    ``epochs`` and ``producers``, which know the batches before, learn of each good one.
    """
    suspects = _suspects(segments, recovery_point)
    total_bytes = sum(segment.size_bytes for segment in suspects)
    checked_bytes = 0
    end_offset = suspects[0].base_offset
    for rank, segment in enumerate(suspects):
        try:
            _check_continuity(segment, end_offset, config)
            for header in _rebuild(segment, end_offset, epochs.latest):
                end_offset = header.last_offset + 1
                if header.leader_epoch > epochs.latest:
                    epochs.assign(header.leader_epoch, header.base_offset)
                producers.replay(header)
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


def _rebuild(segment: Segment, end_offset: int, leader_epoch: int) -> Iterator[BatchHeader]:
    """Check every batch of a segment, and account for it and index it anew."""
    segment.activate()
    segment.forget_batches()
    for batch in checked_batches(segment.open_file(), end_offset, leader_epoch):
        header = batch.header
        segment.append(header.last_offset, batch.end - batch.position, header.max_timestamp)
        yield header


def checked_batches(file: File, offset: int, leader_epoch: int) -> Iterator[WalkedBatch]:
    """Yield the batches of a file whose CRCs fit, and which go on from an offset and an epoch.

    Records of an older leader never follow those of a newer one: they were taken back, and a
    power loss brought their file back.

    Raises:
        DamagedLog: at the first that is cut off, or is none.
    """
    file_bytes = file.size()
    chunk = memoryview(b"")
    start = position = 0
    while position < file_bytes:
        at = position - start
        if at + HEADER_BYTES > len(chunk):
            start, at, chunk = position, 0, memoryview(file.pread(CHUNK_BYTES, position))
        if len(chunk) - at < HEADER_BYTES:
            raise DamagedLog(file.path, position, "a batch is cut off")
        header = parse_header(chunk, at)
        size_bytes = header.length + LENGTH_OVERHEAD_BYTES
        end = position + size_bytes
        if header.magic != MAGIC or size_bytes < HEADER_BYTES or end > file_bytes:
            reason = f"no whole batch: magic {header.magic}, length {header.length}"
            raise DamagedLog(file.path, position, reason)
        if at + size_bytes > len(chunk):
            length = max(CHUNK_BYTES, size_bytes)
            start, at, chunk = position, 0, memoryview(file.pread(length, position))
        if crc32c(chunk[at + CRC_START : at + size_bytes]) != header.crc:
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
    disk: Disk, folder: str, segments: SegmentList, log_start_offset: int, end_offset: int
) -> EpochCache:
    """Read the epoch checkpoint; what it lacks below ``end_offset`` comes from the batches."""
    try:
        epochs = EpochCache.decode(disk.read(f"{folder}/{FILE_NAME}"))
    except (FileNotFoundError, DamagedCheckpoint):
        epochs = EpochCache()
    epochs.truncate_from_end(end_offset)
    first_offset = max(log_start_offset, segments.base_offset)
    if epochs.entries and epochs.entries[0].start_offset > first_offset:
        epochs.clear()  # the file is of a time when the log started later
    if end_offset > segments.base_offset:
        last = next(segments.batches_from(end_offset - 1, end_offset), None)
        if last is not None and last.header.leader_epoch != epochs.latest:
            # What the file does not know yet began in the last epoch that it knows.
            known = epochs.entries[-1].start_offset if epochs.entries else segments.base_offset
            for batch in segments.batches_from(known, end_offset):
                if batch.header.leader_epoch > epochs.latest:
                    epochs.assign(batch.header.leader_epoch, batch.header.base_offset)
    return epochs

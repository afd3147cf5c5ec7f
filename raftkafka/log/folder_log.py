"""Opens and closes the log in a partition's folder, and reports one that is damaged."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

import structlog

from raftkafka.disk import Disk
from raftkafka.errors import KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_dir import PartitionFolder
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.segment import DamagedLog

DAMAGE_ADVICE = (
    "records that were flushed are missing or changed; restore the folder from a copy, or remove "
    "it to give them up (a partition with other replicas is then copied from them)"
)

log = structlog.get_logger()


def open_log(
    disk: Disk,
    folder: PartitionFolder,
    config: LogConfig,
    on_progress: Callable[[int, int], None] | None = None,
) -> PartitionLog:
    """Open the log in a folder as its directory's checkpoints describe it.

    Blocking for a folder that is not trusted, else as quick as reading a few blocks.

    Raises:
        DamagedLog: records that were flushed are not there.
        OSError: the disk refused.
    """
    directory = folder.directory
    partition_log = PartitionLog.open(
        disk,
        folder.path,
        folder.partition,
        config,
        recovery_point=directory.recovery_points.get(folder.partition, 0),
        log_start_offset=directory.log_starts.get(folder.partition, 0),
        clean=folder.is_trusted,
        on_progress=on_progress,
        topic_id=folder.topic_id,
    )
    partition_log.on_damage = partial(report_damaged_segment, folder)
    if folder.is_settled and folder.is_placed:
        # Its names are durable since it was closed: an idle log needs no flush.
        partition_log.segments.names_changed = False
    return partition_log


def release_log(folder: PartitionFolder, partition_log: PartitionLog) -> None:
    """Let go of a log that was checked, so that it can be trusted from now on. Blocking.

    Raises:
        OSError: the disk refused.
    """
    with _os_errors():
        partition_log.release()
    folder.is_trusted = True


def close_log(folder: PartitionFolder, partition_log: PartitionLog) -> None:
    """Make a log and its place durable, and let go of it. Blocking.

    Raises:
        OSError: the disk refused.
    """
    # A failure is the caller's to report: this is another thread.
    partition_log.on_failure = partition_log.on_write = None
    if not folder.is_placed:
        folder.directory.sync_place(folder)
    with _os_errors():
        partition_log.close()
    folder.is_trusted = folder.is_settled = folder.is_placed = True
    folder.directory.note_recovery_point(folder, partition_log)
    folder.directory.note_log_start(folder, partition_log)


@contextmanager
def _os_errors() -> Generator[None]:
    """Raise what the disk raised, and not what clients are told of it."""
    try:
        yield
    except KafkaError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise


def report_damage(folder: PartitionFolder, damage: DamagedLog) -> None:
    """Take a partition out of service, and say where and what to do."""
    folder.damage = damage
    _report("partition_damaged", folder, damage)


def report_damaged_segment(folder: PartitionFolder, damage: DamagedLog) -> None:
    """Say which segment of a partition in service is damaged, and what to do; once for each."""
    if damage.path not in folder.damaged_files:
        folder.damaged_files.add(damage.path)
        _report("segment_damaged", folder, damage)


def _report(event: str, folder: PartitionFolder, damage: DamagedLog) -> None:
    log.error(
        event,
        partition=str(folder.partition),
        file=damage.path,
        position=damage.position,
        reason=str(damage),
        advice=DAMAGE_ADVICE,
    )

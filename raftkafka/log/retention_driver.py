"""Deletes what is old or too much, and forgets silent producers, one partition after the other.

A log that nobody has opened is looked into once; from then on it is known until when nothing of it
can be due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog
import trio

from raftkafka.errors import KafkaError
from raftkafka.log.log_config import UNLIMITED, LogConfig
from raftkafka.log.log_dir import LogDir, PartitionFolder
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.slices_driver import Slices
from raftkafka.records import NO_TIMESTAMP
from raftkafka.types import TopicPartition

log = structlog.get_logger()


class LogOwner(Protocol):
    """Who has the logs."""

    @property
    def folders(self) -> Iterable[PartitionFolder]:
        """Every partition's folder."""
        ...

    def peek(self, folder: PartitionFolder, config: LogConfig) -> PartitionLog:
        """Open a log without keeping it.

        Raises:
            KafkaError: it cannot be used.
        """
        ...

    def keep(self, folder: PartitionFolder, partition_log: PartitionLog) -> None:
        """Keep a log that was peeked at: it was changed."""
        ...

    def flush(self, folder: PartitionFolder) -> None:
        """Make the folder's log, and the names in it, durable soon."""
        ...

    def remove_later(self, directory: LogDir, path: str, delay_s: float) -> None:
        """Remove a file after ``file.delete.delay.ms``."""
        ...


class Retention:
    """The checks at ``log.retention.check.interval.ms`` and for silent producers."""

    def __init__(
        self,
        owner: LogOwner,
        log_config: Callable[[str], LogConfig],
        high_watermarks: Callable[[], Mapping[TopicPartition, int]],
        wall_ms: Callable[[], int],
    ) -> None:
        self._owner = owner
        self._log_config = log_config
        self._high_watermarks = high_watermarks
        self._wall_ms = wall_ms

    async def run(self, settings: LogDirSettings) -> None:
        """Check until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._delete_old, settings.retention_check_ms / 1000)
            nursery.start_soon(self._expire_producers, settings.producer_expiry_check_ms / 1000)

    async def _expire_producers(self, interval_s: float) -> None:
        while True:
            await trio.sleep(interval_s)
            slices = Slices()
            for folder in tuple(self._owner.folders):
                if folder.log is not None:
                    folder.log.expire_producers(self._wall_ms())
                    await slices.pause()

    async def _delete_old(self, interval_s: float) -> None:
        while True:
            await trio.sleep(interval_s)
            high_watermarks = self._high_watermarks()
            configs: dict[str, LogConfig] = {}
            slices = Slices()
            for folder in tuple(self._owner.folders):
                await slices.pause()
                partition = folder.partition
                if partition.topic not in configs:
                    configs[partition.topic] = self._log_config(partition.topic)
                try:
                    self._check(folder, configs[partition.topic], high_watermarks.get(partition))
                except KafkaError as error:
                    # reported where it was found; the log is out of service
                    log.debug("retention_failed", partition=str(partition), reason=str(error))

    def _check(
        self, folder: PartitionFolder, config: LogConfig, high_watermark: int | None
    ) -> None:
        if folder.is_deleted or folder.damage is not None or folder.directory.failure is not None:
            return
        if folder.log is not None:
            self._delete_old_segments(folder, folder.log, high_watermark)
            return
        now_ms = self._wall_ms()
        if folder.quiet_config == config and now_ms < folder.quiet_until_ms:
            return
        peeked = self._owner.peek(folder, config)
        if not self._delete_old_segments(folder, peeked, high_watermark):
            folder.quiet_config = config
            folder.quiet_until_ms = first_due_ms(peeked, config)

    def _delete_old_segments(
        self, folder: PartitionFolder, partition_log: PartitionLog, high_watermark: int | None
    ) -> bool:
        """Delete, and return whether there was something."""
        if high_watermark is None:
            high_watermark = folder.directory.high_watermarks.get(folder.partition, 0)
        count = partition_log.retention(self._wall_ms(), high_watermark)
        if count:
            log.info(
                "segments_deleted",
                partition=str(folder.partition),
                segments=count,
                log_start_offset=partition_log.log_start_offset,
            )
            self._owner.keep(folder, partition_log)
            # A power loss must not bring the old names back without the new ones.
            self._owner.flush(folder)
        files, partition_log.segments.deleted_files = partition_log.segments.deleted_files, []
        for path in files:
            delay_s = partition_log.config.file_delete_delay_ms / 1000
            self._owner.remove_later(folder.directory, path, delay_s)
        return bool(count)


def first_due_ms(partition_log: PartitionLog, config: LogConfig) -> int:
    """Return when a log that takes no appends may have something to delete, in wall-clock time."""
    if "delete" not in config.cleanup_policy or config.retention_ms < 0:
        return UNLIMITED
    if not partition_log.size_bytes:
        return UNLIMITED
    oldest = partition_log.segments[0]
    if oldest.max_timestamp == NO_TIMESTAMP:
        return 0
    return oldest.max_timestamp + config.retention_ms

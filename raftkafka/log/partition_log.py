"""The log of one partition, from its opening to its close.

Source: Kafka ``UnifiedLog``, ``LocalLog``.
"""

from __future__ import annotations

from raftkafka.disk import Disk
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.append_log import SNAPSHOT_INTERVAL_BYTES, AppendInfo, AppendLog
from raftkafka.log.epoch_cache import FILE_NAME
from raftkafka.log.flush import Flush
from raftkafka.log.log_config import LogConfig
from raftkafka.log.lookup import RecordScan, scan_for_max_timestamp, scan_for_timestamp
from raftkafka.log.recovery import OnProgress, OpenedLog, open_log
from raftkafka.log.retention import count_expired
from raftkafka.log.segment import DamagedLog
from raftkafka.log.snapshots import restore_producers
from raftkafka.types import ZERO_ID, TopicId, TopicPartition

__all__ = ["AppendInfo", "PartitionLog"]


class PartitionLog(AppendLog):
    """What else a log's owner does with it: flush, look up, truncate, delete.

    ``flushed_offset`` (the recovery point) is after what is durable.
    """

    __slots__ = ("__weakref__", "_has_unsynced_cut", "flushed_offset", "topic_id", "truncations")

    def __init__(
        self,
        disk: Disk,
        folder: str,
        topic_partition: TopicPartition,
        config: LogConfig,
        opened: OpenedLog,
        *,
        recovery_point: int,
        topic_id: TopicId = ZERO_ID,
    ) -> None:
        super().__init__(disk, folder, topic_partition, config, opened)
        self.topic_id = topic_id
        self.flushed_offset = max(recovery_point, opened.segments.base_offset)
        self.truncations = 0
        """How often records were taken back; a flush that began before says nothing any more."""
        self._has_unsynced_cut = False

    @classmethod
    def open(
        cls,
        disk: Disk,
        folder: str,
        topic_partition: TopicPartition,
        config: LogConfig,
        *,
        recovery_point: int = 0,
        log_start_offset: int = 0,
        clean: bool = True,
        on_progress: OnProgress | None = None,
        topic_id: TopicId = ZERO_ID,
    ) -> PartitionLog:
        """Open the log in ``folder``, which exists. Blocking: inside ``Disk.run``.

        Args and errors: see ``recovery.open_log``.
        """
        opened = open_log(
            disk,
            folder,
            config,
            recovery_point=recovery_point,
            log_start_offset=log_start_offset,
            clean=clean,
            on_progress=on_progress or (lambda checked_bytes, total_bytes: None),
        )
        return cls(
            disk,
            folder,
            topic_partition,
            config,
            opened,
            recovery_point=recovery_point,
            topic_id=topic_id,
        )

    @property
    def size_bytes(self) -> int:
        """All segments together."""
        return self.segments.size_bytes

    # ------------------------------------------------------------------ flush

    def begin_flush(self) -> Flush | None:
        """Return what to sync so that all that is written is durable; None if it is already.

        ``Flush.sync`` runs inside ``Disk.run``; then, unless the flush is stale, ``mark_flushed``
        takes its ``end_offset``. An OSError of it goes to ``fail``.
        """
        names_changed, self.segments.names_changed = self.segments.names_changed, False
        has_cut, self._has_unsynced_cut = self._has_unsynced_cut, False
        if self.flushed_offset >= self.written_end_offset and not names_changed and not has_cut:
            return None
        return Flush(
            self,
            self._disk,
            self.folder if names_changed else None,
            self.segments.unsynced(),
            self.written_end_offset,
        )

    def mark_flushed(self, offset: int) -> None:
        """Note that all below ``offset`` is durable."""
        assert offset <= self.written_end_offset
        self.flushed_offset = max(self.flushed_offset, offset)

    def flush_indexes(self) -> None:
        """Write what a restart would else have to make again; about once a second, and cheap.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        self.write()
        try:
            self.segments.active.flush_indexes()
            if self.size_bytes - self._snapshot_bytes >= SNAPSHOT_INTERVAL_BYTES:
                self._snapshot()
        except OSError as error:
            self._fail(error)

    def save_epochs(self) -> None:
        """Write the leader epochs, durably. Blocking: inside ``Disk.run``.

        Raises:
            OSError: as the disk raises it; they count as changed again.
        """
        self.epochs.changed = False
        try:
            self._disk.replace(f"{self.folder}/{FILE_NAME}", self.epochs.encode())
        except OSError:
            self.epochs.changed = True
            raise

    def release(self) -> None:
        """Write what would take the next opening long to make again, and let go of the file.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        self.flush_indexes()
        try:
            self._snapshot()
            self.segments.active.finish()
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Write and sync everything, so that the next opening has nothing to do. Blocking.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        self.release()
        try:
            if self.epochs.changed:
                self.save_epochs()
            flush = self.begin_flush()
            if flush is not None:
                flush.sync()
                self.mark_flushed(flush.end_offset)
        except OSError as error:
            self._fail(error)

    # ------------------------------------------------------------------ look up

    def scan_for_timestamp(self, timestamp: int, start_offset: int) -> RecordScan | None:
        """Return the look through the next batch that may hold the first record as new as that.

        Raises:
            KafkaError: CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR.
        """
        self.write()
        try:
            return scan_for_timestamp(self.segments, timestamp, start_offset)
        except (OSError, DamagedLog) as error:
            self.refuse_read(error)

    def scan_for_max_timestamp(self) -> RecordScan | None:
        """Return the look for the record with the largest timestamp.

        Raises:
            KafkaError: CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR.
        """
        self.write()
        try:
            return scan_for_max_timestamp(self.segments)
        except (OSError, DamagedLog) as error:
            self.refuse_read(error)

    # ------------------------------------------------------------------ truncate and delete

    def truncate_to(self, offset: int) -> None:
        """Take back the records from ``offset`` on, and the batch around it.

        The stored recovery point must be at most ``offset`` before: it promises that what is
        below it stays.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        assert not self.is_being_written, "a thread would write beyond the cut"
        self.write()
        self.epochs.truncate_from_end(offset)
        if offset >= self.log_end_offset:
            return
        if offset <= self.segments.base_offset:
            self.truncate_fully_and_start_at(offset)
            return
        try:
            segment, position = self.segments.locate(offset)
            end_offset = self.segments.truncate(segment, position)
            self._take_back(end_offset)
            restore_producers(self.producers, self._snapshots, self.segments, end_offset)
        except OSError as error:
            self._fail(error)
        self.log_start_offset = min(self.log_start_offset, end_offset)

    def truncate_fully_and_start_at(self, offset: int) -> None:
        """Drop everything; the log is empty and continues at ``offset``.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        assert not self.is_being_written, "a thread would write beyond the cut"
        self.write()
        try:
            self.segments.start_at(offset, self.config)
            self._snapshots.keep(())
        except OSError as error:
            self._fail(error)
        self._take_back(offset)
        self.log_start_offset = offset
        self.epochs.clear()
        self.producers.clear()

    def _take_back(self, end_offset: int) -> None:
        """Let the log end at ``end_offset``, wherever it did before."""
        self.truncations += 1
        self._has_unsynced_cut = True
        self.log_end_offset = self.written_end_offset = end_offset
        self.flushed_offset = min(self.flushed_offset, end_offset)
        self._snapshot_bytes = self.size_bytes
        self._ends.clear()

    def delete_records_before(self, offset: int) -> None:
        """Let the log start at ``offset`` if it starts before; segments go with ``retention``.

        Raises:
            KafkaError: OFFSET_OUT_OF_RANGE after the log end.
        """
        if offset > self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"Cannot delete records up to {offset}: the log ends at {self.log_end_offset}",
            )
        if offset > self.log_start_offset:
            self.log_start_offset = offset
            self.epochs.truncate_from_start(offset)

    def retention(self, now_ms: int, high_watermark: int) -> int:
        """Drop the oldest segments that are too many, too old, or below the log start.

        Their files are renamed, and listed in ``segments.deleted_files``.

        Returns:
            How many were dropped.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        self.write()
        try:
            count = count_expired(
                self.segments,
                self.config,
                log_start_offset=self.log_start_offset,
                log_end_offset=self.log_end_offset,
                high_watermark=high_watermark,
                now_ms=now_ms,
            )
            if count:
                if count == len(self.segments):
                    self.roll()
                self.segments.drop_oldest(count)
                self.delete_records_before(self.segments.base_offset)
                self._snapshots.remove_before(self.segments.base_offset)
        except OSError as error:
            self._fail(error)
        return count

    def expire_producers(self, now_ms: int) -> None:
        """Forget producers that were silent for ``producer.id.expiration.ms``."""
        self.producers.expire(now_ms, self.config.producer_id_expiration_ms)

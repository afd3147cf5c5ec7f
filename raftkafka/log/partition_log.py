"""The log of one partition: append, read, look up, truncate, delete.

Mutable, because Produce and Fetch go through it; all I/O goes through the injected ``Disk``. Appended
batches wait in a queue until ``write``, which the caller calls before anyone is answered, and views
given to an append must stay valid until then. After a failed write, or any failed disk call here,
the log is failed for good: what the file holds is unknown (KAFKA-10778).

Source: Kafka ``UnifiedLog``, ``LocalLog``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple, NoReturn

from raftkafka.disk import Disk
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.append import check_produced
from raftkafka.log.epoch_cache import EpochCache
from raftkafka.log.log_config import LogConfig
from raftkafka.log.producer_state import ProducedBatch, ProducerStates
from raftkafka.log.segment import LogSlice, Segment
from raftkafka.records import (
    has_valid_crc,
    iterate_batches,
    pack_stamp,
    stamp_log_append_time,
)
from raftkafka.types import ZERO_ID, Buffer, TopicId, TopicPartition

NO_TIME = -1
ENDS_KEPT = 64
"""Readers whose place is remembered."""

_base_offset = attrgetter("base_offset")


class AppendInfo(NamedTuple):
    """What a producer is told. ``log_append_time_ms`` is -1 if the records keep their own times."""

    first_offset: int
    last_offset: int
    log_append_time_ms: int
    log_start_offset: int
    is_duplicate: bool = False


class PartitionLog:
    """Segments, leader epochs and producers of one partition on one disk.

    Offsets count records. ``log_end_offset`` is after what is appended, ``written_end_offset``
    after what the file has, ``flushed_offset`` (the recovery point) after what is durable.
    """

    __slots__ = (
        "_disk",
        "_ends",
        "_queue",
        "active",
        "config",
        "epochs",
        "failure",
        "flushed_offset",
        "folder",
        "log_end_offset",
        "log_start_offset",
        "on_failure",
        "producers",
        "segments",
        "topic_id",
        "topic_partition",
        "written_end_offset",
    )

    def __init__(
        self,
        disk: Disk,
        folder: str,
        topic_partition: TopicPartition,
        config: LogConfig,
        *,
        segments: list[Segment],
        epochs: EpochCache,
        producers: ProducerStates,
        log_start_offset: int,
        log_end_offset: int,
        flushed_offset: int,
        topic_id: TopicId = ZERO_ID,
    ) -> None:
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.folder = folder
        self.config = config
        self.segments = segments
        self.active = segments[-1]
        self.epochs = epochs
        self.producers = producers
        self.log_start_offset = log_start_offset
        self.log_end_offset = self.written_end_offset = log_end_offset
        self.flushed_offset = flushed_offset
        self.failure: OSError | None = None
        self.on_failure: Callable[[PartitionLog, OSError], None] | None = None
        """Called once, when a disk call fails."""
        self._disk = disk
        self._queue: list[Buffer] = []
        self._ends: dict[int, tuple[Segment, int]] = {}
        """Where recent reads stopped, by offset: tail readers go on there without a look-up."""

    @classmethod
    def open(
        cls,
        disk: Disk,
        folder: str,
        topic_partition: TopicPartition,
        config: LogConfig,
        *,
        topic_id: TopicId = ZERO_ID,
    ) -> PartitionLog:
        """Open the log in ``folder``, which exists."""
        segment = Segment(disk, folder, 0)
        segment.activate()
        return cls(
            disk,
            folder,
            topic_partition,
            config,
            segments=[segment],
            epochs=EpochCache(),
            producers=ProducerStates(),
            log_start_offset=0,
            log_end_offset=0,
            flushed_offset=0,
            topic_id=topic_id,
        )

    @property
    def size_bytes(self) -> int:
        """All segments together."""
        return sum(segment.size_bytes for segment in self.segments)

    # ------------------------------------------------------------------ append

    def append_as_leader(self, batches: memoryview, leader_epoch: int, now_ms: int) -> AppendInfo:
        """Check a client's batch, give it offsets in place and queue it.

        Args:
            batches: exactly one batch; writable, and valid until ``write``.
            leader_epoch: the epoch under which this replica leads.
            now_ms: the broker's clock.

        Returns:
            Its offsets; those of the first time if the batch repeats one of the producer's last
            five, and then nothing is appended.

        Raises:
            KafkaError: as ``check_produced`` and ``ProducerStates.check``; KAFKA_STORAGE_ERROR.
        """
        if self.failure is not None:
            self._refuse()
        config = self.config
        (
            _,
            length,
            _,
            _,
            _,
            attributes,
            last_offset_delta,
            _,
            max_timestamp,
            producer_id,
            producer_epoch,
            base_sequence,
            _,
        ) = check_produced(batches, config, now_ms)
        append_time_ms = now_ms if config.uses_log_append_time else NO_TIME
        if producer_id >= 0:
            before = self.producers.check(
                producer_id, producer_epoch, base_sequence, last_offset_delta
            )
            if before is not None:
                return self._duplicate(before)
        if append_time_ms >= 0:
            stamp_log_append_time(batches, now_ms)
            max_timestamp = now_ms
        first_offset = self.log_end_offset
        last_offset = first_offset + last_offset_delta
        pack_stamp(batches, 0, first_offset, length, leader_epoch)
        self._append(batches, last_offset, max_timestamp)
        if leader_epoch != self.epochs.latest:
            self.epochs.assign(leader_epoch, first_offset)
        if producer_id >= 0:
            self.producers.update(
                producer_id,
                producer_epoch,
                base_sequence,
                last_offset_delta,
                last_offset,
                now_ms,
                attributes,
            )
        return AppendInfo(first_offset, last_offset, append_time_ms, self.log_start_offset)

    def _duplicate(self, before: ProducedBatch) -> AppendInfo:
        append_time_ms = before.timestamp_ms if self.config.uses_log_append_time else NO_TIME
        return AppendInfo(
            before.first_offset, before.last_offset, append_time_ms, self.log_start_offset, True
        )

    def append_as_follower(self, batches: Buffer) -> None:
        """Queue what the leader sent, as it is; it stays valid until ``write``.

        Raises:
            KafkaError: CORRUPT_MESSAGE for a wrong CRC, or offsets that do not continue this log:
                the batches before it are queued; KAFKA_STORAGE_ERROR.
        """
        if self.failure is not None:
            self._refuse()
        for header, batch in iterate_batches(batches):
            if header.base_offset < self.log_end_offset or not has_valid_crc(batch):
                raise KafkaError(
                    ErrorCode.CORRUPT_MESSAGE,
                    f"{self.topic_partition}: a batch at offset {header.base_offset} where"
                    f" {self.log_end_offset} follows, or its CRC is wrong",
                )
            self._append(batch, header.last_offset, header.max_timestamp)
            if header.leader_epoch != self.epochs.latest:
                self.epochs.assign(header.leader_epoch, header.base_offset)
            if header.producer_id >= 0:
                self.producers.update(
                    header.producer_id,
                    header.producer_epoch,
                    header.base_sequence,
                    header.last_offset_delta,
                    header.last_offset,
                    header.max_timestamp,
                    header.attributes,
                )

    def _append(self, batch: Buffer, last_offset: int, max_timestamp: int) -> None:
        """Queue a batch with its offsets, in a new segment if it is time for one."""
        size_bytes = len(batch)
        config = self.config
        segment = self.active
        if segment.must_roll(
            size_bytes,
            last_offset,
            max_timestamp,
            config.segment_bytes,
            config.segment_ms,
            config.segment_index_bytes,
        ):
            self.roll()
            segment = self.active
        segment.append(last_offset, size_bytes, max_timestamp, config.index_interval_bytes)
        self._queue.append(batch)
        self.log_end_offset = last_offset + 1

    def roll(self) -> None:
        """Begin a new segment at the log end.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        self.write()
        try:
            self.active.finish()
            self.active = Segment(self._disk, self.folder, self.log_end_offset)
            self.active.activate()
        except OSError as error:
            self._fail(error)
        self.segments.append(self.active)

    # ------------------------------------------------------------------ write

    @property
    def has_unwritten(self) -> bool:
        """Whether ``write`` has something to do."""
        return bool(self._queue)

    def write(self) -> None:
        """Write what is queued to the file's end, by one call.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR: the log is failed now, or was before.
        """
        if self.failure is not None:
            self._refuse()
        queue = self._queue
        if not queue:
            return
        segment = self.active
        try:
            segment.open_file().pwrite(queue, segment.written_bytes)
        except OSError as error:
            self._fail(error)
        self._queue = []
        segment.written_bytes = segment.size_bytes
        self.written_end_offset = self.log_end_offset

    def _fail(self, error: OSError) -> NoReturn:
        self.failure = error
        if self.on_failure is not None:
            self.on_failure(self, error)
        raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.folder}: {error}") from error

    def _refuse(self) -> NoReturn:
        raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.folder}: {self.failure}")

    # ------------------------------------------------------------------ read

    def read(
        self, offset: int, max_bytes: int, upper_bound_offset: int, min_one_batch: bool
    ) -> LogSlice | None:
        """Return whole batches from the one that holds ``offset`` on, out of one segment.

        Args:
            offset: of the first record that is wanted.
            max_bytes: how much at most.
            upper_bound_offset: no batch with this or a later offset is returned, nor any that is
                not written yet.
            min_one_batch: return the first batch even if it is larger (KIP-74).

        Returns:
            None if there is nothing to read yet, or the first batch is too large.

        Raises:
            KafkaError: OFFSET_OUT_OF_RANGE outside the log; KAFKA_STORAGE_ERROR.
        """
        if self.failure is not None:
            self._refuse()
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{offset} is not within {self.log_start_offset} to {self.log_end_offset}",
            )
        upper = min(upper_bound_offset, self.written_end_offset)
        if offset >= upper:
            return None
        try:
            segment, position = self._locate(offset)
            end = self._end_in(segment, upper)
            if end - position > max_bytes:
                end, upper = segment.cut_at_batch(position, position + max_bytes, end)
                if end - position > max_bytes and not min_one_batch:
                    return None
            if end <= position:
                return None
            self._remember(upper, segment, end)
            return LogSlice(segment, segment.open_file(), position, end - position)
        except OSError as error:
            self._fail(error)

    def _locate(self, offset: int) -> tuple[Segment, int]:
        """Return segment and position of the first batch that ends at or after ``offset``."""
        found = self._ends.get(offset)
        if found is not None and found[1] < found[0].written_bytes:
            return found
        rank = bisect_right(self.segments, offset, key=_base_offset)
        for segment in self.segments[max(rank - 1, 0) :]:
            position = segment.position_of(offset)
            if position < segment.written_bytes:
                return segment, position
        return self.active, self.active.written_bytes

    def _end_in(self, segment: Segment, upper: int) -> int:
        """Return where records below ``upper`` end in a segment that holds some of them."""
        if upper >= self.written_end_offset or (
            segment is not self.active and upper >= self.active.base_offset
        ):
            return segment.written_bytes
        bound, position = self._locate(upper)
        return position if bound is segment else segment.written_bytes

    def _remember(self, offset: int, segment: Segment, position: int) -> None:
        ends = self._ends
        if offset not in ends and len(ends) >= ENDS_KEPT:
            del ends[next(iter(ends))]
        ends[offset] = (segment, position)

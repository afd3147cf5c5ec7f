"""What Produce and Fetch do with a partition's log: append, write, read.

Mutable and quick; all I/O goes through the injected ``Disk``. Appended batches wait in a queue
until ``write``, which the caller calls before anyone is answered, and views given to an append must
stay valid until then. After a failed disk call the log is failed for good: what the file holds is
unknown (KAFKA-10778).

Source: Kafka ``UnifiedLog.append``, ``LocalLog.read``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, NoReturn

from raftkafka.disk import Disk, File
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.append import check_produced
from raftkafka.log.log_config import LogConfig
from raftkafka.log.pace import Pace
from raftkafka.log.producer_state import ProducedBatch
from raftkafka.log.recovery import OpenedLog
from raftkafka.log.segment import RELATIVE_OFFSET_MAX, WALK_BYTES, DamagedLog, LogSlice, Segment
from raftkafka.records import has_valid_crc, iterate_batches, pack_stamp, stamp_log_append_time
from raftkafka.types import Buffer, TopicPartition

NO_TIME = -1
ENDS_KEPT = 64
"""Readers whose place is remembered."""
SNAPSHOT_INTERVAL_BYTES = 64 * 1024 * 1024
"""After so much was appended, the producers are stored again: what a restart reads is bounded."""


class AppendInfo(NamedTuple):
    """What a producer is told. ``log_append_time_ms`` is -1 if the records keep their own times."""

    first_offset: int
    last_offset: int
    log_append_time_ms: int
    log_start_offset: int
    is_duplicate: bool = False


class PendingWrite(NamedTuple):
    """Part of a log that a thread writes: ``run`` blocks, for as long as the disk takes."""

    file: File
    position: int
    content: Sequence[Buffer]
    segment: Segment
    end: int
    end_offset: int

    def run(self) -> None:
        """Write it.

        Raises:
            OSError: what the file holds is unknown.
        """
        self.file.pwrite(self.content, self.position)


def write_each(writes: Iterable[PendingWrite]) -> list[OSError | None]:
    """Write one after the other; return what went wrong with each."""
    failures: list[OSError | None] = []
    for write in writes:
        failure = None
        try:
            write.run()
        except OSError as error:
            failure = error
        failures.append(failure)
    return failures


class AppendLog:
    """Segments, leader epochs and producers of one partition, as far as records come and go.

    Offsets count records. ``log_end_offset`` is after what is appended, ``written_end_offset``
    after what the file has.
    """

    __slots__ = (
        "_disk",
        "_ends",
        "_pending",
        "_queue",
        "_snapshot_bytes",
        "_snapshots",
        "config",
        "epochs",
        "failure",
        "folder",
        "is_being_written",
        "log_end_offset",
        "log_start_offset",
        "on_damage",
        "on_failure",
        "on_write",
        "pace",
        "producers",
        "segments",
        "topic_partition",
        "written_end_offset",
    )

    def __init__(
        self,
        disk: Disk,
        folder: str,
        topic_partition: TopicPartition,
        config: LogConfig,
        opened: OpenedLog,
    ) -> None:
        self.topic_partition = topic_partition
        self.folder = folder
        self.config = config
        self.segments = opened.segments
        self.epochs = opened.epochs
        self.producers = opened.producers
        self.log_start_offset = opened.log_start_offset
        self.log_end_offset = self.written_end_offset = opened.log_end_offset
        self.failure: OSError | None = None
        self.on_failure: Callable[[AppendLog, OSError], None] | None = None
        """Called once, when a disk call fails."""
        self.on_damage: Callable[[DamagedLog], None] | None = None
        """Called whenever a reader comes upon something else than batches."""
        self.on_write: Callable[[AppendLog], None] | None = None
        """Called after the next write, and then forgotten: who wants more of them sets it again."""
        self.pace = Pace()
        """Its directory's, once that looks after it."""
        self._disk = disk
        self._snapshots = opened.snapshots
        self._snapshot_bytes = opened.segments.size_bytes
        self._queue: list[Buffer] = []
        self.is_being_written = False
        """Whether a thread writes to its file just now."""
        self._pending: PendingWrite | None = None
        """What a thread is writing. The queue comes after it."""
        self._ends: dict[int, tuple[Segment, int]] = {}
        """Where recent reads stopped, by offset: tail readers go on there without a look-up."""

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
            if header.leader_epoch > self.epochs.latest:
                self.epochs.assign(header.leader_epoch, header.base_offset)
            self.producers.replay(header)

    def _append(self, batch: Buffer, last_offset: int, max_timestamp: int) -> None:
        """Queue a batch with its offsets, in a new segment if it is time for one."""
        size_bytes = len(batch)
        segment = self.segments.active
        if segment.must_roll(size_bytes, last_offset, max_timestamp, self.config):
            self._roll(max(self.log_end_offset, last_offset - RELATIVE_OFFSET_MAX))
            segment = self.segments.active
        segment.append(last_offset, size_bytes, max_timestamp)
        self._queue.append(batch)
        self.log_end_offset = last_offset + 1

    # ------------------------------------------------------------------ write

    @property
    def has_unwritten(self) -> bool:
        """Whether ``write`` has something to do."""
        return bool(self._queue) or self._pending is not None

    @property
    def unwritten_bytes(self) -> int:
        """How much is appended, and not in the file."""
        segment = self.segments.active
        return segment.size_bytes - segment.written_bytes

    def write(self) -> None:
        """Write what is queued to the file's end, by one call.

        What a thread is writing just now is written too: the same bytes at the same place.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR: the log is failed now, or was before.
        """
        if self.failure is not None:
            self._refuse()
        queue = self._queue
        if self._pending is not None:
            queue = [*self._pending.content, *queue]
            self._pending = None
        if not queue:
            return
        segment = self.segments.active
        try:
            segment.open_file().pwrite(queue, segment.written_bytes)
        except OSError as error:
            self._fail(error)
        self._queue = []
        self._written(segment, segment.size_bytes, self.log_end_offset)

    def keep_queue(self) -> None:
        """Copy the queued views, which end with the turn, for a write after that."""
        if self._queue:
            self._queue = [b"".join(self._queue)]

    def begin_write(self) -> PendingWrite | None:
        """Return what is queued, for a thread to write; None if there is nothing to do.

        ``finish_write`` follows, within the turn unless ``keep_queue`` was called. One at a time,
        and no truncation meanwhile.
        """
        assert not self.is_being_written
        if not self._queue or self.failure is not None:
            return None
        segment = self.segments.active
        try:
            file = segment.open_file()
        except OSError as error:
            self.fail(error)
            return None
        content, self._queue = self._queue, []
        self._pending = PendingWrite(
            file,
            segment.written_bytes,
            content,
            segment,
            segment.size_bytes,
            self.log_end_offset,
        )
        self.is_being_written = True
        return self._pending

    def finish_write(self, pending: PendingWrite, error: OSError | None) -> None:
        """Note that a thread has written it, unless ``write`` was faster, or could not."""
        self.is_being_written = False
        if error is not None:
            self.fail(error)
        elif pending is self._pending and self.failure is None:
            self._pending = None
            self._written(pending.segment, pending.end, pending.end_offset)

    def _written(self, segment: Segment, end: int, end_offset: int) -> None:
        segment.written_bytes = end
        self.written_end_offset = end_offset
        if self.on_write is not None:
            on_write, self.on_write = self.on_write, None
            on_write(self)

    def roll(self) -> None:
        """Begin a new segment at the log end.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        self._roll(self.log_end_offset)

    def _roll(self, base_offset: int) -> None:
        if base_offset == self.segments.active.base_offset:
            return  # it is empty
        self.write()
        try:
            self._snapshot()
            self.segments.roll(base_offset, self.config)
        except OSError as error:
            self._fail(error)

    def _snapshot(self) -> None:
        """Store the producers; of older snapshots keep those at the starts of segments."""
        if self.log_end_offset == self.segments.base_offset:
            return  # no records, no producers
        newest = self._snapshots.newest
        self._snapshots.write(self.log_end_offset, self.producers)
        bases = {segment.base_offset for segment in self.segments}
        if newest not in bases:
            self._snapshots.keep(bases | {self.log_end_offset})
        self._snapshot_bytes = self.segments.size_bytes

    def fail(self, error: OSError) -> None:
        """Serve nothing from now on: a disk call for this log failed."""
        if self.failure is None:
            self.failure = error
            if self.on_failure is not None:
                self.on_failure(self, error)

    def _fail(self, error: OSError) -> NoReturn:
        self.fail(error)
        raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.folder}: {error}") from error

    def refuse_read(self, error: OSError | DamagedLog) -> NoReturn:
        """Tell the owner, and the reader, that something could not be read.

        A failed disk call ends the log. One segment that is damaged leaves the others readable, as
        in Kafka, whose readers are told CORRUPT_MESSAGE.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR, CORRUPT_MESSAGE.
        """
        if isinstance(error, OSError):
            self._fail(error)
        if self.on_damage is not None:
            self.on_damage(error)
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, str(error)) from error

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
            KafkaError: OFFSET_OUT_OF_RANGE outside the log; CORRUPT_MESSAGE, something else than
                batches is there; KAFKA_STORAGE_ERROR.
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
        except (OSError, DamagedLog) as error:
            self.refuse_read(error)

    def cold_range(self, offset: int, max_bytes: int) -> LogSlice | None:
        """Return what to bring into memory first, lest ``read`` waits for the disk.

        That is so where batches that it looks for, the first and the last one, are not cached.
        None while the log's end is read, and for what ``read`` refuses.
        """
        if self.failure is not None:
            return None
        if not self.log_start_offset <= offset < self.written_end_offset:
            return None
        found = self._ends.get(offset)
        if found is not None and found[0].written_bytes - found[1] <= max_bytes:
            return None  # it goes on from a known place to the end
        try:
            if found is not None:
                segment, position = found
                looked_at = [segment.floor_position(position + max_bytes)]
            else:
                segment = self.segments.from_offset(offset)[0]
                position = segment.floor_position_of(offset)
                looked_at = [position, segment.floor_position(position + max_bytes)]
            file, end = segment.open_file(), segment.written_bytes
            if all(file.is_warm(it, min(WALK_BYTES, end - it)) for it in looked_at):
                return None
            return LogSlice(segment, file, position, min(max_bytes, end - position))
        except DamagedLog:
            return None
        except OSError as error:
            self.fail(error)
            return None

    def _locate(self, offset: int) -> tuple[Segment, int]:
        """Return segment and position of the first batch that ends at or after ``offset``."""
        found = self._ends.get(offset)
        if found is not None and found[1] < found[0].written_bytes:
            return found
        return self.segments.locate(offset)

    def _end_in(self, segment: Segment, upper: int) -> int:
        """Return where records below ``upper`` end in a segment that holds some of them."""
        active = self.segments.active
        if upper >= self.written_end_offset or (
            segment is not active and upper >= active.base_offset
        ):
            return segment.written_bytes
        bound, position = self._locate(upper)
        return position if bound is segment else segment.written_bytes

    def _remember(self, offset: int, segment: Segment, position: int) -> None:
        ends = self._ends
        if offset not in ends and len(ends) >= ENDS_KEPT:
            del ends[next(iter(ends))]
        ends[offset] = (segment, position)

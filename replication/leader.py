"""A partition's leader under one leader epoch: append, high watermark, who waits for it.

Pure: no I/O of its own (the log has a disk), no clock, no randomness. Mutable, because Produce
and Fetch go through it. A new leader epoch makes a new object; ``end`` closes the old one.

Source: Kafka 4.0 ``Partition`` (appendRecordsToLeader, maybeIncrementLeaderHW); KIP-320, KIP-497;
the numbered rules are those of docs/architecture.md, "The rules of a leader".
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from raftkafka.errors import ErrorCode, FencedLeaderEpoch, KafkaError, UnknownLeaderEpoch
from raftkafka.log.log_config import UNLIMITED
from raftkafka.log.partition_log import AppendInfo, PartitionLog
from raftkafka.log.segment import LogSlice
from raftkafka.types import TopicPartition

NO_EPOCH = -1
ACKS_ALL = -1
UP_TO_HIGH_WATERMARK = -1


class AckWaiter(Protocol):
    """A Produce that waits for an offset to be replicated, or flushed."""

    def acknowledged(self, leader: PartitionLeader, error: ErrorCode) -> None:
        """Take the outcome for this partition; called once."""
        ...


class FetchWaiter(Protocol):
    """A Fetch that waits for more data."""

    def advanced(self, leader: PartitionLeader) -> None:
        """Look again: records became readable, or the leader ended."""
        ...


class PartitionLeader:
    """The leader's state. Offsets count records; the high watermark only grows."""

    __slots__ = (
        "acks_waiters",
        "bytes_in",
        "bytes_out",
        "ended",
        "epoch_start_offset",
        "fetch_waiters",
        "flush_waiters",
        "follower_log_ends",
        "high_watermark",
        "isr",
        "leader_epoch",
        "log",
        "node_id",
        "partition_epoch",
        "replicas",
        "topic_partition",
        "visible_end",
    )

    def __init__(
        self,
        node_id: int,
        log: PartitionLog,
        *,
        leader_epoch: int,
        partition_epoch: int,
        replicas: frozenset[int],
        isr: frozenset[int],
        high_watermark: int,
    ) -> None:
        assert node_id in isr
        assert isr <= replicas
        self.node_id = node_id
        self.log = log
        self.topic_partition: TopicPartition = log.topic_partition
        self.leader_epoch = leader_epoch
        self.partition_epoch = partition_epoch
        self.replicas = replicas
        self.isr = isr
        self.epoch_start_offset = log.log_end_offset
        self.follower_log_ends: dict[int, int] = {}
        self.high_watermark = min(max(high_watermark, log.log_start_offset), log.log_end_offset)
        self.visible_end = log.log_start_offset
        """Consumers read below this: the high watermark, or less under flush.before.visible."""
        self.acks_waiters: OrderedDict[AckWaiter, int] = OrderedDict()
        """Who waits for the high watermark to reach which offset, in the order of arrival."""
        self.flush_waiters: OrderedDict[AckWaiter, int] = OrderedDict()
        """The same for this replica's own log end."""
        self.fetch_waiters: dict[FetchWaiter, None] = {}
        self.bytes_in = self.bytes_out = 0
        """Of client batches, since this epoch began."""
        self.ended: ErrorCode | None = None
        self.advance()

    def on_partition_changed(
        self, partition_epoch: int, replicas: frozenset[int], isr: frozenset[int]
    ) -> None:
        """Install what the controller committed under this same leader epoch."""
        assert self.node_id in isr
        if partition_epoch > self.partition_epoch:
            self.partition_epoch = partition_epoch
            self.replicas = replicas
            self.isr = isr
            self.advance()

    # ------------------------------------------------------------------ epochs

    def check_epoch(self, leader_epoch: int) -> None:
        """Compare the epoch that a client knows with ours (rule 10, KIP-320); -1 is no claim.

        Raises:
            FencedLeaderEpoch: the client's is older.
            UnknownLeaderEpoch: the client's is newer.
        """
        if leader_epoch in (NO_EPOCH, self.leader_epoch):
            return
        if leader_epoch < self.leader_epoch:
            raise FencedLeaderEpoch(f"{leader_epoch} < {self.leader_epoch}")
        raise UnknownLeaderEpoch(f"{leader_epoch} > {self.leader_epoch}")

    def end_of_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """Return the largest known epoch up to this one, and the offset at which it ends.

        (-1, -1) if all known epochs are newer. The current epoch ends at the log end.
        """
        return self.log.epochs.end_offset_for(leader_epoch, self.log.log_end_offset)

    # ------------------------------------------------------------------ read

    def read(self, offset: int, max_bytes: int, at_least_one: bool) -> LogSlice | None:
        """Return what consumers may read from ``offset``, or None if that is nothing yet.

        Raises:
            KafkaError: OFFSET_OUT_OF_RANGE below the log start or above the log end.
        """
        log = self.log
        if not log.log_start_offset <= offset <= log.log_end_offset:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
        if offset >= self.visible_end:
            return None
        found = log.read(offset, max_bytes, self.visible_end, at_least_one)
        if found is not None:
            self.bytes_out += len(found)
        return found

    # ------------------------------------------------------------------ append

    @property
    def min_isr(self) -> int:
        """min.insync.replicas, at most the number of replicas (rule 3)."""
        return min(self.log.config.min_insync_replicas, len(self.replicas))

    def acks_on_write(self, acks: int) -> bool:
        """Whether a record counts as acknowledged once this turn has written it."""
        return not (
            self.flush_before_ack
            or self.log.pace.is_slow  # then a thread writes it, later
            or (acks == ACKS_ALL and len(self.isr) != 1)
        )

    @property
    def flush_before_ack(self) -> bool:
        """Whether ``flush.messages=1`` makes an acknowledgement mean fsynced."""
        return self.log.config.flush_messages == 1

    @property
    def wants_flush(self) -> bool:
        """Whether ``flush.messages`` records were written since the last flush.

        Under ``flush.before.visible`` without a count or an interval, one record is enough: else
        nobody would ever see it.
        """
        log, config = self.log, self.log.config
        enough = config.flush_messages
        if config.flush_before_visible and config.flush_ms == enough == UNLIMITED:
            enough = 1
        return log.written_end_offset - log.flushed_offset >= enough

    def append(self, batches: memoryview, acks: int, now_ms: int) -> AppendInfo:
        """Append client batches; they are written by the next ``log.write()``.

        Raises:
            KafkaError: NOT_ENOUGH_REPLICAS if acks is -1 and the committed ISR is too small
                (rule 4); whatever the validation of the batches finds.
        """
        if acks == ACKS_ALL and len(self.isr) < self.min_isr:
            raise KafkaError(
                ErrorCode.NOT_ENOUGH_REPLICAS,
                f"{len(self.isr)} in-sync replica(s) where min.insync.replicas={self.min_isr}",
            )
        info = self.log.append_as_leader(batches, self.leader_epoch, now_ms)
        self.bytes_in += len(batches)
        return info

    def wait_for_ack(self, waiter: AckWaiter, acks: int, end_offset: int) -> None:
        """Tell ``waiter`` once all below ``end_offset`` is acknowledged as ``acks`` asks."""
        waiters = self.acks_waiters if acks == ACKS_ALL else self.flush_waiters
        waiters[waiter] = end_offset

    def withdraw(self, waiter: AckWaiter) -> None:
        """Tell ``waiter`` nothing more: its client is gone, or has waited long enough."""
        self.acks_waiters.pop(waiter, None)
        self.flush_waiters.pop(waiter, None)

    # ------------------------------------------------------------------ high watermark

    @property
    def own_end(self) -> int:
        """This replica's log end as the high watermark counts it: written, or fsynced."""
        return self.log.flushed_offset if self.flush_before_ack else self.log.written_end_offset

    def on_follower_log_end(self, replica_id: int, log_end_offset: int) -> None:
        """A follower's fetch offset proves that it holds all below it (rule 1)."""
        self.follower_log_ends[replica_id] = log_end_offset
        self.advance()

    def advance(self) -> None:
        """Recompute the high watermark and wake who waited for it (rule 2).

        Called after each write, flush, follower fetch and ISR change. It never moves back, nor
        while the ISR is smaller than the minimum.
        """
        if self.ended is not None:
            return
        own_end = self.own_end
        if self.flush_waiters:
            self._acknowledge(self.flush_waiters, own_end)
        if len(self.isr) >= self.min_isr:
            end = own_end
            for replica_id in self.isr:
                if replica_id != self.node_id:
                    end = min(end, self.follower_log_ends.get(replica_id, 0))
            self.high_watermark = max(self.high_watermark, end)
        if self.acks_waiters:
            self._acknowledge(self.acks_waiters, self.high_watermark)
        visible_end = self.high_watermark
        if self.log.config.flush_before_visible:
            visible_end = min(visible_end, self.log.flushed_offset)
        if visible_end > self.visible_end:
            self.visible_end = visible_end
            for waiter in tuple(self.fetch_waiters):
                waiter.advanced(self)

    def _acknowledge(self, waiters: OrderedDict[AckWaiter, int], end: int) -> None:
        """Answer whom ``end`` satisfies; with an error if the ISR fell meanwhile (rule 4)."""
        error = ErrorCode.NONE
        if waiters is self.acks_waiters and len(self.isr) < self.min_isr:
            error = ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
        while waiters and next(iter(waiters.values())) <= end:
            waiters.popitem(last=False)[0].acknowledged(self, error)

    # ------------------------------------------------------------------ delete

    def delete_records(self, before_offset: int) -> int:
        """Let the log start at ``before_offset``; -1 is the high watermark. Return the new start.

        Raises:
            KafkaError: OFFSET_OUT_OF_RANGE beyond the high watermark: what is not committed
                yet must not be dropped by one replica (KAFKA-5634).
        """
        if before_offset == UP_TO_HIGH_WATERMARK:
            before_offset = self.high_watermark
        if not 0 <= before_offset <= self.high_watermark:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
        self.log.delete_records_before(before_offset)
        return self.log.log_start_offset

    # ------------------------------------------------------------------ the end

    def end(self, error: ErrorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER) -> None:
        """This epoch is over, or its disk failed: everyone who waits is told ``error``."""
        self.ended = error
        for waiters in (self.acks_waiters, self.flush_waiters):
            while waiters:
                waiters.popitem(last=False)[0].acknowledged(self, error)
        for waiter in tuple(self.fetch_waiters):
            waiter.advanced(self)
        self.fetch_waiters.clear()

"""A Fetch that waits until enough is readable, and how its answer is put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.segment import LogSlice
from raftkafka.protocol.frames import RequestHeader
from raftkafka.protocol.messages.fetch import (
    FetchDivergingEpoch,
    FetchPartition,
    FetchPartitionData,
    FetchRequest,
    FetchResponse,
    FetchResponseTopic,
)
from raftkafka.server.connection import Connection, Output, Slot
from raftkafka.server.read_ahead import Range
from replication.leader import PartitionLeader

READ_COMMITTED = 1
UNKNOWN_OFFSET = -1


class Wanted(NamedTuple):
    """One partition of a Fetch: what the client asks, and the leader that has it, or why none."""

    asked: FetchPartition
    leader: PartitionLeader | None
    error: ErrorCode


class ParkedFetch(Slot):
    """One Fetch, from its arrival to its answer."""

    __slots__ = (
        "_advanced",
        "_request",
        "_reserved",
        "_wanted",
        "connection",
        "done",
        "header",
        "on_expiry",
    )

    def __init__(
        self,
        connection: Connection,
        header: RequestHeader,
        request: FetchRequest,
        wanted: list[list[Wanted]],
        advanced: dict[ParkedFetch, None],
    ) -> None:
        super().__init__()
        self.connection = connection
        self.header = header
        self.done = False
        """Whether the answer is decided, so that there is nothing more to wait for."""
        self.on_expiry: Callable[[ParkedFetch], None] | None = None
        self._request = request
        self._wanted = wanted
        self._advanced = advanced
        self._reserved = False

    # ------------------------------------------------------------------ waiting

    def park(self) -> None:
        """Wait in every partition's queue."""
        self.hold_place()
        for leader in self._leaders():
            leader.fetch_waiters[self] = None

    def unpark(self) -> None:
        """Leave the queues: the answer is decided."""
        self.done = True
        if self._reserved:
            for leader in self._leaders():
                leader.fetch_waiters.pop(self, None)

    def advanced(self, leader: PartitionLeader) -> None:
        """More is readable (``FetchWaiter``): looked at when all writes of the turn are done."""
        self._advanced[self] = None

    def expire(self) -> None:
        """``max_wait_ms`` is over."""
        assert self.on_expiry is not None
        self.on_expiry(self)

    def cancel(self) -> None:
        """The connection is gone."""
        self.unpark()

    def hurry(self) -> None:
        """The broker stops: answer with what there is."""
        if not self.done:
            self.expire()

    def hold_place(self) -> None:
        """Keep the place of the answer among those of the connection."""
        if not self._reserved:
            self._reserved = True
            self.connection.reserve(self)

    def send(self, buffers: list[Output]) -> None:
        """Give the answer to the connection."""
        if self._reserved:
            self.connection.fill(self, buffers)
        else:
            self.connection.answer(buffers)

    def _leaders(self) -> list[PartitionLeader]:
        return [w.leader for topic in self._wanted for w in topic if w.leader is not None]

    # ------------------------------------------------------------------ the answer

    @property
    def max_wait_ms(self) -> int:
        """How long the client lets it wait."""
        return self._request.max_wait_ms

    def cold_ranges(self, max_bytes: int) -> list[Range]:
        """Return what ``read`` would wait for the disk for, only to see where batches end."""
        cold: list[Range] = []
        max_bytes = min(max_bytes, self._request.max_bytes)
        for topic in self._wanted:
            for asked, leader, _ in topic:
                if leader is None or leader.ended is not None:
                    continue
                limit = min(asked.partition_max_bytes, max_bytes)
                found = leader.log.cold_range(asked.fetch_offset, limit)
                if found is not None:
                    cold.append((leader.log, found))
        return cold

    def ranges(self, response: FetchResponse) -> list[Range]:
        """Return the ranges of files in an answer, each with the log that it is of."""
        return [
            (wanted.leader.log, part.records)
            for topic, wanted_parts in zip(response.responses, self._wanted, strict=True)
            for part, wanted in zip(topic.partitions, wanted_parts, strict=True)
            if isinstance(part.records, LogSlice) and wanted.leader is not None
        ]

    def read(self, max_bytes: int) -> tuple[FetchResponse, bool]:
        """Return the answer as of now, and whether it is enough not to wait.

        Enough is ``min_bytes`` of records, or anything that the client should learn at once.
        """
        request = self._request
        left = min(max_bytes, request.max_bytes)
        response = FetchResponse()
        total = 0
        urgent = not any(self._wanted)
        for topic, wanted_parts in zip(request.topics, self._wanted, strict=True):
            parts: list[FetchPartitionData] = []
            response.responses.append(
                FetchResponseTopic(topic=topic.topic, topic_id=topic.topic_id, partitions=parts)
            )
            for wanted in wanted_parts:
                part = self._read_partition(wanted, left, at_least_one=total == 0)
                parts.append(part)
                size = len(part.records or b"")
                total += size
                left = max(0, left - size)
                urgent = urgent or part.error_code != 0 or part.diverging_epoch is not None
        return response, urgent or total >= request.min_bytes

    def _read_partition(
        self, wanted: Wanted, left: int, *, at_least_one: bool
    ) -> FetchPartitionData:
        asked = wanted.asked
        part = FetchPartitionData(
            partition_index=asked.partition,
            high_watermark=UNKNOWN_OFFSET,
            aborted_transactions=[] if self._request.isolation_level == READ_COMMITTED else None,
            records=b"",
        )
        leader = wanted.leader
        try:
            if leader is None:
                raise KafkaError(wanted.error)
            if leader.ended is not None:
                raise KafkaError(leader.ended)
            leader.check_epoch(asked.current_leader_epoch)
            diverging = find_divergence(leader, asked)
            if diverging is not None:
                part.diverging_epoch = diverging
            elif asked.fetch_offset != leader.visible_end:
                slice_ = leader.read(
                    asked.fetch_offset, min(asked.partition_max_bytes, left), at_least_one
                )
                if slice_ is not None:
                    part.records = slice_
            part.high_watermark = leader.visible_end
            part.last_stable_offset = leader.visible_end
            part.log_start_offset = leader.log.log_start_offset
        except KafkaError as error:
            part.error_code = error.code
        return part


def find_divergence(leader: PartitionLeader, asked: FetchPartition) -> FetchDivergingEpoch | None:
    """Return where the client's log parts from ours, if the epoch of its last record tells so.

    Raises:
        KafkaError: OFFSET_OUT_OF_RANGE if that epoch is newer than all we know, or the offset
            is below the log start.
    """
    if asked.last_fetched_epoch < 0:
        return None
    epoch, end_offset = leader.end_of_epoch(asked.last_fetched_epoch)
    if epoch < 0 or asked.fetch_offset < leader.log.log_start_offset:
        raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
    if epoch < asked.last_fetched_epoch or end_offset < asked.fetch_offset:
        return FetchDivergingEpoch(epoch=epoch, end_offset=end_offset)
    return None

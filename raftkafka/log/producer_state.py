"""Idempotent producers of one partition: what each appended last, so that a retry is recognised.

Pure. Snapshot file: i16 version 1, u32 CRC-32C of all that follows, i32 count, then per producer
i64 id, i16 epoch, i32 last sequence, i64 last offset, i32 offset delta, i64 timestamp, i32
coordinator epoch, i64 first offset of the ongoing transaction.

Source: Kafka ``ProducerStateManager``, ``ProducerAppendInfo``, ``ProducerStateEntry``; KIP-98,
KIP-360.
"""

from __future__ import annotations

from collections import deque
from collections.abc import ItemsView
from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.records import (
    CONTROL,
    NO_PRODUCER_EPOCH,
    NO_SEQUENCE,
    SEQUENCE_MAX,
    TRANSACTIONAL,
    BatchHeader,
    next_sequence,
)

BATCHES_KEPT = 5
"""A client has at most this many requests in flight, so no older batch can be retried."""
NO_OFFSET = -1
NO_COORDINATOR_EPOCH = -1

SNAPSHOT_VERSION = 1
_snapshot_head = Struct(">hI")
_count = Struct(">i")
_snapshot_entry = Struct(">qhiqiqiq")


class DamagedSnapshot(Exception):
    """The bytes are no producer snapshot; an older one, or the log itself, has the state."""


class ProducedBatch(NamedTuple):
    """What is remembered of one batch."""

    first_sequence: int
    last_sequence: int
    first_offset: int
    last_offset: int
    timestamp_ms: int


class ProducerEntry:
    """One producer: its epoch, its last batches, and its ongoing transaction if it has one."""

    __slots__ = (
        "batches",
        "coordinator_epoch",
        "current_txn_first_offset",
        "epoch",
        "last_sequence",
        "last_timestamp",
    )

    def __init__(self, epoch: int = NO_PRODUCER_EPOCH) -> None:
        self.epoch = epoch
        self.batches: deque[ProducedBatch] = deque(maxlen=BATCHES_KEPT)
        self.last_sequence = NO_SEQUENCE
        """Of the last record, -1 if this epoch appended none yet."""
        self.last_timestamp = -1
        self.coordinator_epoch = NO_COORDINATOR_EPOCH
        self.current_txn_first_offset: int | None = None


class ProducerStates:
    """All producers that are remembered, by producer id."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, ProducerEntry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> ItemsView[int, ProducerEntry]:
        """All producer ids with their entries."""
        return self._entries.items()

    def check(
        self, producer_id: int, epoch: int, base_sequence: int, last_offset_delta: int
    ) -> ProducedBatch | None:
        """Decide whether a client's batch may be appended.

        Returns:
            None if it may, or the batch of which it is an exact repetition.

        Raises:
            KafkaError: INVALID_PRODUCER_EPOCH for an older epoch; OUT_OF_ORDER_SEQUENCE_NUMBER
                unless a known producer goes on where it stopped, or begins a new epoch with 0.
        """
        entry = self._entries.get(producer_id)
        if entry is None:
            return None
        if epoch == entry.epoch:
            if base_sequence == next_sequence(entry.last_sequence, 1):
                return None
            last_sequence = next_sequence(base_sequence, last_offset_delta)
            for batch in entry.batches:
                if batch.first_sequence == base_sequence and batch.last_sequence == last_sequence:
                    return batch
        elif epoch < entry.epoch:
            raise KafkaError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"Epoch of producer {producer_id} is {epoch}, which is smaller than the last seen"
                f" epoch {entry.epoch}",
            )
        elif base_sequence == 0:
            return None
        raise KafkaError(
            ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"Out of order sequence number for producer {producer_id}, epoch {epoch}:"
            f" {base_sequence} (incoming sequence number), {entry.last_sequence} (current end"
            " sequence number)",
        )

    def update(
        self,
        producer_id: int,
        epoch: int,
        base_sequence: int,
        last_offset_delta: int,
        last_offset: int,
        timestamp_ms: int,
        attributes: int,
    ) -> None:
        """Note a batch of a producer.

        Args:
            producer_id: with epoch and base sequence, as in the batch.
            epoch: see there.
            base_sequence: see there.
            last_offset_delta: the number of its records less one.
            last_offset: as appended.
            timestamp_ms: when that was; expiry counts from it.
            attributes: as in the batch; of those only CONTROL and TRANSACTIONAL matter.
        """
        entry = self._entries.get(producer_id)
        if entry is None:
            entry = self._entries[producer_id] = ProducerEntry(epoch)
        elif epoch != entry.epoch:
            entry.epoch = epoch
            entry.batches.clear()
            entry.last_sequence = NO_SEQUENCE
        entry.last_timestamp = timestamp_ms
        if attributes & CONTROL:
            entry.current_txn_first_offset = None
            return
        first_offset = last_offset - last_offset_delta
        if attributes & TRANSACTIONAL and entry.current_txn_first_offset is None:
            entry.current_txn_first_offset = first_offset
        last_sequence = next_sequence(base_sequence, last_offset_delta)
        entry.last_sequence = last_sequence
        entry.batches.append(
            ProducedBatch(base_sequence, last_sequence, first_offset, last_offset, timestamp_ms)
        )

    def replay(self, header: BatchHeader) -> None:
        """Note a batch that a leader sent, or that is in the log already."""
        if header.producer_id >= 0:
            self.update(
                header.producer_id,
                header.producer_epoch,
                header.base_sequence,
                header.last_offset_delta,
                header.last_offset,
                header.max_timestamp,
                header.attributes,
            )

    def expire(self, now_ms: int, expiration_ms: int) -> None:
        """Forget producers that appended nothing for ``expiration_ms``, unless in a transaction."""
        limit = now_ms - expiration_ms
        expired = [
            producer_id
            for producer_id, entry in self._entries.items()
            if entry.last_timestamp <= limit and entry.current_txn_first_offset is None
        ]
        for producer_id in expired:
            del self._entries[producer_id]

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def encode(self) -> bytes:
        """Return the content of a snapshot file: of each producer the last batch only."""
        body = bytearray(_count.pack(len(self._entries)))
        for producer_id, entry in self._entries.items():
            last = entry.batches[-1] if entry.batches else None
            txn = entry.current_txn_first_offset
            body += _snapshot_entry.pack(
                producer_id,
                entry.epoch,
                entry.last_sequence,
                last.last_offset if last else NO_OFFSET,
                last.last_offset - last.first_offset if last else 0,
                entry.last_timestamp,
                entry.coordinator_epoch,
                NO_OFFSET if txn is None else txn,
            )
        return _snapshot_head.pack(SNAPSHOT_VERSION, crc32c(body)) + bytes(body)

    def load(self, snapshot: bytes) -> None:
        """Replace all by what a snapshot file holds.

        Raises:
            DamagedSnapshot: cut off, of another version, or the CRC does not fit.
        """
        self._entries.clear()
        start = _snapshot_head.size
        if len(snapshot) < start + _count.size:
            raise DamagedSnapshot(f"{len(snapshot)} bytes")
        version, crc = _snapshot_head.unpack_from(snapshot)
        if version != SNAPSHOT_VERSION or crc32c(memoryview(snapshot)[start:]) != crc:
            raise DamagedSnapshot(f"version {version} or its CRC")
        (count,) = _count.unpack_from(snapshot, start)
        entries = memoryview(snapshot)[start + _count.size :]
        if len(entries) != count * _snapshot_entry.size:
            raise DamagedSnapshot(f"{len(entries)} bytes of {count} entries")
        for fields in _snapshot_entry.iter_unpack(entries):
            self._add(*fields)

    def _add(
        self,
        producer_id: int,
        epoch: int,
        last_sequence: int,
        last_offset: int,
        offset_delta: int,
        timestamp_ms: int,
        coordinator_epoch: int,
        txn_first_offset: int,
    ) -> None:
        entry = self._entries[producer_id] = ProducerEntry(epoch)
        entry.last_timestamp = timestamp_ms
        entry.coordinator_epoch = coordinator_epoch
        if txn_first_offset >= 0:
            entry.current_txn_first_offset = txn_first_offset
        entry.last_sequence = last_sequence
        if last_offset >= 0:
            entry.batches.append(
                ProducedBatch(
                    (last_sequence - offset_delta) & SEQUENCE_MAX,
                    last_sequence,
                    last_offset - offset_delta,
                    last_offset,
                    timestamp_ms,
                )
            )

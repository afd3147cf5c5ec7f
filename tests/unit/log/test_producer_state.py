"""Idempotence: what a retry is, what is out of order, and the snapshot file."""

from __future__ import annotations

import pytest

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.producer_state import DamagedSnapshot, ProducerStates
from raftkafka.records import CONTROL, SEQUENCE_MAX, TRANSACTIONAL

P = 7
NOW_MS = 1000


class Producers(ProducerStates):
    """States with a log that appends what passes the check."""

    __slots__ = ("end_offset",)

    def __init__(self) -> None:
        super().__init__()
        self.end_offset = 0

    def append(self, sequence: int, count: int = 1, *, epoch: int = 0, flags: int = 0) -> int:
        """Return the offset that the producer is told."""
        before = self.check(P, epoch, sequence, count - 1)
        if before is not None:
            return before.first_offset
        first_offset = self.end_offset
        self.end_offset += count
        self.update(P, epoch, sequence, count - 1, self.end_offset - 1, NOW_MS, flags)
        return first_offset


def error_of(producers: Producers, sequence: int, count: int = 1, *, epoch: int = 0) -> ErrorCode:
    with pytest.raises(KafkaError) as caught:
        producers.append(sequence, count, epoch=epoch)
    return caught.value.code


def test_an_unknown_producer_may_begin_anywhere() -> None:
    assert Producers().append(42) == 0


def test_sequence_numbers_go_on() -> None:
    producers = Producers()
    assert [producers.append(0, 3), producers.append(3, 2), producers.append(5)] == [0, 3, 5]
    assert error_of(producers, 7) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert error_of(producers, 5, 2) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_retry_of_the_last_five_batches_gets_its_old_offset() -> None:
    """Regression 17: duplicates from an idempotent retry."""
    producers = Producers()
    for i in range(6):
        producers.append(2 * i, 2)
    assert [producers.append(2 * i, 2) for i in range(1, 6)] == [2, 4, 6, 8, 10]
    assert producers.end_offset == 12
    assert error_of(producers, 0, 2) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, "the sixth last"
    assert error_of(producers, 2, 1) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, "no exact match"


def test_sequence_numbers_wrap() -> None:
    producers = Producers()
    producers.append(SEQUENCE_MAX - 1, 2)
    assert producers.append(0) == 2
    wrapping = Producers()
    wrapping.append(SEQUENCE_MAX, 3)
    assert wrapping.append(2) == 3
    assert wrapping.append(SEQUENCE_MAX, 3) == 0


def test_a_new_epoch_begins_with_zero() -> None:
    producers = Producers()
    producers.append(0, 3)
    assert error_of(producers, 3, epoch=1) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.append(0, epoch=1) == 3
    assert producers.append(1, epoch=1) == 4
    assert producers.append(0, epoch=1) == 3, "a retry in the new epoch"


def test_an_older_epoch_is_refused() -> None:
    producers = Producers()
    producers.append(0, epoch=1)
    assert error_of(producers, 0, epoch=0) == ErrorCode.INVALID_PRODUCER_EPOCH
    assert error_of(producers, 1, epoch=0) == ErrorCode.INVALID_PRODUCER_EPOCH


def test_an_epoch_that_a_marker_began_starts_with_zero() -> None:
    producers = Producers()
    producers.append(0, 5)
    producers.update(P, 1, -1, 0, 5, NOW_MS, CONTROL | TRANSACTIONAL)
    assert error_of(producers, 5, epoch=1) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    producers.append(0, epoch=1)


def test_silent_producers_are_forgotten() -> None:
    producers = Producers()
    producers.append(5)
    producers.expire(NOW_MS + 99, expiration_ms=100)
    assert len(producers) == 1
    producers.expire(NOW_MS + 100, expiration_ms=100)
    assert len(producers) == 0
    producers.append(77)


def test_a_producer_in_a_transaction_is_not_forgotten() -> None:
    producers = Producers()
    producers.append(0, flags=TRANSACTIONAL)
    producers.expire(NOW_MS + 1000, expiration_ms=100)
    assert len(producers) == 1
    producers.update(P, 0, -1, 0, 1, NOW_MS, CONTROL | TRANSACTIONAL)
    producers.expire(NOW_MS + 1000, expiration_ms=100)
    assert len(producers) == 0


def test_a_snapshot_keeps_the_last_batch() -> None:
    producers = Producers()
    producers.append(0, 3)
    producers.append(3, 2, flags=TRANSACTIONAL)
    loaded = Producers()
    loaded.load(producers.encode())
    loaded.end_offset = 5
    assert loaded.append(3, 2) == 3, "a retry"
    assert loaded.append(5) == 5
    ((_, entry),) = loaded.items()
    assert entry.current_txn_first_offset == 3
    assert entry.last_timestamp == NOW_MS


def test_a_snapshot_keeps_wrapped_sequences_and_epochs_without_batches() -> None:
    producers = Producers()
    producers.append(SEQUENCE_MAX, 3)
    producers.update(8, 4, -1, 0, 3, NOW_MS, CONTROL)
    loaded = Producers()
    loaded.load(producers.encode())
    assert loaded.append(SEQUENCE_MAX, 3) == 0
    entry = dict(loaded.items())[8]
    assert (entry.epoch, entry.last_sequence) == (4, -1)
    assert loaded.encode() == producers.encode()


def test_the_snapshot_is_kafkas() -> None:
    """Version 1 with one entry: bytes put together by hand from Kafka's schema."""
    producers = ProducerStates()
    producers.update(0x0102, 3, 10, 4, 99, 0x0A0B, 0)
    body = bytes.fromhex(
        "00000001"  # one entry
        "0000000000000102"  # producer id
        "0003"  # epoch
        "0000000e"  # last sequence
        "0000000000000063"  # last offset
        "00000004"  # offset delta
        "0000000000000a0b"  # timestamp
        "ffffffff"  # coordinator epoch
        "ffffffffffffffff"  # no transaction
    )
    snapshot = producers.encode()
    assert snapshot[:2] == b"\0\1"
    assert snapshot[6:] == body


@pytest.mark.parametrize("cut", [0, 5, 9, 30])
def test_a_cut_off_snapshot_is_not_believed(cut: int) -> None:
    producers = Producers()
    producers.append(0)
    with pytest.raises(DamagedSnapshot):
        ProducerStates().load(producers.encode()[:cut])


def test_a_changed_snapshot_is_not_believed() -> None:
    producers = Producers()
    producers.append(0)
    snapshot = bytearray(producers.encode())
    snapshot[20] ^= 1
    with pytest.raises(DamagedSnapshot):
        ProducerStates().load(bytes(snapshot))

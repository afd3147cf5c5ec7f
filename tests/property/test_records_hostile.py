"""Records: hostile bytes give an error, never anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkafka.compression import Codec
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.records import (
    HEADER_BYTES,
    LOG_APPEND_TIME,
    Record,
    build_batch,
    has_valid_crc,
    iterate_batches,
    iterate_heads,
    iterate_records,
    next_sequence,
    parse_header,
    stamp_log_append_time,
)
from tests.support.logs import refusal

RECORDS = [
    Record(0, 1000, b"key", b"value", (("name", b"content"), ("empty", None))),
    Record(1, 990, None, b"", ()),
    Record(4, 2000, b"", None, (("", b""),)),
]
BATCH = build_batch(RECORDS)


def read(data: bytes) -> None:
    for _, batch in iterate_batches(data):
        list(iterate_records(batch))


@given(position=st.integers(0, len(BATCH) - 1), data=st.binary(min_size=1, max_size=20))
def test_changed_bytes_are_records_or_refused(position: int, data: bytes) -> None:
    changed = bytearray(BATCH)
    changed[position : position + len(data)] = data
    assert refusal(lambda: read(bytes(changed))) in (
        None,
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
    )


@given(records=st.binary(max_size=100), count=st.integers(-(2**31), 2**31 - 1))
def test_any_bytes_are_records_or_refused(records: bytes, count: int) -> None:
    batch = BATCH[:57] + count.to_bytes(4, "big", signed=True) + records
    assert refusal(lambda: list(iterate_records(batch))) in (None, ErrorCode.CORRUPT_MESSAGE)
    assert refusal(lambda: list(iterate_heads(batch))) in (None, ErrorCode.CORRUPT_MESSAGE)


@given(cut=st.integers(0, 2 * len(BATCH)))
def test_a_cut_off_batch_at_the_end_is_left_out(cut: int) -> None:
    assert len(list(iterate_batches((BATCH * 2)[:cut]))) == cut // len(BATCH)


@pytest.mark.parametrize("codec", Codec)
def test_offsets_and_timestamps_are_relative(codec: Codec) -> None:
    batch = build_batch(RECORDS, codec=codec, base_offset=100)
    header = parse_header(batch)
    assert (header.base_offset, header.last_offset, header.codec) == (100, 104, codec)
    assert (header.base_timestamp, header.max_timestamp) == (1000, 2000)
    assert list(iterate_records(batch)) == [
        record._replace(offset=100 + record.offset) for record in RECORDS
    ]
    assert list(iterate_heads(batch)) == [
        (100 + record.offset, record.timestamp, record.key is not None) for record in RECORDS
    ]


def test_the_brokers_time_is_stamped_on_all_records() -> None:
    batch = memoryview(bytearray(BATCH))
    stamp_log_append_time(batch, 5555)
    assert has_valid_crc(batch)
    assert parse_header(batch).attributes == LOG_APPEND_TIME
    assert {record.timestamp for record in iterate_records(batch)} == {5555}


def test_a_crc_covers_everything_from_the_attributes_on() -> None:
    for position in range(len(BATCH)):
        changed = bytearray(BATCH)
        changed[position] ^= 1
        assert has_valid_crc(changed) == (position < 17), position


def test_sequences_wrap() -> None:
    assert next_sequence(2**31 - 1, 1) == 0
    assert next_sequence(-1, 1) == 0
    assert next_sequence(2**31 - 2, 3) == 1


def test_no_header_is_no_batch() -> None:
    assert list(iterate_batches(BATCH[: HEADER_BYTES - 1])) == []
    with pytest.raises(KafkaError):
        list(iterate_batches(bytes(HEADER_BYTES)))

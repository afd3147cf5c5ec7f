"""Record batches against kafka-python's builder and parser, both ways, for every codec."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from raftkafka.compression import Codec
from raftkafka.records import (
    TRANSACTIONAL,
    Record,
    build_batch,
    has_valid_crc,
    iterate_batches,
    iterate_heads,
    iterate_records,
    parse_header,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the way it reads its own resources
    DefaultRecordBatchBuilder: Any = import_module(
        "kafka.record.default_records"
    ).DefaultRecordBatchBuilder
    MemoryRecords: Any = import_module("kafka.record.memory_records").MemoryRecords

Drawn = list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]
CONTENTS = st.none() | st.binary(max_size=200)
HEADERS = st.lists(st.tuples(st.text(max_size=10), CONTENTS), max_size=3)
RECORDS = st.lists(
    st.tuples(st.integers(0, 2**41), CONTENTS, CONTENTS, HEADERS), min_size=1, max_size=8
)


def as_records(drawn: Drawn, base_offset: int = 0) -> list[Record]:
    return [
        Record(base_offset + i, timestamp, key, value, tuple(headers))
        for i, (timestamp, key, value, headers) in enumerate(drawn)
    ]


@given(drawn=RECORDS, codec=st.sampled_from(Codec), base_offset=st.integers(0, 2**40))
@settings(max_examples=200)
def test_kafka_python_reads_our_batches(
    drawn: Drawn,
    codec: Codec,
    base_offset: int,
) -> None:
    records = as_records(drawn, base_offset)
    data = build_batch(
        records,
        codec=codec,
        base_offset=base_offset,
        leader_epoch=3,
        producer_id=5,
        producer_epoch=2,
        base_sequence=9,
        flags=TRANSACTIONAL,
    )
    batch = MemoryRecords(data).next_batch()
    assert batch.validate_crc()
    assert (batch.base_offset, batch.last_offset) == (base_offset, records[-1].offset)
    assert (batch.leader_epoch, batch.is_transactional) == (3, True)
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (5, 2, 9)
    assert batch.max_timestamp == max(record.timestamp for record in records)
    read = [Record(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in batch]
    assert read == records


@given(drawn=RECORDS, codec=st.sampled_from(Codec))
@settings(max_examples=200)
def test_we_read_kafka_pythons_batches(
    drawn: Drawn,
    codec: Codec,
) -> None:
    records = as_records(drawn)
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec.value,
        is_transactional=False,
        producer_id=5,
        producer_epoch=2,
        base_sequence=9,
        batch_size=1 << 20,
    )
    for record in records:
        builder.append(
            record.offset, record.timestamp, record.key, record.value, list(record.headers)
        )
    data = bytes(builder.build())
    ((header, batch),) = iterate_batches(data)
    assert header == parse_header(data)
    assert has_valid_crc(batch)
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (5, 2, 9)
    assert header.record_count == len(records)
    assert header.max_timestamp == max(record.timestamp for record in records)
    assert list(iterate_records(batch)) == records
    assert list(iterate_heads(batch)) == [
        (record.offset, record.timestamp, record.key is not None) for record in records
    ]

"""What a client's batch must be, and the error code that it gets otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from crc32c import crc32c

from raftkafka.compression import Codec
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.append import InvalidRecords, check_produced
from raftkafka.log.log_config import LogConfig
from raftkafka.records import (
    CONTROL,
    LOG_APPEND_TIME,
    TRANSACTIONAL,
    Record,
    build_batch,
    parse_header,
)
from tests.support.logs import NOW_MS, make_batch

CONFIG = LogConfig()
COMPACTED = LogConfig(cleanup_policy=frozenset({"compact"}))
HOUR_MS = 60 * 60 * 1000


def changed(position: int, data: bytes, *, batch: memoryview | None = None) -> memoryview:
    """Return a batch with other bytes at a place of its header, and the CRC that fits them."""
    batch = batch or make_batch(b"one", b"two")
    batch[position : position + len(data)] = data
    batch[17:21] = crc32c(batch[21:]).to_bytes(4, "big")
    return batch


def error_of(batch: memoryview | bytes, config: LogConfig = CONFIG) -> ErrorCode:
    with pytest.raises(KafkaError) as caught:
        check_produced(memoryview(batch), config, NOW_MS)
    assert caught.value.message
    return caught.value.code


@pytest.mark.parametrize("codec", Codec)
def test_a_whole_batch_passes_and_its_header_comes_back(codec: Codec) -> None:
    batch = make_batch(
        b"one", b"two", codec=codec, producer_id=3, producer_epoch=0, base_sequence=7
    )
    assert check_produced(batch, CONFIG, NOW_MS) == parse_header(batch)


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        pytest.param(b"", ErrorCode.INVALID_RECORD, id="nothing"),
        pytest.param(bytes(make_batch())[:16], ErrorCode.INVALID_RECORD, id="no magic"),
        pytest.param(bytes(make_batch())[:60], ErrorCode.INVALID_RECORD, id="no whole header"),
        pytest.param(bytes(make_batch())[:-1], ErrorCode.INVALID_RECORD, id="cut off"),
        pytest.param(bytes(make_batch()) + b"\0", ErrorCode.INVALID_RECORD, id="more follows"),
        pytest.param(bytes(make_batch()) * 2, ErrorCode.INVALID_RECORD, id="two batches"),
        pytest.param(changed(16, b"\0"), ErrorCode.INVALID_RECORD, id="magic 0"),
        pytest.param(changed(16, b"\1"), ErrorCode.INVALID_RECORD, id="magic 1"),
        pytest.param(changed(16, b"\3"), ErrorCode.CORRUPT_MESSAGE, id="magic 3"),
        pytest.param(changed(16, b"\xff"), ErrorCode.CORRUPT_MESSAGE, id="magic -1"),
        pytest.param(changed(8, b"\0\0\0\x0d"), ErrorCode.CORRUPT_MESSAGE, id="length 13"),
        pytest.param(changed(8, b"\0\0\0\x30"), ErrorCode.CORRUPT_MESSAGE, id="length 48"),
        pytest.param(changed(8, b"\xff\xff\xff\xff"), ErrorCode.CORRUPT_MESSAGE, id="length -1"),
        pytest.param(changed(8, b"\x7f\xff\xff\xff"), ErrorCode.INVALID_RECORD, id="length 2^31-1"),
        pytest.param(changed(7, b"\1"), ErrorCode.INVALID_RECORD, id="base offset 1"),
        pytest.param(changed(57, b"\0\0\0\3"), ErrorCode.INVALID_RECORD, id="count too large"),
        pytest.param(changed(57, b"\0\0\0\0"), ErrorCode.INVALID_RECORD, id="count 0"),
        pytest.param(changed(57, b"\xff\xff\xff\xff"), ErrorCode.INVALID_RECORD, id="count -1"),
        pytest.param(
            changed(23, b"\xff\xff\xff\xff"), ErrorCode.INVALID_RECORD, id="last delta -1"
        ),
        pytest.param(
            changed(23, b"\xff\xff\xff\xff", batch=changed(57, b"\0\0\0\0")),
            ErrorCode.INVALID_RECORD,
            id="consistently empty",
        ),
        pytest.param(make_batch(flags=CONTROL), ErrorCode.INVALID_RECORD, id="control batch"),
        pytest.param(
            make_batch(flags=CONTROL | TRANSACTIONAL), ErrorCode.INVALID_RECORD, id="marker"
        ),
        pytest.param(
            make_batch(producer_id=5, producer_epoch=0, base_sequence=-1),
            ErrorCode.INVALID_RECORD,
            id="producer id without a sequence",
        ),
        pytest.param(
            make_batch(flags=5), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, id="unknown codec"
        ),
        pytest.param(
            make_batch(flags=LOG_APPEND_TIME), ErrorCode.INVALID_TIMESTAMP, id="LogAppendTime"
        ),
    ],
)
def test_other_bytes_are_refused(batch: memoryview | bytes, code: ErrorCode) -> None:
    assert error_of(batch) == code


def test_bits_without_a_meaning_pass() -> None:
    check_produced(make_batch(flags=0x400), CONFIG, NOW_MS)
    check_produced(make_batch(flags=TRANSACTIONAL | Codec.ZSTD), CONFIG, NOW_MS)


def test_any_changed_byte_after_the_crc_is_found() -> None:
    for position in range(17, len(make_batch())):
        batch = make_batch()
        batch[position] ^= 0x40
        assert error_of(batch) == ErrorCode.CORRUPT_MESSAGE


def test_the_size_limit_is_for_the_whole_batch() -> None:
    batch = make_batch(b"v" * 100)
    check_produced(batch, LogConfig(max_message_bytes=len(batch)), NOW_MS)
    small = LogConfig(max_message_bytes=len(batch) - 1)
    assert error_of(batch, small) == ErrorCode.MESSAGE_TOO_LARGE


def test_a_batch_must_fit_into_a_segment() -> None:
    batch = make_batch(b"v" * 100)
    assert error_of(batch, LogConfig(segment_bytes=150)) == ErrorCode.RECORD_LIST_TOO_LARGE


def test_a_timestamp_may_be_an_hour_ahead() -> None:
    check_produced(make_batch(timestamp=NOW_MS + HOUR_MS), CONFIG, NOW_MS)
    ahead = make_batch(timestamp=NOW_MS + HOUR_MS + 1)
    assert error_of(ahead) == ErrorCode.INVALID_TIMESTAMP
    broker_time = LogConfig(message_timestamp_type="LogAppendTime")
    check_produced(ahead, broker_time, NOW_MS)


def test_how_old_a_timestamp_may_be_is_checked_for_each_record() -> None:
    strict = LogConfig(message_timestamp_before_max_ms=1000)
    records = [Record(0, NOW_MS, None, b""), Record(1, NOW_MS - 1000, None, b"")]
    check_produced(memoryview(build_batch(records)), strict, NOW_MS)
    records.append(Record(2, NOW_MS - 1001, None, b""))
    batch = memoryview(bytearray(build_batch(records, codec=Codec.LZ4)))
    with pytest.raises(InvalidRecords) as caught:
        check_produced(batch, strict, NOW_MS)
    assert caught.value.code == ErrorCode.INVALID_TIMESTAMP
    assert [index for index, _ in caught.value.record_errors] == [2]
    check_produced(batch, CONFIG, NOW_MS)
    check_produced(batch, replace(strict, message_timestamp_type="LogAppendTime"), NOW_MS)


def test_records_without_a_timestamp_pass() -> None:
    strict = LogConfig(message_timestamp_before_max_ms=1000)
    check_produced(make_batch(timestamp=-1), strict, NOW_MS)


@pytest.mark.parametrize("codec", Codec)
def test_a_compacted_topic_needs_keys(codec: Codec) -> None:
    check_produced(make_batch(b"one", key=b"key", codec=codec), COMPACTED, NOW_MS)
    records = [Record(0, NOW_MS, b"key", b""), Record(1, NOW_MS, None, b"")]
    batch = memoryview(bytearray(build_batch(records, codec=codec)))
    with pytest.raises(InvalidRecords) as caught:
        check_produced(batch, COMPACTED, NOW_MS)
    assert caught.value.code == ErrorCode.INVALID_RECORD
    assert [index for index, _ in caught.value.record_errors] == [1]
    check_produced(batch, CONFIG, NOW_MS)


def test_records_that_are_none_are_refused_where_they_are_looked_at() -> None:
    batch = changed(61, b"\xff\xff\xff\xff\xff\xff", batch=make_batch(b"value" * 10, key=b"k"))
    check_produced(batch, CONFIG, NOW_MS)
    assert error_of(batch, COMPACTED) == ErrorCode.CORRUPT_MESSAGE

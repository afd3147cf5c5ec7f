"""What a client's batch must be before a leader appends it, with Kafka's error codes and words.

Pure. Source: Kafka ``ProduceRequest.validateRecords``, ``UnifiedLog.analyzeAndValidateRecords``,
``LogValidator``.
"""

from __future__ import annotations

from typing import NoReturn

from crc32c import crc32c

from raftkafka.compression import Codec
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.records import (
    CODEC_MASK,
    CONTROL,
    CRC_START,
    HEADER_BYTES,
    LENGTH_OVERHEAD_BYTES,
    LOG_APPEND_TIME,
    MAGIC,
    NO_TIMESTAMP,
    PREFIX_BYTES,
    TRANSACTIONAL,
    iterate_heads,
    unpack_header,
)

Header = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
"""The fields of ``BatchHeader``, unnamed: naming them costs as much as checking them."""

CODECS = frozenset(codec.value for codec in Codec)
PLAIN_ATTRIBUTES = CODECS | {codec | TRANSACTIONAL for codec in CODECS}
"""All that clients send: one look-up tells that there is nothing to check."""

LEGACY_OVERHEAD_BYTES = 14
"""A length below this is none in any format."""


class InvalidRecords(KafkaError):
    """Some records of a batch are refused: ``record_errors`` has their indexes and the reasons."""

    code = ErrorCode.INVALID_RECORD

    def __init__(self, code: ErrorCode, record_errors: list[tuple[int, str]]) -> None:
        super().__init__(code, "One or more records have been rejected")
        self.record_errors = record_errors


def invalid(message: str) -> NoReturn:
    """Refuse a batch as a whole."""
    raise KafkaError(ErrorCode.INVALID_RECORD, message)


def check_produced(batch: memoryview, config: LogConfig, now_ms: int) -> Header:
    """Check what a client sent for one partition, and return its header.

    Args:
        batch: one batch, no more and no less.
        config: the topic's limits.
        now_ms: the broker's clock.

    Raises:
        KafkaError: CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP, MESSAGE_TOO_LARGE or
            RECORD_LIST_TOO_LARGE; some as ``InvalidRecords``.
    """
    size_bytes = len(batch)
    if size_bytes < HEADER_BYTES:
        _explain_framing(batch)
    header: Header = unpack_header(batch)
    base_offset, length, _, magic, crc, attributes = header[:6]
    if magic != MAGIC or length + LENGTH_OVERHEAD_BYTES != size_bytes:
        _explain_framing(batch)
    if base_offset != 0:
        invalid(f"The baseOffset of the record batch should be 0, but it is {base_offset}")
    if size_bytes > config.max_message_bytes:
        _refuse_size(ErrorCode.MESSAGE_TOO_LARGE, size_bytes, config.max_message_bytes)
    if crc32c(batch[CRC_START:]) != crc:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"Record is corrupt (stored crc = {crc})")
    if size_bytes > config.segment_bytes:
        _refuse_size(ErrorCode.RECORD_LIST_TOO_LARGE, size_bytes, config.segment_bytes)
    last_offset_delta, _, max_timestamp, producer_id, _, base_sequence, count = header[6:]
    if count <= 0 or last_offset_delta != count - 1:
        invalid(f"Inconsistent batch offset range [0, {last_offset_delta}] and count {count}")
    if attributes not in PLAIN_ATTRIBUTES:
        _check_attributes(attributes)
    if producer_id >= 0 and base_sequence < 0:
        invalid(f"Invalid sequence number {base_sequence} with producer id {producer_id}")
    if (
        max_timestamp - now_ms > config.message_timestamp_after_max_ms
        and not config.uses_log_append_time
    ):
        _refuse_timestamp(max_timestamp, config, now_ms)
    if config.checks_records:
        _check_records(batch, config, now_ms)
    return header


def _check_attributes(attributes: int) -> None:
    """Refuse what no client may set; bits without a meaning pass, as they do in Kafka."""
    if attributes & CONTROL:
        invalid("Clients are not allowed to write control records")
    if attributes & LOG_APPEND_TIME:
        raise KafkaError(
            ErrorCode.INVALID_TIMESTAMP, "Producer should not set timestamp type to LogAppendTime"
        )
    codec = attributes & CODEC_MASK
    if codec not in CODECS:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"Unknown compression type id: {codec}"
        )


def _refuse_size(code: ErrorCode, size_bytes: int, limit_bytes: int) -> NoReturn:
    limit = "message" if code == ErrorCode.MESSAGE_TOO_LARGE else "segment"
    raise KafkaError(
        code,
        f"The record batch has {size_bytes} bytes, which exceeds the maximum configured {limit}"
        f" size of {limit_bytes}",
    )


def _explain_framing(batch: memoryview) -> NoReturn:
    """Say why these bytes are not exactly one batch of magic 2."""
    if len(batch) < PREFIX_BYTES:
        invalid("Produce requests must have at least one record batch per partition")
    length = int.from_bytes(batch[8:12], "big", signed=True)
    magic = int.from_bytes(batch[16:17], "big", signed=True)
    if length < LEGACY_OVERHEAD_BYTES:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE, f"Found record size {length} smaller than minimum overhead"
        )
    if not 0 <= magic <= MAGIC:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"Invalid magic found in record: {magic}")
    size_bytes = length + LENGTH_OVERHEAD_BYTES
    if magic != MAGIC:
        invalid("Produce requests are only allowed to contain record batches with magic version 2")
    if size_bytes < HEADER_BYTES:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE, f"Record batch of {size_bytes} bytes has no header"
        )
    if size_bytes > len(batch):
        invalid("Produce requests must have at least one record batch per partition")
    invalid("Produce requests are only allowed to contain exactly one record batch per partition")


def _check_records(batch: memoryview, config: LogConfig, now_ms: int) -> None:
    """Check each record: only topics that are compacted or refuse old timestamps pay for it."""
    keyless: list[tuple[int, str]] = []
    for index, (offset, timestamp, has_key) in enumerate(iterate_heads(batch)):
        if offset != index:
            invalid(f"Record {index} has offset delta {offset}")
        if config.is_compacted and not has_key:
            keyless.append((index, "Compacted topic cannot accept message without key"))
        if not config.uses_log_append_time and timestamp != NO_TIMESTAMP:
            age_ms = now_ms - timestamp
            if (
                age_ms > config.message_timestamp_before_max_ms
                or -age_ms > config.message_timestamp_after_max_ms
            ):
                _refuse_timestamp(timestamp, config, now_ms, index)
    if keyless:
        raise InvalidRecords(ErrorCode.INVALID_RECORD, keyless)


def _refuse_timestamp(
    timestamp: int, config: LogConfig, now_ms: int, index: int | None = None
) -> NoReturn:
    oldest = now_ms - config.message_timestamp_before_max_ms
    newest = now_ms + config.message_timestamp_after_max_ms
    message = f"Timestamp {timestamp} of message is out of range: it should be within"
    message += f" [{oldest}, {newest}]"
    if index is None:
        raise KafkaError(ErrorCode.INVALID_TIMESTAMP, message)
    raise InvalidRecords(ErrorCode.INVALID_TIMESTAMP, [(index, message)])

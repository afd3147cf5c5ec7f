"""Record batches by hand: made byte by byte, and read at the places of the header's fields.

Source: Kafka's ``DefaultRecordBatch`` and ``DefaultRecord``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import crc32c

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
NAMES = {number: name for name, number in CODECS.items()}
TIMESTAMP_MS = 1_700_000_000_000
MAGIC = 2
NO_PRODUCER = -1
HEADER_BYTES = 61


def batch(
    values: Sequence[bytes],
    *,
    timestamp_ms: int = TIMESTAMP_MS,
    producer_id: int = NO_PRODUCER,
    producer_epoch: int = -1,
    base_sequence: int = -1,
) -> bytes:
    """Return one uncompressed batch of records without keys."""
    records = b"".join(record(n, value) for n, value in enumerate(values))
    count = len(values)
    checked = struct.pack(
        ">hiqqqhii",
        0,
        count - 1,
        timestamp_ms,
        timestamp_ms,
        producer_id,
        producer_epoch,
        base_sequence,
        count,
    )
    checked += records
    head = struct.pack(">ibI", -1, MAGIC, crc32c.crc32c(checked))
    return struct.pack(">qi", 0, len(head) + len(checked)) + head + checked


def record(offset_delta: int, value: bytes) -> bytes:
    """Return one record: no key, no headers, the batch's timestamp."""
    body = b"\0" + varint(0) + varint(offset_delta) + varint(-1) + varint(len(value)) + value
    body += varint(0)
    return varint(len(body)) + body


def varint(number: int) -> bytes:
    """Return a zigzag varint."""
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest >= 0x80:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def read_varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Return (number, position after it)."""
    raw = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (raw >> 1) ^ -(raw & 1), position
        shift += 7


def batches_in(content: bytes) -> Iterator[bytes]:
    """Yield the whole batches of a stretch of log; a cut one at the end is left out."""
    position = 0
    while position + HEADER_BYTES <= len(content):
        end = position + 12 + int.from_bytes(content[position + 8 : position + 12], "big")
        if end > len(content):
            return
        yield content[position:end]
        position = end


def values_of(one: bytes) -> list[tuple[int, bytes]]:
    """Return (offset, value) of each record of an uncompressed batch without keys and headers."""
    base = base_offset_of(one)
    position = HEADER_BYTES
    found: list[tuple[int, bytes]] = []
    for _ in range(count_of(one)):
        length, position = read_varint(one, position)
        end = position + length
        _, position = read_varint(one, position + 1)
        delta, position = read_varint(one, position)
        _, position = read_varint(one, position)
        size, position = read_varint(one, position)
        found.append((base + delta, one[position : position + size]))
        position = end
    return found


def base_offset_of(one: bytes) -> int:
    """Return the offset of the first record."""
    return int.from_bytes(one[:8], "big")


def codec_of(one: bytes) -> str:
    """Return the name of the compression."""
    return NAMES[one[22] & 7]


def count_of(one: bytes) -> int:
    """Return the number of records."""
    return int.from_bytes(one[57:61], "big")


def producer_id_of(one: bytes) -> int:
    """Return the producer id, -1 for none."""
    return int.from_bytes(one[43:51], "big", signed=True)

"""Record batches (magic 2): the header, its stamping, building and reading batches.

Buffers may be ``memoryview`` or ``bytes``; positions are bytes into them. The hot path unpacks the
header once with ``unpack_header`` and never looks at a record.

Layout, big-endian: baseOffset i64, length i32 (of what follows it), partitionLeaderEpoch i32, magic
i8, crc u32 (CRC-32C from the attributes to the end), attributes i16, lastOffsetDelta i32,
baseTimestamp i64, maxTimestamp i64, producerId i64, producerEpoch i16, baseSequence i32, count i32,
records. Source: Kafka ``DefaultRecordBatch``, ``DefaultRecord``; KIP-98.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

from raftkafka.compression import DECOMPRESSED_BYTES_MAX, Codec, compress, decompress
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.types import Buffer

MAGIC = 2
HEADER_BYTES = 61
LENGTH_OVERHEAD_BYTES = 12
"""baseOffset and length itself, which the length does not count."""
CRC_START = 21
PREFIX_BYTES = 17
"""As far as the magic: what can be read before the format is known."""

CODEC_MASK = 0x07
LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20
DELETE_HORIZON = 0x40

NO_TIMESTAMP = -1
NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
NO_LEADER_EPOCH = -1
SEQUENCE_MAX = 2**31 - 1

_header = Struct(">qiibIhiqqqhii")
_stamp = Struct(">qii")
_crc = Struct(">I")
_attributes = Struct(">h")
_timestamp = Struct(">q")

unpack_header = _header.unpack_from
"""(buffer, position) -> the fields of ``BatchHeader`` as a plain tuple."""
pack_stamp = _stamp.pack_into
"""(buffer, position, base_offset, length, leader_epoch): CRC is not concerned."""


class BatchHeader(NamedTuple):
    """The 61 bytes before the records. ``length`` is as stored: without the first 12 bytes."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size_bytes(self) -> int:
        """The whole batch."""
        return self.length + LENGTH_OVERHEAD_BYTES

    @property
    def last_offset(self) -> int:
        """The offset of the last record (compaction may have removed it)."""
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self) -> int:
        """How the records are compressed; see ``compression.Codec``."""
        return self.attributes & CODEC_MASK

    @property
    def is_control(self) -> bool:
        """Whether its one record is a transaction marker."""
        return bool(self.attributes & CONTROL)

    @property
    def is_transactional(self) -> bool:
        """Whether it is part of a transaction."""
        return bool(self.attributes & TRANSACTIONAL)


class Record(NamedTuple):
    """One record. The offset is absolute; the timestamp counts ms since 1970, -1 for none."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


RecordHead = tuple[int, int, bool]
"""Offset, timestamp, and whether there is a key: what stands before a record's content."""


def parse_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """Read the header at ``position``; at least 61 bytes must be there."""
    return BatchHeader(*unpack_header(buffer, position))


def has_valid_crc(batch: Buffer) -> bool:
    """Whether the CRC of a whole batch (no more, no less) fits its content."""
    (crc,) = _crc.unpack_from(batch, CRC_START - _crc.size)
    return bool(crc32c(memoryview(batch)[CRC_START:]) == crc)


def stamp_log_append_time(batch: memoryview, now_ms: int) -> None:
    """Make the broker's clock the time of all records of a batch, in place."""
    (attributes,) = _attributes.unpack_from(batch, CRC_START)
    _attributes.pack_into(batch, CRC_START, attributes | LOG_APPEND_TIME)
    _timestamp.pack_into(batch, 35, now_ms)
    _crc.pack_into(batch, CRC_START - _crc.size, crc32c(batch[CRC_START:]))


def next_sequence(sequence: int, increment: int) -> int:
    """Add to a sequence number, which wraps from 2^31 - 1 to 0."""
    return (sequence + increment) & SEQUENCE_MAX


def iterate_batches(buffer: Buffer) -> Iterator[tuple[BatchHeader, memoryview]]:
    """Yield the whole batches in a buffer; a cut-off one at the end is left out.

    Raises:
        KafkaError: CORRUPT_MESSAGE if a length or magic cannot be one.
    """
    view = memoryview(buffer)
    position = 0
    while len(view) - position >= HEADER_BYTES:
        header = parse_header(view, position)
        if header.magic != MAGIC or header.size_bytes < HEADER_BYTES:
            raise KafkaError(
                ErrorCode.CORRUPT_MESSAGE,
                f"No batch at byte {position}: magic {header.magic}, length {header.length}",
            )
        end = position + header.size_bytes
        if end > len(view):
            return
        yield header, view[position:end]
        position = end


def iterate_records(batch: Buffer, max_bytes: int = DECOMPRESSED_BYTES_MAX) -> Iterator[Record]:
    """Yield the records of one whole batch.

    Args:
        batch: exactly one batch.
        max_bytes: bound on what decompression may yield.

    Raises:
        KafkaError: CORRUPT_MESSAGE if the records are not what the header says.
    """
    header = parse_header(batch)
    data = bytes(decompress(header.codec, memoryview(batch)[HEADER_BYTES:], max_bytes))
    position = 0
    for _ in range(header.record_count):
        try:
            record, position = _read_record(data, position, header)
        except (IndexError, UnicodeDecodeError) as error:
            raise _cut_off(error) from error
        yield record


def iterate_heads(batch: Buffer, max_bytes: int = DECOMPRESSED_BYTES_MAX) -> Iterator[RecordHead]:
    """Yield the heads of the records of one whole batch, several times faster than the records.

    Args and errors: see ``iterate_records``.
    """
    header = parse_header(batch)
    data = bytes(decompress(header.codec, memoryview(batch)[HEADER_BYTES:], max_bytes))
    position = 0
    for _ in range(header.record_count):
        try:
            length, start = _read_varint(data, position)
            timestamp_delta, at = _read_varint(data, start + 1)  # after unused attributes
            offset_delta, at = _read_varint(data, at)
            key_length, at = _read_varint(data, at)
        except IndexError as error:
            raise _cut_off(error) from error
        position = start + length
        if not at + max(key_length, 0) < position <= len(data):
            raise _cut_off(f"length {length}")
        if header.attributes & LOG_APPEND_TIME:
            timestamp = header.max_timestamp
        else:
            timestamp = header.base_timestamp + timestamp_delta
        yield header.base_offset + offset_delta, timestamp, key_length >= 0


def _cut_off(reason: object) -> KafkaError:
    return KafkaError(ErrorCode.CORRUPT_MESSAGE, f"A record is cut off or no record: {reason}")


def _read_record(data: bytes, position: int, header: BatchHeader) -> tuple[Record, int]:
    length, position = _read_varint(data, position)
    end = position + length
    if not position < end <= len(data):
        raise IndexError(f"length {length}")
    timestamp_delta, position = _read_varint(data, position + 1)  # one byte of unused attributes
    offset_delta, position = _read_varint(data, position)
    key, position = _read_bytes(data, position)
    value, position = _read_bytes(data, position)
    count, position = _read_varint(data, position)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        name, position = _read_bytes(data, position)
        content, position = _read_bytes(data, position)
        if name is None:
            raise IndexError("a header without a name")
        headers.append((name.decode(), content))
    if count < 0 or position != end:
        raise IndexError(f"ends at {position} instead of {end}")
    if header.attributes & LOG_APPEND_TIME:
        timestamp = header.max_timestamp
    else:
        timestamp = header.base_timestamp + timestamp_delta
    offset = header.base_offset + offset_delta
    return Record(offset, timestamp, key, value, tuple(headers)), end


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a zigzag integer of at most ten bytes."""
    byte = data[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    value = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift > 63:
            raise IndexError("an integer of more than ten bytes")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
    return (value >> 1) ^ -(value & 1), position


def _read_bytes(data: bytes, position: int) -> tuple[bytes | None, int]:
    length, position = _read_varint(data, position)
    if length < 0:
        return None, position
    end = position + length
    if end > len(data):
        raise IndexError(f"{length} bytes where {len(data) - position} are left")
    return data[position:end], end


def build_batch(
    records: Sequence[Record],
    *,
    codec: Codec = Codec.NONE,
    base_offset: int = 0,
    leader_epoch: int = NO_LEADER_EPOCH,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    flags: int = 0,
) -> bytes:
    """Build one batch of at least one record.

    Args:
        records: their offsets count only as the distance to the first one's.
        codec: how to compress them.
        base_offset: the offset of the first record.
        leader_epoch: as stored.
        producer_id: with epoch and base sequence, for idempotence.
        producer_epoch: see there.
        base_sequence: see there.
        flags: TRANSACTIONAL, CONTROL, LOG_APPEND_TIME, or-ed.
    """
    first = records[0]
    body = bytearray()
    for record in records:
        _write_record(
            body, record, record.timestamp - first.timestamp, record.offset - first.offset
        )
    content = compress(codec, body)
    batch = bytearray(HEADER_BYTES)
    _header.pack_into(
        batch,
        0,
        base_offset,
        HEADER_BYTES + len(content) - LENGTH_OVERHEAD_BYTES,
        leader_epoch,
        MAGIC,
        0,
        codec | flags,
        records[-1].offset - first.offset,
        first.timestamp,
        max(record.timestamp for record in records),
        producer_id,
        producer_epoch,
        base_sequence,
        len(records),
    )
    batch += content
    _crc.pack_into(batch, CRC_START - _crc.size, crc32c(memoryview(batch)[CRC_START:]))
    return bytes(batch)


def _write_record(out: bytearray, record: Record, timestamp_delta: int, offset_delta: int) -> None:
    body = bytearray(1)  # attributes: none are in use
    _write_varint(body, timestamp_delta)
    _write_varint(body, offset_delta)
    _write_bytes(body, record.key)
    _write_bytes(body, record.value)
    _write_varint(body, len(record.headers))
    for name, content in record.headers:
        _write_bytes(body, name.encode())
        _write_bytes(body, content)
    _write_varint(out, len(body))
    out += body


def _write_varint(out: bytearray, value: int) -> None:
    value = (value << 1) ^ (value >> 63)
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _write_bytes(out: bytearray, data: bytes | None) -> None:
    if data is None:
        _write_varint(out, -1)
    else:
        _write_varint(out, len(data))
        out += data

"""The four codecs of record batches: gzip, snappy, lz4 and zstd, with a bound on what comes out.

The broker passes batches through as they came; it opens them only to look up a timestamp, to check
the keys of a compacted topic, and for ``log dump``.

Source: Kafka ``CompressionType``; xerial's snappy-java ``SnappyOutputStream`` for the framing that
Java clients put around snappy blocks.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.types import Buffer

DECOMPRESSED_BYTES_MAX = 128 * 1024 * 1024
"""No batch that fits into a request is worth more memory than this."""

XERIAL_MAGIC = b"\x82SNAPPY\x00"
XERIAL_HEADER = XERIAL_MAGIC + b"\x00\x00\x00\x01\x00\x00\x00\x01"
XERIAL_BLOCK_BYTES = 32 * 1024
FIRST_GUESS_BYTES = 64 * 1024
TOO_SMALL = "failed to write whole buffer"
"""How cramjam says that the content is larger than the buffer for it; a test holds it to that."""

_block_length = Struct(">i")


class Codec(IntEnum):
    """Bits 0 to 2 of a batch's attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


def compress(codec: Codec, data: Buffer) -> bytes:
    """Return ``data`` compressed as Kafka's Java client does it (snappy in xerial's framing)."""
    # cramjam is loaded on first use: a broker that only passes batches on never needs it.
    import cramjam

    match codec:
        case Codec.NONE:
            return bytes(data)
        case Codec.GZIP:
            return bytes(cramjam.gzip.compress(data))
        case Codec.SNAPPY:
            return _compress_xerial(data)
        case Codec.LZ4:
            # Java's reader takes no blocks that refer to earlier ones.
            compressor = cramjam.lz4.Compressor(block_linked=False)
            compressor.compress(bytes(data))
            return bytes(compressor.finish())
        case Codec.ZSTD:
            return bytes(cramjam.zstd.compress(data))


def decompress(codec: int, data: Buffer, max_bytes: int = DECOMPRESSED_BYTES_MAX) -> Buffer:
    """Return the content of ``data``.

    Args:
        codec: bits 0 to 2 of the attributes.
        data: the records section of a batch.
        max_bytes: more than this is refused before it is held in memory.

    Raises:
        KafkaError: CORRUPT_MESSAGE if the bytes are not of that codec or hold more than
            ``max_bytes``; UNSUPPORTED_COMPRESSION_TYPE for a codec that does not exist.
    """
    match codec:
        case Codec.NONE:
            return data
        case Codec.SNAPPY:
            return _decompress_snappy(memoryview(data), max_bytes)
        case Codec.GZIP | Codec.LZ4 | Codec.ZSTD:
            return _decompress_stream(codec, data, max_bytes)
        case _:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"unknown compression type id: {codec}"
            )


def _corrupt(reason: object) -> KafkaError:
    return KafkaError(ErrorCode.CORRUPT_MESSAGE, f"Cannot decompress a record batch: {reason}")


def _decompress_stream(codec: int, data: Buffer, max_bytes: int) -> Buffer:
    """Decompress into a buffer that grows to ``max_bytes``: the size is not known beforehand."""
    import cramjam

    modules = {Codec.GZIP: cramjam.gzip, Codec.LZ4: cramjam.lz4, Codec.ZSTD: cramjam.zstd}
    module = modules[Codec(codec)]
    capacity = min(max(FIRST_GUESS_BYTES, 4 * len(data)), max_bytes)
    while True:
        output = bytearray(capacity)
        try:
            length = module.decompress_into(data, output)
        except cramjam.DecompressionError as error:
            if capacity >= max_bytes or str(error) != TOO_SMALL:
                raise _corrupt(error) from error
            capacity = min(4 * capacity, max_bytes)
        else:
            return memoryview(output)[:length]


def _decompress_snappy(data: memoryview, max_bytes: int) -> Buffer:
    if bytes(data[: len(XERIAL_MAGIC)]) != XERIAL_MAGIC:
        return _decompress_block(data, max_bytes)
    blocks: list[Buffer] = []
    position = len(XERIAL_HEADER)
    while position < len(data):
        if len(data) - position < _block_length.size:
            raise _corrupt("a snappy block without a length")
        (length,) = _block_length.unpack_from(data, position)
        position += _block_length.size
        if not 0 <= length <= len(data) - position:
            raise _corrupt(f"a snappy block of {length} bytes")
        block = _decompress_block(data[position : position + length], max_bytes)
        max_bytes -= len(block)
        blocks.append(block)
        position += length
    return b"".join(blocks)


def _decompress_block(block: memoryview, max_bytes: int) -> bytes:
    import cramjam

    try:
        length = cramjam.snappy.decompress_raw_len(block)
        if length > max_bytes:
            raise _corrupt(f"more than {max_bytes} bytes")
        return bytes(cramjam.snappy.decompress_raw(block))
    except cramjam.DecompressionError as error:
        raise _corrupt(error) from error


def _compress_xerial(data: Buffer) -> bytes:
    import cramjam

    view = memoryview(data)
    parts = [XERIAL_HEADER]
    for start in range(0, len(view), XERIAL_BLOCK_BYTES):
        block = bytes(cramjam.snappy.compress_raw(view[start : start + XERIAL_BLOCK_BYTES]))
        parts += (_block_length.pack(len(block)), block)
    return b"".join(parts)

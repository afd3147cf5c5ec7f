"""Unsigned varints and tagged fields, where a message's compiled codec does not inline them.

Source: KIP-482; Kafka class ``ByteUtils``.
"""

from __future__ import annotations

from raftkafka.errors import Malformed
from raftkafka.types import Buffer

VARINT_BITS_MAX = 28
STRING_BYTES_MAX = 32767
TAG_BYTES_MIN = 2
"""The tag and the size of an empty field."""


def read_varint(buffer: Buffer, position: int) -> tuple[int, int]:
    """Read an unsigned varint of at most five bytes; return it and the position behind it.

    Raises:
        IndexError: it runs past the end; decoders turn this into ``Malformed``.
        Malformed: it is longer.
    """
    value = buffer[position]
    if value < 128:
        return value, position + 1
    return read_varint_rest(buffer, position + 1, value)


def read_varint_rest(buffer: Buffer, position: int, first: int) -> tuple[int, int]:
    """Go on with a varint whose ``first`` byte (128 or more) is already read."""
    value = first & 127
    shift = 7
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        if shift == VARINT_BITS_MAX:
            raise Malformed("a varint of more than five bytes")
        shift += 7


def read_string_length_rest(buffer: Buffer, position: int, first: int) -> tuple[int, int]:
    """As ``read_varint_rest``, for the length + 1 of a string."""
    length, position = read_varint_rest(buffer, position, first)
    if length - 1 > STRING_BYTES_MAX:
        raise Malformed(f"a string of {length - 1} bytes")
    return length, position


def read_tag_count(buffer: Buffer, position: int, first: int) -> tuple[int, int]:
    """Read how many tagged fields follow; ``first`` is the first byte, already read."""
    count = first
    if count > 127:
        count, position = read_varint_rest(buffer, position, first)
    if count * TAG_BYTES_MIN > len(buffer) - position:
        raise Malformed(f"{count} tagged fields in {len(buffer) - position} bytes")
    return count, position


def skip_tags(buffer: Buffer, position: int, first: int) -> int:
    """Step over tagged fields; ``first`` is the first byte of their count, already read."""
    count, position = read_tag_count(buffer, position, first)
    for _ in range(count):
        _, position = read_varint(buffer, position)
        size, position = read_varint(buffer, position)
        position += size
    if position > len(buffer):
        raise Malformed("tagged fields run past the end")
    return position


def varint(value: int) -> bytes:
    """Return the unsigned varint of ``value``."""
    if value < 128:
        return SHORT_VARINTS[value]
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def string_varint(length: int) -> bytes:
    """Return the compact length (its bytes plus 1) of a string.

    Raises:
        ValueError: no peer takes such a string.
    """
    if length - 1 > STRING_BYTES_MAX:
        raise ValueError(f"a string of {length - 1} bytes")
    return varint(length)


SHORT_VARINTS = [bytes((value,)) for value in range(128)]

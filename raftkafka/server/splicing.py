"""Responses put together from parts that were encoded before, or one after the other.

A response with thousands of elements would hold the event loop while it is encoded. Its parts
are cut out of responses that the codec encoded with few elements or none, so the bytes are
the codec's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct

import trio

from raftkafka.protocol.codec import encode_bytes
from raftkafka.protocol.schema import Response
from raftkafka.protocol.wire import varint
from raftkafka.server.answers import Encoded

_int = Struct(">i").pack


def elements_of(encoded: bytes, empty: bytes, behind: int) -> bytes:
    """Cut the elements out of an array of less than 127 of them.

    Args:
        encoded: a structure with elements in the array.
        empty: the same without.
        behind: bytes of both behind the array.
    """
    return encoded[len(empty) - behind : len(encoded) - behind]


def with_elements(
    empty: bytes, behind: int, elements: Sequence[bytes], count: int, *, flexible: bool
) -> bytes:
    """Fill the array that was left empty, ``behind`` bytes before the end."""
    end = len(empty) - behind
    length, start = (varint(count + 1), end - 1) if flexible else (_int(count), end - 4)
    return b"".join((empty[:start], length, *elements, empty[end:]))


async def in_slices(
    empty: Response, version: int, slices: Iterator[tuple[int, Response]], *, flexible: bool
) -> Encoded:
    """Encode a response slice by slice, with other work in between.

    Args:
        empty: the response without elements in its last field, an array.
        version: the version to encode.
        slices: equal responses with a few elements each, less than 127, and how many.
        flexible: whether the version has compact lengths and tags.
    """
    whole, behind = encode_bytes(empty, version), 1 if flexible else 0
    elements: list[bytes] = []
    total = 0
    for count, part in slices:
        elements.append(elements_of(encode_bytes(part, version), whole, behind))
        total += count
        await trio.lowlevel.checkpoint()
    return Encoded(with_elements(whole, behind, elements, total, flexible=flexible))

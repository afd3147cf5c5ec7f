"""Malformed requests, drawn from a seed: valid ones broken in every way that bytes can be."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import cast

from raftkafka.protocol.apis import request_class, valid_versions
from raftkafka.protocol.frames import request_frame
from tests.support.protocol_values import random_message
from tests.support.wire import API_VERSIONS, call

HOSTILE_COUNTS = (0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x00FFFFFF, 0x0000FFFF)
HOSTILE_SIZES = (-(2**31), -1, 0, 1, 7, 2**31 - 1)
LATER_KEYS = (4, 5, 62, 63, 999, 32767, -1)
Api = tuple[int, int, int]
"""API key, first and last version."""


def advertised(port: int) -> list[Api]:
    """Return what the broker offers, as it says itself, as far as there are tables for it."""
    answer = call(port, API_VERSIONS, 0, b"")
    (count,) = struct.unpack_from(">i", answer, 2)
    offers = [struct.unpack_from(">hhh", answer, 6 + 6 * n) for n in range(count)]
    return [(key, max(first, valid_versions(key)[0]), last) for key, first, last in offers]


def valid_frame(apis: Sequence[Api], random: Random) -> bytes:
    """Return a well-formed request with random content."""
    key, first, last = random.choice(apis)
    cls = request_class(key)
    version = random.randint(first, last)
    message = random_message(cls, version, random)
    assert isinstance(message, cls)
    parts = request_frame(message, version, random.getrandbits(31), "chaos")
    return b"".join(cast("list[bytes]", parts))  # random messages hold no file ranges


def sized(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content


def flip_bits(frame: bytes, random: Random) -> bytes:
    content = bytearray(frame[4:])
    for _ in range(random.randint(1, 8)):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return sized(bytes(content))


def cut_short(frame: bytes, random: Random) -> bytes:
    return sized(frame[4 : 4 + random.randrange(len(frame) - 4)])


def add_garbage(frame: bytes, random: Random) -> bytes:
    return sized(frame[4:] + random.randbytes(random.randint(1, 200)))


def hostile_count(frame: bytes, random: Random) -> bytes:
    content = bytearray(frame[4:])
    struct.pack_into(
        ">I", content, random.randrange(len(content) - 3), random.choice(HOSTILE_COUNTS)
    )
    return sized(bytes(content))


def endless_varint(frame: bytes, random: Random) -> bytes:
    place = random.randrange(4, len(frame))
    return sized(frame[4:place] + b"\xff" * random.randint(5, 40) + frame[place:])


def wrong_size(frame: bytes, random: Random) -> bytes:
    return struct.pack(">i", random.choice(HOSTILE_SIZES)) + frame[4:]


def unknown_api(frame: bytes, random: Random) -> bytes:
    key = random.choice(LATER_KEYS)
    return sized(struct.pack(">hh", key, random.choice((-1, 0, 99, 32767))) + frame[8:])


def noise(_: bytes, random: Random) -> bytes:
    content = random.randbytes(random.randint(0, 300))
    return sized(content) if random.random() < 0.5 else content


BREAKAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    flip_bits,
    cut_short,
    add_garbage,
    hostile_count,
    endless_varint,
    wrong_size,
    unknown_api,
    noise,
)


def malformed_frame(apis: Sequence[Api], random: Random) -> bytes:
    """Return a request that is wrong in one of the ways."""
    return random.choice(BREAKAGES)(valid_frame(apis, random), random)

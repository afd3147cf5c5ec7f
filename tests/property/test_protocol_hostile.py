"""No bytes make the decoder do anything but return a message or raise Malformed."""

from __future__ import annotations

import random
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkafka.errors import Malformed
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.frames import parse_request_header, parse_response_header
from raftkafka.protocol.messages.metadata import MetadataRequest, MetadataResponse
from raftkafka.protocol.messages.topics import CreateTopicsRequest
from raftkafka.protocol.messages.transactions import TxnOffsetCommitRequest
from raftkafka.protocol.schema import Message
from raftkafka.protocol.wire import read_varint, varint
from tests.support.protocol_values import message_versions, random_message

VERSIONS = message_versions()
MUTATIONS = 20
PREFIXES = 60
EVIL = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


@pytest.mark.parametrize(
    ("message", "version"), VERSIONS, ids=lambda value: getattr(value, "__name__", value)
)
def test_damaged_messages(message: type[Message], version: int) -> None:
    source = random.Random(f"{message.__name__} {version}")
    sound = encode_bytes(random_message(message, version, source), version)
    for length in source.sample(range(len(sound)), min(PREFIXES, len(sound))):
        with pytest.raises(Malformed):
            decode(message, version, sound[:length])
    for _ in range(MUTATIONS):
        damaged = bytearray(sound)
        for _ in range(source.choice((1, 1, 2, 8)) if damaged else 0):
            damaged[source.randrange(len(damaged))] = source.choice(EVIL)
        with suppress(Malformed):
            _, end = decode(message, version, damaged)
            assert end <= len(damaged)


@given(st.sampled_from(VERSIONS), st.binary(max_size=200))
def test_garbage(message_version: tuple[type[Message], int], garbage: bytes) -> None:
    message, version = message_version
    with suppress(Malformed):
        _, end = decode(message, version, garbage)
        assert end <= len(garbage)


@given(st.binary(max_size=40), st.integers(0, 90), st.integers(0, 15))
def test_garbage_in_headers(garbage: bytes, key: int, version: int) -> None:
    frame = memoryview(key.to_bytes(2, "big") + version.to_bytes(2, "big") + garbage)
    with suppress(Malformed):
        assert parse_request_header(frame).body_position <= len(frame)
    with suppress(Malformed):
        assert parse_response_header(frame, 1)[1] <= len(frame)


@pytest.mark.parametrize(
    ("message", "version", "wire"),
    [
        pytest.param(MetadataRequest, 1, "7fffffff", id="array of structs"),
        pytest.param(MetadataRequest, 12, "ffffffff0f", id="compact array of structs"),
        pytest.param(
            CreateTopicsRequest,
            2,
            "00000001 0001 74 00000001 0001 00000001 00000000 7fffffff",
            id="array of numbers",
        ),
        pytest.param(CreateTopicsRequest, 5, "02 02 74 00000001 0001 01 ffffffff0f", id="nested"),
        pytest.param(MetadataResponse, 12, "00000000 01 00 00000000 01 ffffffff0f", id="tags"),
        pytest.param(TxnOffsetCommitRequest, 3, "ffffffff0f", id="string"),
    ],
)
def test_counts_are_checked_before_anything_is_allocated(
    message: type[Message], version: int, wire: str
) -> None:
    """A claim of two billion elements costs neither memory nor time, whatever follows it."""
    frame = bytes.fromhex(wire) + bytes(1_000_000)
    with pytest.raises(Malformed):
        decode(message, version, frame)  # compiles it, which takes memory
    tracemalloc.start()
    with pytest.raises(Malformed):
        decode(message, version, frame)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2 * len(frame)


@given(st.integers(0, 2**35 - 1))
def test_varints(value: int) -> None:
    wire = varint(value)
    assert read_varint(wire, 0) == (value, len(wire))

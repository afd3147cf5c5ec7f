"""Produce, Fetch, ListOffsets, CreateTopics and DeleteTopics by hand, in non-flexible versions."""

from __future__ import annotations

import struct
from typing import NamedTuple

from tests.support.batches import batches_in, values_of
from tests.support.wire import call, frame

PRODUCE, PRODUCE_VERSION = 0, 7
FETCH, FETCH_VERSION = 1, 4
LIST_OFFSETS, LIST_OFFSETS_VERSION = 2, 1
METADATA, METADATA_VERSION = 3, 1
CREATE_TOPICS, CREATE_TOPICS_VERSION = 19, 2
DELETE_TOPICS, DELETE_TOPICS_VERSION = 20, 1
LATEST = -1
TIMEOUT_MS = 30_000


class Produced(NamedTuple):
    """What a Produce of one partition was answered."""

    error: int
    base_offset: int


class Fetched(NamedTuple):
    """What a Fetch of one partition was answered."""

    error: int
    high_watermark: int
    records: bytes


def string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


def read_string(body: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", body, position)
    end = position + 2 + max(0, length)
    return body[position + 2 : end].decode(), end


def produce_request(
    topic: str, partition: int, records: bytes, *, acks: int = -1, correlation_id: int = 1
) -> bytes:
    """Return a framed Produce of one partition."""
    body = struct.pack(">hhii", -1, acks, TIMEOUT_MS, 1) + string(topic)
    body += struct.pack(">iii", 1, partition, len(records)) + records
    return frame(PRODUCE, PRODUCE_VERSION, body, correlation_id)


def parse_produced(response: bytes) -> Produced:
    """Read the response to a Produce of one partition, correlation id included."""
    _, at = read_string(response, 8)
    return Produced(*struct.unpack_from(">hq", response, at + 8))


def fetch_request(
    topic: str,
    partition: int,
    offset: int,
    *,
    max_wait_ms: int = 500,
    max_bytes: int = 1 << 20,
    correlation_id: int = 1,
) -> bytes:
    """Return a framed Fetch of one partition."""
    body = struct.pack(">iiiibi", -1, max_wait_ms, 1, max_bytes, 0, 1) + string(topic)
    body += struct.pack(">iiqi", 1, partition, offset, max_bytes)
    return frame(FETCH, FETCH_VERSION, body, correlation_id)


def parse_fetched(response: bytes) -> Fetched:
    """Read the response to a Fetch of one partition, correlation id included."""
    _, at = read_string(response, 12)
    error, high_watermark, _, aborted = struct.unpack_from(">hqqi", response, at + 8)
    at += 30 + 16 * max(0, aborted)
    (length,) = struct.unpack_from(">i", response, at)
    return Fetched(error, high_watermark, response[at + 4 : at + 4 + max(0, length)])


def end_offset(port: int, topic: str, partition: int) -> int:
    """Return the offset after the last visible record."""
    body = struct.pack(">ii", -1, 1) + string(topic) + struct.pack(">iiq", 1, partition, LATEST)
    response = call(port, LIST_OFFSETS, LIST_OFFSETS_VERSION, body)
    _, at = read_string(response, 4)
    error, _, offset = struct.unpack_from(">hqq", response, at + 8)
    assert error == 0, f"ListOffsets: error {error}"
    return int(offset)


def read_log(port: int, topic: str, partition: int, start: int = 0) -> list[tuple[int, bytes]]:
    """Return (offset, value) of every visible record from ``start`` on."""
    end = end_offset(port, topic, partition)
    found: list[tuple[int, bytes]] = []
    while start < end:
        request = fetch_request(topic, partition, start)
        fetched = parse_fetched(request_response(port, request))
        assert fetched.error == 0, f"Fetch: error {fetched.error}"
        for one in batches_in(fetched.records):
            found += [pair for pair in values_of(one) if pair[0] >= start]
        assert found, "a fetch below the end returns something"
        start = found[-1][0] + 1
    return found


def request_response(port: int, request: bytes) -> bytes:
    """Send a framed request alone; return the response, correlation id first."""
    key, version, correlation = struct.unpack_from(">hhi", request, 4)
    return struct.pack(">i", correlation) + call(port, key, version, request[14:], timeout_s=30)


def create_topics_request(
    names: list[str],
    *,
    partitions: int = 1,
    configs: dict[str, str] | None = None,
    correlation_id: int = 1,
) -> bytes:
    """Return a framed CreateTopics."""
    body = struct.pack(">i", len(names))
    for name in names:
        body += string(name) + struct.pack(">ihii", partitions, 1, 0, len(configs or {}))
        for key, value in (configs or {}).items():
            body += string(key) + string(value)
    body += struct.pack(">ib", TIMEOUT_MS, 0)
    return frame(CREATE_TOPICS, CREATE_TOPICS_VERSION, body, correlation_id)


def delete_topics_request(names: list[str], *, correlation_id: int = 1) -> bytes:
    """Return a framed DeleteTopics."""
    body = struct.pack(">i", len(names)) + b"".join(string(name) for name in names)
    body += struct.pack(">i", TIMEOUT_MS)
    return frame(DELETE_TOPICS, DELETE_TOPICS_VERSION, body, correlation_id)


def parse_created(response: bytes) -> dict[str, int]:
    """Return the error code of each topic of a CreateTopics response, correlation id included."""
    (count,) = struct.unpack_from(">i", response, 8)
    at = 12
    errors: dict[str, int] = {}
    for _ in range(count):
        name, at = read_string(response, at)
        (errors[name],) = struct.unpack_from(">h", response, at)
        _, at = read_string(response, at + 2)
    return errors


def parse_deleted(response: bytes) -> dict[str, int]:
    """Return the error code of each topic of a DeleteTopics response, correlation id included."""
    (count,) = struct.unpack_from(">i", response, 8)
    at = 12
    errors: dict[str, int] = {}
    for _ in range(count):
        name, at = read_string(response, at)
        (errors[name],) = struct.unpack_from(">h", response, at)
        at += 2
    return errors


def create_topic(port: int, name: str, partitions: int = 1, **configs: str) -> None:
    """Create one topic; keys have ``_`` for ``.``."""
    named = {key.replace("_", "."): value for key, value in configs.items()}
    request = create_topics_request([name], partitions=partitions, configs=named)
    errors = parse_created(request_response(port, request))
    assert errors == {name: 0}, errors


def topic_names(port: int) -> set[str]:
    """Return the names of all topics, from Metadata."""
    response = call(port, METADATA, METADATA_VERSION, struct.pack(">i", -1))
    (brokers,) = struct.unpack_from(">i", response, 0)
    at = 4
    for _ in range(brokers):
        _, at = read_string(response, at + 4)
        _, at = read_string(response, at + 4)
    (topics,) = struct.unpack_from(">i", response, at + 4)
    at += 8
    names: set[str] = set()
    for _ in range(topics):
        name, at = read_string(response, at + 2)
        names.add(name)
        (partitions,) = struct.unpack_from(">i", response, at + 1)
        at += 5
        for _ in range(partitions):
            at += 10
            for _ in range(2):
                (count,) = struct.unpack_from(">i", response, at)
                at += 4 + 4 * count
    return names

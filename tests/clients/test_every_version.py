"""Every version of every advertised API is answered by a live broker, with content.

A field that an old version has no room for must not stop an answer; random values would
seldom get as far as an answer with content, and real clients use a few versions each.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import cast

import pytest

from raftkafka.errors import ErrorCode
from raftkafka.protocol.apis import ApiKey, request_class, response_class, response_header_version
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import parse_response_header, request_frame
from raftkafka.protocol.layout import (
    Context,
    context_of,
    element_of,
    in_versions,
    layout_of,
    struct_of,
)
from raftkafka.protocol.schema import Field, Request, Response, Struct, default_value
from raftkafka.server.api_table import APIS
from raftkafka.types import parse_uuid
from tests.support.batches import batch
from tests.support.broker import Server
from tests.support.requests import create_topic, produce_request, request_response
from tests.support.wire import LOOPBACK, read_response

TOPIC = "there"
RESOURCE_TOPIC = 2
LATEST = -1
CORRELATION_ID = 7
ACKS_ALL = -1
PRODUCE_VERSIONS_REFUSED = 3
FIXED: dict[str, object] = {
    "acks": ACKS_ALL,
    "timeout_ms": 10_000,
    "max_wait_ms": 0,
    "max_bytes": 1 << 20,
    "partition_max_bytes": 1 << 20,
    "replica_id": -1,
    "current_leader_epoch": -1,
    "last_fetched_epoch": -1,
    "timestamp": LATEST,
    "replication_factor": 1,
    "num_partitions": 2,
    "resource_type": RESOURCE_TOPIC,
    "client_software_name": "test",
    "client_software_version": "1",
    "response_partition_limit": 100,
    "producer_id": -1,
    "producer_epoch": -1,
    "transactional_id": None,
    "transaction_timeout_ms": 60_000,
    "configuration_keys": None,
    "config_names": ["retention.ms"],
    "value": "100000",
    "endpoint_type": 1,
    "topics": None,
    "cursor": None,
}
"""Values by field name, where zero, empty or the topic's name would not do."""
OF_ONE_API: dict[tuple[ApiKey, str], object] = {
    (ApiKey.CREATE_TOPICS, "assignments"): [],
    (ApiKey.CREATE_TOPICS, "configs"): [],
    (ApiKey.CREATE_PARTITIONS, "assignments"): None,
    (ApiKey.DELETE_TOPICS, "topic_id"): bytes(16),
    (ApiKey.DESCRIBE_QUORUM, "topic_name"): "__cluster_metadata",
    (ApiKey.ALTER_PARTITION_REASSIGNMENTS, "replicas"): [1],
}
CONFIGS = (ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS)
EXPECTED = {
    ApiKey.FIND_COORDINATOR: ErrorCode.COORDINATOR_NOT_AVAILABLE,  # no groups yet
    ApiKey.DELETE_TOPICS: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ApiKey.ALTER_REPLICA_LOG_DIRS: ErrorCode.LOG_DIR_NOT_FOUND,
    ApiKey.ADD_RAFT_VOTER: ErrorCode.INVALID_REQUEST,  # a lone node is its own quorum
    ApiKey.ELECT_LEADERS: ErrorCode.ELECTION_NOT_NEEDED,
}
"""Errors that are right."""


class Asker:
    """Builds requests that mean something: one element in each array, names that exist."""

    def __init__(self, topic_id: bytes) -> None:
        self._topic_id = topic_id
        self._numbers = count()

    def request(self, key: ApiKey, version: int) -> Request:
        cls = request_class(key)
        made = self._struct(cls, context_of(cls, version), key)
        assert isinstance(made, Request)
        return made

    def _struct(self, cls: type[Struct], context: Context, key: ApiKey) -> Struct:
        values: dict[str, object] = {}
        for name, field in layout_of(cls, context).plain:
            values[name] = self._value(name, field, context, key)
        return cls(**values)

    def _value(self, name: str, field: Field, context: Context, key: ApiKey) -> object:
        if (key, name) in OF_ONE_API:
            return OF_ONE_API[key, name]
        if name == "count":  # of partitions: more each time
            return 3 + next(self._numbers)
        if name in FIXED and (FIXED[name] is not None or in_versions(field.null, context.version)):
            return FIXED[name]
        if field.kind == "struct":
            return self._struct(struct_of(field), context, key)
        if field.kind == "array":
            element = element_of(field)
            if isinstance(element, Field):
                return [self._scalar(name, element, key)]
            return [self._struct(element, context, key)]
        return self._scalar(name, field, key)

    def _scalar(self, name: str, field: Field, key: ApiKey) -> object:
        if field.kind == "string":
            if key in (ApiKey.CREATE_TOPICS, ApiKey.DELETE_TOPICS) and "name" in name:
                return f"fresh-{next(self._numbers)}"
            return "retention.ms" if name == "name" and key in CONFIGS else TOPIC
        if field.kind == "16s":
            return self._topic_id
        if field.kind == "records":
            return memoryview(batch([b"v"]))
        return default_value(field)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("versions"))
    server.start()
    create_topic(server.port, TOPIC)
    request_response(server.port, produce_request(TOPIC, 0, batch([b"first"])))
    yield server
    assert server.stop() == 0
    server.assert_log_is_clean()


@pytest.fixture(scope="module")
def asker(server: Server) -> Asker:
    text = (Path(server.data) / f"{TOPIC}-0" / "partition.metadata").read_text()
    return Asker(parse_uuid(text.partition("topic_id: ")[2].strip()))


def ask(port: int, request: Request, key: ApiKey, version: int) -> Response:
    """Send one request and return the answer, decoded in full."""
    parts = request_frame(request, version, CORRELATION_ID, "versions")
    content = b"".join(cast("list[bytes]", parts))  # no file ranges in requests
    with socket.create_connection((LOOPBACK, port), 20) as connection:
        connection.sendall(content)
        frame = memoryview(read_response(connection))
    correlation, position = parse_response_header(frame, response_header_version(key, version))
    assert correlation == CORRELATION_ID
    response, end = decode(response_class(key), version, frame, position)
    assert end == len(frame), "nothing is left over"
    return response


def errors_in(value: object) -> Iterator[int]:
    """Yield every error code of an answer, at any depth."""
    if isinstance(value, list):
        for element in cast("list[object]", value):
            yield from errors_in(element)
    elif isinstance(value, Struct):
        for name in type(value).__fields__:
            inner = getattr(value, name)
            if name == "error_code":
                yield inner
            else:
                yield from errors_in(inner)


VERSIONS = [
    pytest.param(api.key, version, id=f"{api.key.name} v{version}")
    for api in APIS
    for version in range(api.min_version, api.max_version + 1)
    if not (api.key == ApiKey.PRODUCE and version < PRODUCE_VERSIONS_REFUSED)
]


@pytest.mark.parametrize(("key", "version"), VERSIONS)
def test_answered(key: ApiKey, version: int, server: Server, asker: Asker) -> None:
    answer = ask(server.port, asker.request(key, version), key, version)
    codes = set(errors_in(answer))
    assert codes <= {0, EXPECTED.get(key, 0)}, answer

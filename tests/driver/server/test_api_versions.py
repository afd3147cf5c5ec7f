"""ApiVersions, and what becomes of versions and keys that the broker does not have."""

from __future__ import annotations

import struct

import pytest

from raftkafka.errors import ErrorCode
from raftkafka.protocol.apis import APIS as TABLES
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
)
from raftkafka.server.api_table import APIS
from tests.sim.wire_client import WireClient
from tests.support.whole_broker import Driver
from tests.support.wire import frame

SOFTWARE = ApiVersionsRequest(client_software_name="a.b-c", client_software_version="1.0")

ADVERTISED = {
    ApiKey.PRODUCE: (0, 11),
    ApiKey.FETCH: (4, 16),
    ApiKey.LIST_OFFSETS: (1, 9),
    ApiKey.METADATA: (0, 13),
    ApiKey.FIND_COORDINATOR: (0, 5),
    ApiKey.API_VERSIONS: (0, 4),
    ApiKey.CREATE_TOPICS: (2, 7),
    ApiKey.DELETE_TOPICS: (1, 6),
    ApiKey.DELETE_RECORDS: (0, 2),
    ApiKey.INIT_PRODUCER_ID: (0, 4),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: (2, 4),
    ApiKey.DESCRIBE_CONFIGS: (1, 4),
    ApiKey.ALTER_CONFIGS: (0, 2),
    ApiKey.ALTER_REPLICA_LOG_DIRS: (1, 2),
    ApiKey.DESCRIBE_LOG_DIRS: (1, 4),
    ApiKey.CREATE_PARTITIONS: (0, 3),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: (0, 1),
    ApiKey.ELECT_LEADERS: (0, 2),
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: (0, 0),
    ApiKey.LIST_PARTITION_REASSIGNMENTS: (0, 0),
    ApiKey.DESCRIBE_QUORUM: (0, 2),
    ApiKey.DESCRIBE_CLUSTER: (0, 2),
    ApiKey.DESCRIBE_PRODUCERS: (0, 0),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: (0, 0),
    ApiKey.ADD_RAFT_VOTER: (0, 1),
}
"""Kafka 4.3's minimums; what real clients need of the maximums."""


async def test_every_version_lists_what_is_answered(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        for version in range(5):
            answer = await client.ask(SOFTWARE, version, ApiVersionsResponse)
            assert answer.error_code == 0
            listed = {it.api_key: (it.min_version, it.max_version) for it in answer.api_keys}
            assert listed == ADVERTISED


@pytest.mark.parametrize("version", [5, 99, 32767])
async def test_a_version_of_its_own_that_is_unknown_gets_version_0_and_one_entry(
    driver: Driver, version: int
) -> None:
    """The body is of version 0 and the header is always v0: 4.x clients start above us."""
    async with driver.broker() as broker:
        client = await broker.client()
        header = struct.pack(">hhih", ApiKey.API_VERSIONS, version, 77, -1) + b"\0"
        body = encode_bytes(SOFTWARE, 4) + b"a field of later versions"
        await client.send_bytes(struct.pack(">i", len(header + body)) + header + body)
        received = await client.receive_frame()
        assert received[:4] == struct.pack(">i", 77)
        answer, end = decode(ApiVersionsResponse, 0, received, 4)
        assert end == len(received)
        assert answer == ApiVersionsResponse(
            error_code=ErrorCode.UNSUPPORTED_VERSION,
            api_keys=[ApiVersion(api_key=18, min_version=0, max_version=4)],
        )
        again = await client.ask(SOFTWARE, 4, ApiVersionsResponse)
        assert again.error_code == 0, "the connection is good for another try"


async def test_a_negative_version_of_its_own_is_answered_too(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.send_bytes(frame(ApiKey.API_VERSIONS, -1, b""))
        answer, _ = decode(ApiVersionsResponse, 0, await client.receive_frame(), 4)
        assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION


async def test_bad_names_of_client_software_are_refused(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        for name in ("", "-a", "a-", "a b", "a\n", "ä", "a" * 300 + "_"):
            for request in (
                ApiVersionsRequest(client_software_name=name, client_software_version="1"),
                ApiVersionsRequest(client_software_name="good", client_software_version=name),
            ):
                for version in (3, 4):
                    answer = await client.ask(request, version, ApiVersionsResponse)
                    assert answer.error_code == ErrorCode.INVALID_REQUEST
                    assert answer.api_keys == []


async def assert_closes(client: WireClient, request: bytes) -> None:
    await client.send_bytes(request)
    assert await client.receive_close() == b""


async def test_unknown_versions_of_other_apis_close_the_connection(driver: Driver) -> None:
    async with driver.broker() as broker:
        for api in APIS:
            if api.key == ApiKey.API_VERSIONS:
                continue
            for version in (api.min_version - 1, api.max_version + 1, 32767):
                await assert_closes(await broker.client(), frame(api.key, version, b"\0" * 50))


async def test_produce_0_to_2_are_advertised_and_closed(driver: Driver) -> None:
    async with driver.broker() as broker:
        body = struct.pack(">hii", -1, 1000, 0)
        for version in (0, 1, 2):
            await assert_closes(await broker.client(), frame(ApiKey.PRODUCE, version, body))


async def test_unknown_keys_close_the_connection(driver: Driver) -> None:
    async with driver.broker() as broker:
        for key in (-1, 4, 7, 62, 93, 32767):
            await assert_closes(await broker.client(), frame(key, 0, b"\0" * 50))


async def test_apis_without_a_handler_are_neither_advertised_nor_answered(driver: Driver) -> None:
    async with driver.broker() as broker:
        for key in TABLES:
            if key not in ADVERTISED:
                await assert_closes(await broker.client(), frame(key, 0, b"\0" * 50))
                await assert_closes(await broker.client(), frame(key, 1, b"\0" * 50))

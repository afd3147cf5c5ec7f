"""DescribeQuorum, FindCoordinator, InitProducerId."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
import trio

from metadata.controller_driver import Controller
from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.settings import RaftSettings
from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import encode_bytes
from raftkafka.protocol.messages.cluster import (
    DescribeQuorumRequest,
    DescribeQuorumRequestPartition,
    DescribeQuorumRequestTopic,
    DescribeQuorumResponse,
)
from raftkafka.protocol.messages.coordinators import FindCoordinatorRequest
from raftkafka.protocol.messages.producers import InitProducerIdRequest, InitProducerIdResponse
from raftkafka.server.context import RequestContext
from raftkafka.server.handlers.cluster import (
    handle_describe_quorum,
    handle_find_coordinator,
    handle_init_producer_id,
)
from tests.sim.memory_disk import MemoryDisk
from tests.support.admin import Admin, serving

UNKNOWN = -1


def quorum_of(topic: str, *partitions: int) -> DescribeQuorumRequest:
    wanted = [DescribeQuorumRequestPartition(partition_index=it) for it in partitions]
    return DescribeQuorumRequest(
        topics=[DescribeQuorumRequestTopic(topic_name=topic, partitions=wanted)]
    )


def described(context: RequestContext, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    response = handle_describe_quorum(context, request)
    assert isinstance(response, DescribeQuorumResponse), "who leads knows at once"
    return response


@asynccontextmanager
async def with_real_quorum() -> AsyncGenerator[tuple[Admin, Quorum], None]:
    """Serve from a controller above a real quorum of one."""
    async with serving() as admin, trio.open_nursery() as nursery:
        controller = Controller(1, admin.broker.config, Random(3))
        config = QuorumConfig("/metadata", RaftSettings(1, frozenset({1})))
        quorum = Quorum(config, MemoryDisk(Random(4)), Random(5), controller)
        await nursery.start(controller.run, quorum)
        await nursery.start(quorum.run)
        admin.broker = replace(admin.broker, controller=controller, quorum=quorum)
        yield admin, quorum
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("version", range(3))
async def test_quorum_of_one(version: int) -> None:
    async with with_real_quorum() as (admin, quorum):
        await quorum.read_barrier()
        response = described(admin.context(version), quorum_of("__cluster_metadata", 0))
        encode_bytes(response, version)
        ((partition,),) = [topic.partitions for topic in response.topics]
        (voter,) = partition.current_voters
        assert (response.error_code, partition.error_code) == (0, 0)
        assert (partition.leader_id, partition.leader_epoch) == (1, quorum.term)
        assert partition.high_watermark == voter.log_end_offset > 0
        assert voter.replica_id == 1
        assert voter.last_fetch_timestamp == UNKNOWN, "the leader does not fetch"
        assert voter.last_caught_up_timestamp == 1_700_000_000_000
        assert partition.observers == []
        assert [node.node_id for node in response.nodes] == ([1] if version >= 2 else [])
        directory_id = quorum.directory_id if version >= 2 else bytes(16)
        assert voter.replica_directory_id == directory_id


@pytest.mark.parametrize(("topic", "partitions"), [("t", [0]), ("__cluster_metadata", [0, 1])])
async def test_no_other_partition_is_a_quorum(topic: str, partitions: list[int]) -> None:
    async with serving() as admin:
        response = described(admin.context(2), quorum_of(topic, *partitions))
        encode_bytes(response, 2)
        assert [
            (it.partition_index, it.error_code, it.error_message)
            for it in response.topics[0].partitions
        ] == [
            (
                number,
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                "This server does not host this topic-partition.",
            )
            for number in partitions
        ]


@pytest.mark.parametrize("version", range(6))
@pytest.mark.parametrize("key_type", [0, 1])
async def test_no_coordinator_yet(version: int, key_type: int) -> None:
    async with serving() as admin:
        request = FindCoordinatorRequest(
            key="g", key_type=key_type, coordinator_keys=["g", "h"] if version >= 4 else []
        )
        response = handle_find_coordinator(admin.context(version), request)
        if version >= 4:
            # trap 9: only through the array
            assert (response.error_code, response.error_message) == (0, "")
            assert [(it.key, it.error_code, it.node_id) for it in response.coordinators] == [
                ("g", ErrorCode.COORDINATOR_NOT_AVAILABLE, -1),
                ("h", ErrorCode.COORDINATOR_NOT_AVAILABLE, -1),
            ]
        else:
            assert (response.error_code, response.node_id, response.coordinators) == (
                ErrorCode.COORDINATOR_NOT_AVAILABLE,
                -1,
                [],
            )
        encode_bytes(response, version)


async def test_coordinators_of_share_groups_are_not_known() -> None:
    async with serving() as admin:
        request = FindCoordinatorRequest(key_type=2, coordinator_keys=["g"])
        (found,) = handle_find_coordinator(admin.context(5), request).coordinators
        assert found.error_code == ErrorCode.INVALID_REQUEST


async def drawn(
    admin: Admin, version: int, request: InitProducerIdRequest
) -> InitProducerIdResponse:
    response = await handle_init_producer_id(admin.context(version), request)
    encode_bytes(response, version)
    return response


@pytest.mark.parametrize("version", range(5))
async def test_every_producer_gets_an_id_of_its_own(version: int) -> None:
    async with serving() as admin:
        request = InitProducerIdRequest(transactional_id=None)
        got = [await drawn(admin, version, request) for _ in range(3)]
        assert [(it.error_code, it.producer_id, it.producer_epoch) for it in got] == [
            (0, 0, 0),
            (0, 1, 0),
            (0, 2, 0),
        ]


async def test_trap_4_producer_id_and_epoch_0_at_first_use() -> None:
    async with serving() as admin:
        request = InitProducerIdRequest(transactional_id=None, producer_id=0, producer_epoch=0)
        assert (await drawn(admin, 4, request)).error_code == 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"producer_id": 5}, ErrorCode.INVALID_REQUEST),
        ({"producer_epoch": 5}, ErrorCode.INVALID_REQUEST),
        ({"transactional_id": ""}, ErrorCode.INVALID_REQUEST),
        (
            {"transactional_id": "x", "transaction_timeout_ms": 0},
            ErrorCode.INVALID_TRANSACTION_TIMEOUT,
        ),
        (
            {"transactional_id": "x", "transaction_timeout_ms": 900_001},
            ErrorCode.INVALID_TRANSACTION_TIMEOUT,
        ),
        (
            {"transactional_id": "x", "transaction_timeout_ms": 60_000},
            ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ),
    ],
)
async def test_producers_that_get_none(fields: dict[str, object], error: ErrorCode) -> None:
    async with serving() as admin:
        request = InitProducerIdRequest(transactional_id=None)
        for name, value in fields.items():
            setattr(request, name, value)
        response = await drawn(admin, 4, request)
        assert (response.error_code, response.producer_id, response.producer_epoch) == (
            error,
            -1,
            -1,
        )
        assert admin.broker.image.next_producer_id == 0

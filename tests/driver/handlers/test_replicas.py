"""ElectLeaders, AlterPartitionReassignments and ListPartitionReassignments, by version."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from metadata.records import PartitionRecord, TopicRecord
from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import encode_bytes
from raftkafka.protocol.messages.replicas import (
    AlterPartitionReassignmentsRequest,
    ElectLeadersRequest,
    ElectLeadersTopic,
    ListPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from raftkafka.server.handlers.leader_elections import handle_elect_leaders
from raftkafka.server.handlers.reassignments import (
    handle_alter_partition_reassignments,
    handle_list_partition_reassignments,
)
from tests.support.admin import Admin, serving
from tests.support.metadata import broker_record

TOPIC_ID = b"t" * 16


def with_topic(admin: Admin) -> None:
    admin.commit(
        broker_record(2),
        TopicRecord("t", TOPIC_ID),
        PartitionRecord(TOPIC_ID, 0, (1, 2), (1, 2), 2),
        PartitionRecord(TOPIC_ID, 1, (1,), (1,), 1),
    )


def moving(replicas: list[int] | None) -> AlterPartitionReassignmentsRequest:
    partition = ReassignablePartition(partition_index=1, replicas=replicas)
    return AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(name="t", partitions=[partition])]
    )


@pytest.mark.parametrize("version", range(3))
async def test_preferred_leaders_are_elected(version: int) -> None:
    request = ElectLeadersRequest(
        topic_partitions=[ElectLeadersTopic(topic="t", partitions=[0, 1])]
    )
    async with serving() as admin:
        with_topic(admin)
        response = await handle_elect_leaders(admin.context(version), request)
        encode_bytes(response, version)
        assert admin.broker.image.topics["t"].partitions[0].leader == 1
    (topic,) = response.replica_election_results
    assert (response.error_code, topic.topic) == (0, "t")
    codes = {it.partition_id: it.error_code for it in topic.partition_result}
    assert codes == {0: 0, 1: ErrorCode.ELECTION_NOT_NEEDED}


@pytest.mark.parametrize("version", range(3))
async def test_without_a_controller_nobody_is_elected(
    version: int, autojump_clock: MockClock
) -> None:
    request = ElectLeadersRequest(
        topic_partitions=[ElectLeadersTopic(topic="t", partitions=[0])], timeout_ms=0
    )
    async with serving() as admin:
        with_topic(admin)
        admin.quorum.lose()
        response = await handle_elect_leaders(admin.context(version), request)
        encode_bytes(response, version)
    ((result,),) = [it.partition_result for it in response.replica_election_results]
    assert result.error_code in (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NOT_CONTROLLER)
    assert response.error_code == (result.error_code if version else 0)


async def test_unknown_election_type_is_refused() -> None:
    request = ElectLeadersRequest(election_type=7, topic_partitions=None)
    async with serving() as admin:
        response = await handle_elect_leaders(admin.context(2), request)
    assert response.error_code == ErrorCode.INVALID_REQUEST


async def test_reassignment_is_started_listed_and_cancelled() -> None:
    async with serving() as admin:
        with_topic(admin)
        context = admin.context(0)
        started = await handle_alter_partition_reassignments(context, moving([2]))
        encode_bytes(started, 0)
        listed = await handle_list_partition_reassignments(
            context, ListPartitionReassignmentsRequest(topics=None)
        )
        encode_bytes(listed, 0)
        cancelled = await handle_alter_partition_reassignments(context, moving(None))
        again = await handle_alter_partition_reassignments(context, moving(None))
        partition = admin.broker.image.topics["t"].partitions[1]
    assert started.responses[0].partitions[0].error_code == 0
    ((ongoing,),) = [it.partitions for it in listed.topics]
    assert (ongoing.partition_index, ongoing.replicas) == (1, [2, 1])
    assert (ongoing.adding_replicas, ongoing.removing_replicas) == ([2], [1])
    assert cancelled.responses[0].partitions[0].error_code == 0
    assert (partition.replicas, partition.is_reassigned) == ((1,), False)
    refused = again.responses[0].partitions[0]
    assert refused.error_code == ErrorCode.NO_REASSIGNMENT_IN_PROGRESS
    assert refused.error_message == "No partition reassignment is in progress."


async def test_without_a_controller_nothing_is_moved_or_listed(
    autojump_clock: MockClock,
) -> None:
    request = moving([2])
    request.timeout_ms = 0
    async with serving() as admin:
        with_topic(admin)
        admin.quorum.lose()
        altered = await handle_alter_partition_reassignments(admin.context(0), request)
        encode_bytes(altered, 0)
        listed = await handle_list_partition_reassignments(
            admin.context(0), ListPartitionReassignmentsRequest(topics=None, timeout_ms=0)
        )
        encode_bytes(listed, 0)
    expected = (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NOT_CONTROLLER)
    assert altered.error_code in expected
    assert altered.responses[0].partitions[0].error_code == altered.error_code
    assert listed.error_code in expected

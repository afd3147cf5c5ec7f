"""Metadata and DescribeCluster, by version and listener."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from metadata.records import (
    BrokerChangeRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RemoveTopicRecord,
    TopicRecord,
)
from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.messages.cluster import DescribeClusterRequest
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseTopic,
)
from raftkafka.server.answers import Encoded
from raftkafka.server.handlers.metadata import (
    SLICE_TOPICS,
    handle_describe_cluster,
    handle_metadata,
)
from raftkafka.types import ZERO_ID
from tests.support.admin import LISTENER, Admin, serving
from tests.support.metadata import broker_record

A = b"a" * 16
B = b"b" * 16
TOPIC_OPERATIONS = 3576
CLUSTER_OPERATIONS = 8096
NOT_ASKED = -(2**31)


def with_topics(admin: Admin) -> None:
    """Add broker 2, which lacks the outer listener, and two topics."""
    admin.commit(
        broker_record(2),
        TopicRecord("a", A),
        PartitionRecord(A, 0, (1, 2), (1, 2), 1, leader_epoch=5),
        PartitionRecord(A, 1, (2, 1), (2,), 2),
        TopicRecord("__consumer_offsets", B),
        PartitionRecord(B, 0, (1,), (1,), 1),
    )


async def asked(
    admin: Admin,
    version: int,
    topics: list[MetadataRequestTopic] | None,
    *,
    listener_name: str = LISTENER,
    allow_auto_topic_creation: bool = False,
    topic_operations: bool = False,
    cluster_operations: bool = False,
) -> MetadataResponse:
    answer = handle_metadata(
        admin.context(version, listener_name=listener_name),
        MetadataRequest(
            topics=topics,
            allow_auto_topic_creation=allow_auto_topic_creation,
            include_topic_authorized_operations=topic_operations,
            include_cluster_authorized_operations=cluster_operations,
        ),
    )
    encoded = answer if isinstance(answer, Encoded) else await answer
    response, end = decode(MetadataResponse, version, encoded.body)
    assert end == len(encoded.body)
    assert encode_bytes(response, version) == encoded.body, "as the codec does it"
    return response


def named(*names: str) -> list[MetadataRequestTopic]:
    return [MetadataRequestTopic(name=name) for name in names]


def by_name(response: MetadataResponse) -> Mapping[str | None, MetadataResponseTopic]:
    return {topic.name: topic for topic in response.topics}


async def test_cluster_as_the_client_s_listener_sees_it() -> None:
    async with serving() as admin:
        with_topics(admin)
        inside = await asked(admin, 12, None)
        assert [(it.node_id, it.host, it.port, it.rack) for it in inside.brokers] == [
            (1, "inside", 9092, "r1"),
            (2, "host2", 9092, None),
        ]
        assert (inside.cluster_id, inside.controller_id) == ("QjAtq1ZgQhKvEfMVHKmNnA", 1)
        outside = await asked(admin, 12, None, listener_name="OUTSIDE")
        assert [(it.node_id, it.host, it.port) for it in outside.brokers] == [
            (1, "outside.example", 19092)
        ]


async def test_partitions() -> None:
    async with serving() as admin:
        with_topics(admin)
        response = await asked(admin, 12, named("a"))
        (topic,) = response.topics
        assert (topic.error_code, topic.name, topic.topic_id, topic.is_internal) == (
            0,
            "a",
            A,
            False,
        )
        assert [
            (it.error_code, it.leader_id, it.leader_epoch, it.replica_nodes, it.isr_nodes)
            for it in topic.partitions
        ] == [(0, 1, 5, [1, 2], [1, 2]), (0, 2, 0, [2, 1], [2])]
        assert by_name(await asked(admin, 12, None))["__consumer_offsets"].is_internal


@pytest.mark.parametrize("version", range(14))
async def test_trap_6_all_topics_and_none(version: int) -> None:
    async with serving() as admin:
        with_topics(admin)
        empty = await asked(admin, version, [])
        assert len(empty.topics) == (2 if version == 0 else 0)
        if version > 0:
            assert len((await asked(admin, version, None)).topics) == 2


async def test_partition_without_a_leader_or_with_replicas_away() -> None:
    async with serving() as admin:
        with_topics(admin)
        admin.commit(
            PartitionChangeRecord(A, 1, isr=(), leader=-1, elr=(2,)),
            PartitionChangeRecord(A, 0, isr=(1,)),
            BrokerChangeRecord(2, 2, fenced=True),
        )
        (topic,) = (await asked(admin, 12, named("a"))).topics
        assert [
            (it.error_code, it.leader_id, it.replica_nodes, it.offline_replicas)
            for it in topic.partitions
        ] == [(0, 1, [1, 2], [2]), (ErrorCode.LEADER_NOT_AVAILABLE, -1, [2, 1], [2])]
        assert [broker.node_id for broker in (await asked(admin, 12, [])).brokers] == [1]


async def test_version_0_leaves_out_who_is_away_and_says_so() -> None:
    async with serving() as admin:
        with_topics(admin)
        admin.commit(BrokerChangeRecord(2, 2, fenced=True))
        (topic,) = (await asked(admin, 0, named("a"))).topics
        assert [(it.error_code, it.replica_nodes, it.isr_nodes) for it in topic.partitions] == [
            (ErrorCode.REPLICA_NOT_AVAILABLE, [1], [1]),
            (ErrorCode.REPLICA_NOT_AVAILABLE, [1], []),
        ]


@pytest.mark.parametrize(
    ("version", "error"),
    [(5, ErrorCode.LEADER_NOT_AVAILABLE), (6, ErrorCode.LISTENER_NOT_FOUND)],
)
async def test_leader_without_the_client_s_listener(version: int, error: ErrorCode) -> None:
    async with serving() as admin:
        with_topics(admin)
        (topic,) = (await asked(admin, version, named("a"), listener_name="OUTSIDE")).topics
        assert [(it.error_code, it.leader_id) for it in topic.partitions] == [(0, 1), (error, -1)]
        assert topic.partitions[1].offline_replicas == [2]


async def test_answer_follows_the_brokers_and_the_topic() -> None:
    """What was made for an earlier answer is not shown once it is no longer true."""
    async with serving() as admin:
        with_topics(admin)
        (first,) = (await asked(admin, 12, named("a"))).topics
        (kept,) = admin.broker.image.topics["a"].memo.values()
        assert (await asked(admin, 12, named("a"))).topics == [first]
        assert list(admin.broker.image.topics["a"].memo.values()) == [kept], "made once"
        admin.commit(BrokerChangeRecord(2, 2, fenced=True))
        (fenced,) = (await asked(admin, 12, named("a"))).topics
        assert fenced.partitions[0].offline_replicas == [2]
        admin.commit(PartitionChangeRecord(A, 0, leader=1))
        (changed,) = (await asked(admin, 12, named("a"))).topics
        assert changed.partitions[0].leader_epoch == 6


@pytest.mark.parametrize("version", range(14))
async def test_many_topics_are_answered_in_slices_from_one_image(version: int) -> None:
    async with serving() as admin:
        ids = [number.to_bytes(16) for number in range(1, 3 * SLICE_TOPICS)]
        admin.commit(
            *(TopicRecord(f"topic{number}", topic_id) for number, topic_id in enumerate(ids)),
            *(PartitionRecord(topic_id, i, (1,), (1,), 1) for topic_id in ids for i in range(2)),
        )
        context = admin.context(version)
        answer = handle_metadata(context, MetadataRequest(topics=[] if version == 0 else None))
        assert not isinstance(answer, Encoded), "not all in one go"
        admin.commit(RemoveTopicRecord(ids[-1]))
        response, _ = decode(MetadataResponse, version, (await answer).body)
        assert len(response.topics) == len(ids)
        assert all(len(topic.partitions) == 2 for topic in response.topics)


@pytest.mark.parametrize("version", range(14))
async def test_partition_numbers_and_epochs_of_a_large_topic(version: int) -> None:
    async with serving() as admin:
        admin.commit(
            TopicRecord("large", A),
            *(PartitionRecord(A, i, (1,), (1,), 1, leader_epoch=i % 7) for i in range(300)),
        )
        (topic,) = (await asked(admin, version, named("large"))).topics
        assert [it.partition_index for it in topic.partitions] == list(range(300))
        epochs = [i % 7 if version >= 7 else -1 for i in range(300)]
        assert [it.leader_epoch for it in topic.partitions] == epochs


async def test_topics_by_id() -> None:
    async with serving() as admin:
        with_topics(admin)
        unknown = b"x" * 16
        wanted = [MetadataRequestTopic(name=None, topic_id=it) for it in (A, unknown)]
        known, missing = (await asked(admin, 12, wanted)).topics
        assert (known.name, known.error_code) == ("a", 0)
        assert (missing.name, missing.topic_id, missing.error_code) == (
            None,
            unknown,
            ErrorCode.UNKNOWN_TOPIC_ID,
        )


@pytest.mark.parametrize("version", [10, 11])
async def test_topic_ids_are_refused_before_version_12(version: int) -> None:
    async with serving() as admin:
        with_topics(admin)
        for wanted in (
            MetadataRequestTopic(name=None),
            MetadataRequestTopic(name="a", topic_id=A),
        ):
            (topic,) = (await asked(admin, version, [wanted])).topics
            assert (topic.error_code, topic.name) == (
                ErrorCode.INVALID_REQUEST,
                wanted.name or "",
            )


async def test_unknown_names() -> None:
    async with serving() as admin:
        topics = (await asked(admin, 12, named("a", "a", "b/c", "__consumer_offsets"))).topics
        assert [(it.name, it.error_code, it.topic_id, it.is_internal) for it in topics] == [
            ("a", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ZERO_ID, False),
            ("b/c", ErrorCode.INVALID_TOPIC_EXCEPTION, ZERO_ID, False),
            ("__consumer_offsets", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ZERO_ID, True),
        ]


async def test_auto_creation_answers_the_new_topic_at_once() -> None:
    async with serving({"num.partitions": "3"}) as admin:
        (topic,) = (await asked(admin, 4, named("new"), allow_auto_topic_creation=True)).topics
        assert (topic.error_code, [it.leader_id for it in topic.partitions]) == (0, [1, 1, 1])
        assert "new" in admin.broker.image.topics


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({"auto.create.topics.enable": "false"}, True), ({}, False)],
)
async def test_no_auto_creation_if_either_side_says_no(
    settings: dict[str, str], allowed: bool
) -> None:
    async with serving(settings) as admin:
        response = await asked(admin, 4, named("new"), allow_auto_topic_creation=allowed)
        assert response.topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert not admin.broker.image.topics


@pytest.mark.parametrize(
    ("settings", "name", "error"),
    [
        ({"default.replication.factor": "3"}, "new", ErrorCode.INVALID_REPLICATION_FACTOR),
        ({}, "a_b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ({}, "a/b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ({}, "__cluster_metadata", ErrorCode.INVALID_REQUEST),
    ],
)
async def test_auto_creation_that_cannot_be(
    settings: dict[str, str], name: str, error: ErrorCode
) -> None:
    async with serving(settings) as admin:
        admin.commit(TopicRecord("a.b", A), PartitionRecord(A, 0, (1,), (1,), 1))
        (topic,) = (await asked(admin, 4, named(name), allow_auto_topic_creation=True)).topics
        assert topic.error_code == error


async def test_internal_topic_gets_what_its_coordinator_needs() -> None:
    async with serving() as admin:
        wanted = named("__consumer_offsets", "__transaction_state")
        offsets, state = (await asked(admin, 4, wanted, allow_auto_topic_creation=True)).topics
        assert (len(offsets.partitions), len(state.partitions)) == (50, 50)
        image = admin.broker.image
        assert image.config(2, "__consumer_offsets")["cleanup.policy"] == "compact"
        assert image.config(2, "__transaction_state")["min.insync.replicas"] == "2"


async def test_authorized_operations_only_for_those_who_ask() -> None:
    async with serving() as admin:
        with_topics(admin)
        plain = await asked(admin, 9, named("a"))
        assert plain.topics[0].topic_authorized_operations == NOT_ASKED
        assert plain.cluster_authorized_operations == NOT_ASKED
        full = await asked(admin, 9, named("a"), topic_operations=True, cluster_operations=True)
        assert full.topics[0].topic_authorized_operations == TOPIC_OPERATIONS
        assert full.cluster_authorized_operations == CLUSTER_OPERATIONS


async def test_admin_requests_go_to_a_broker_that_clients_reach() -> None:
    async with serving() as admin:
        with_topics(admin)
        admin.commit(BrokerChangeRecord(1, 1, fenced=True))
        assert (await asked(admin, 12, [])).controller_id == 2
        assert (await asked(admin, 12, [], listener_name="OUTSIDE")).controller_id == -1


async def test_describe_cluster() -> None:
    async with serving() as admin:
        admin.commit(broker_record(2), broker_record(3, fenced=True))
        plain = handle_describe_cluster(admin.context(1), DescribeClusterRequest())
        assert (plain.cluster_id, plain.controller_id) == ("QjAtq1ZgQhKvEfMVHKmNnA", 1)
        assert [(it.broker_id, it.host, it.port, it.rack) for it in plain.brokers] == [
            (1, "inside", 9092, "r1"),
            (2, "host2", 9092, None),
        ]
        assert plain.cluster_authorized_operations == NOT_ASKED
        full = handle_describe_cluster(
            admin.context(2),
            DescribeClusterRequest(
                include_fenced_brokers=True, include_cluster_authorized_operations=True
            ),
        )
        assert [(it.broker_id, it.is_fenced) for it in full.brokers] == [
            (1, False),
            (2, False),
            (3, True),
        ]
        assert full.cluster_authorized_operations == CLUSTER_OPERATIONS


@pytest.mark.parametrize(
    ("endpoint_type", "error", "message"),
    [
        (
            2,
            ErrorCode.MISMATCHED_ENDPOINT_TYPE,
            "The request was sent to an endpoint of type BROKER, "
            "but we wanted an endpoint of type CONTROLLER",
        ),
        (3, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, "Unsupported endpoint type 3"),
    ],
)
async def test_describe_cluster_of_other_endpoints(
    endpoint_type: int, error: ErrorCode, message: str
) -> None:
    async with serving() as admin:
        request = DescribeClusterRequest(endpoint_type=endpoint_type)
        response = handle_describe_cluster(admin.context(1), request)
        assert (response.error_code, response.error_message) == (error, message)

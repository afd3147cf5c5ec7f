"""DescribeQuorum, AddRaftVoter, FindCoordinator, InitProducerId.

Source: ``KafkaRaftClient.handleDescribeQuorumRequest``, ``KafkaApis.handleFindCoordinatorRequest``
and ``handleInitProducerIdRequest``, ``TransactionCoordinator.handleInitProducerId``.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from metadata.image import CLUSTER_METADATA
from metadata.raft.status import RaftStatus, ReplicaStatus
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.cluster import (
    DescribeQuorumListener,
    DescribeQuorumNode,
    DescribeQuorumReplica,
    DescribeQuorumRequest,
    DescribeQuorumResponse,
    DescribeQuorumResponsePartition,
    DescribeQuorumResponseTopic,
)
from raftkafka.protocol.messages.coordinators import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    FoundCoordinator,
)
from raftkafka.protocol.messages.producers import InitProducerIdRequest, InitProducerIdResponse
from raftkafka.protocol.messages.voters import AddRaftVoterRequest, AddRaftVoterResponse
from raftkafka.server.context import BrokerView, QuorumLeader, RequestContext
from raftkafka.server.handlers.topics import deadline_s
from raftkafka.types import NO_LEADER

UNKNOWN_TOPIC_TEXT = "This server does not host this topic-partition."
NO_COORDINATOR_TEXT = "The coordinator is not available."
LONE_TEXT = "A lone node is its own quorum: nobody else can vote in it."
NODES_SINCE_VERSION = 2
BATCHED_SINCE_VERSION = 4
GROUP, TRANSACTION = 0, 1
"""Key types of FindCoordinator."""

NOT_GIVEN = -1
PRODUCER_ID_DEADLINE_S = 10.0


def handle_describe_quorum(
    context: RequestContext, request: DescribeQuorumRequest
) -> DescribeQuorumResponse | Coroutine[Any, Any, DescribeQuorumResponse]:
    """Tell how far each voter and observer of the metadata quorum has come: the leader knows."""
    asked = [
        (topic.topic_name, partition.partition_index)
        for topic in request.topics
        for partition in topic.partitions
    ]
    if asked != [(CLUSTER_METADATA, 0)]:
        return _no_such_partitions(request)
    broker = context.broker
    if broker.quorum_leader is None or broker.quorum.is_leader:
        return _describe_quorum(context, broker.quorum.status())
    return _ask_leader(context, broker.quorum_leader)


async def _ask_leader(context: RequestContext, leader: QuorumLeader) -> DescribeQuorumResponse:
    try:
        return _describe_quorum(context, await leader.status_at_leader())
    except KafkaError as error:
        return DescribeQuorumResponse(error_code=error.code, error_message=error.message)


def _describe_quorum(context: RequestContext, status: RaftStatus) -> DescribeQuorumResponse:
    broker = context.broker
    leader_id = NO_LEADER if status.leader_id is None else status.leader_id
    partition = DescribeQuorumResponsePartition(
        error_message=None,
        leader_id=leader_id,
        leader_epoch=status.leader_epoch,
        high_watermark=status.high_watermark,
        current_voters=[_replica(broker, replica, leader_id) for replica in status.voters],
        observers=[_replica(broker, replica, leader_id) for replica in status.observers],
    )
    response = DescribeQuorumResponse(
        error_message=None,
        topics=[DescribeQuorumResponseTopic(topic_name=CLUSTER_METADATA, partitions=[partition])],
    )
    if context.api_version >= NODES_SINCE_VERSION:
        response.nodes = [_node(broker, replica.node_id) for replica in status.voters]
        for replica, told in zip(
            (*status.voters, *status.observers),
            (*partition.current_voters, *partition.observers),
            strict=True,
        ):
            told.replica_directory_id = replica.directory_id
    return response


def _no_such_partitions(request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    return DescribeQuorumResponse(
        error_message=None,
        topics=[
            DescribeQuorumResponseTopic(
                topic_name=topic.topic_name,
                partitions=[
                    DescribeQuorumResponsePartition(
                        partition_index=partition.partition_index,
                        error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                        error_message=UNKNOWN_TOPIC_TEXT,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )


def _replica(broker: BrokerView, replica: ReplicaStatus, leader_id: int) -> DescribeQuorumReplica:
    fetch_age_s = None if replica.node_id == leader_id else replica.last_fetch_age_s
    return DescribeQuorumReplica(
        replica_id=replica.node_id,
        log_end_offset=NOT_GIVEN if replica.log_end_offset is None else replica.log_end_offset,
        last_fetch_timestamp=_wall_time_ms(broker, fetch_age_s),
        last_caught_up_timestamp=_wall_time_ms(broker, replica.last_caught_up_age_s),
    )


def _wall_time_ms(broker: BrokerView, age_s: float | None) -> int:
    return NOT_GIVEN if age_s is None else broker.wall_ms() - round(age_s * 1000)


def _node(broker: BrokerView, node_id: int) -> DescribeQuorumNode:
    """Return where a voter listens for the others; nowhere, if it is alone."""
    names = broker.config.controller_listener_names
    return DescribeQuorumNode(
        node_id=node_id,
        listeners=[
            DescribeQuorumListener(name=names[0], host=voter.host, port=voter.port)
            for voter in broker.config.controller_quorum_voters
            if voter.node_id == node_id and names
        ],
    )


async def handle_add_raft_voter(
    context: RequestContext, request: AddRaftVoterRequest
) -> AddRaftVoterResponse:
    """Let a voter of the list vote again with a new metadata folder; the list never changes."""
    try:
        leader = context.broker.quorum_leader
        if leader is None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, LONE_TEXT)
        await leader.readmit(request.voter_id, deadline_s=deadline_s(request.timeout_ms))
    except KafkaError as error:
        return AddRaftVoterResponse(error_code=error.code, error_message=error.message)
    return AddRaftVoterResponse()


def handle_find_coordinator(
    context: RequestContext, request: FindCoordinatorRequest
) -> FindCoordinatorResponse:
    """Answer that there is no coordinator yet; clients ask again, and may use lz4 meanwhile."""
    error, text = ErrorCode.COORDINATOR_NOT_AVAILABLE, NO_COORDINATOR_TEXT
    if request.key_type not in (GROUP, TRANSACTION):
        error, text = ErrorCode.INVALID_REQUEST, f"Unknown coordinator type {request.key_type}."
    if context.api_version < BATCHED_SINCE_VERSION:
        return FindCoordinatorResponse(
            error_code=error, error_message=text, node_id=NO_LEADER, port=NOT_GIVEN
        )
    return FindCoordinatorResponse(
        coordinators=[
            FoundCoordinator(
                key=key, node_id=NO_LEADER, port=NOT_GIVEN, error_code=error, error_message=text
            )
            for key in request.coordinator_keys
        ]
    )


async def handle_init_producer_id(
    context: RequestContext, request: InitProducerIdRequest
) -> InitProducerIdResponse:
    """Give a producer without a transactional id a new producer id, whatever it had before.

    A producer id and epoch that it brings along are for transactional ones; some clients send
    0 and 0 at first.
    """
    try:
        _check_producer(context.broker, request)
        producer_id = await context.broker.controller.next_producer_id(
            deadline_s=PRODUCER_ID_DEADLINE_S
        )
    except KafkaError as error:
        return InitProducerIdResponse(error_code=error.code, producer_epoch=NOT_GIVEN)
    return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)


def _check_producer(broker: BrokerView, request: InitProducerIdRequest) -> None:
    if (request.producer_id == NOT_GIVEN) != (request.producer_epoch == NOT_GIVEN):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if request.transactional_id is None:
        return
    if not request.transactional_id:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if not 0 < request.transaction_timeout_ms <= broker.config.transaction_max_timeout_ms:
        raise KafkaError(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)

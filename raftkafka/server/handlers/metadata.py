"""Metadata and DescribeCluster: the brokers, the topics, and who leads each partition.

Source: ``KafkaApis.handleTopicMetadataRequest`` and ``AuthHelper.computeDescribeClusterResponse``;
KIP-516 (topic ids), KIP-700, KIP-1073. Unlike Kafka, which answers a topic that it creates
on the way as unknown and lets the client ask again, this waits for the creation.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from enum import Enum
from typing import Any, NamedTuple

from metadata.image import INTERNAL_TOPICS, BrokerImage, PartitionImage, TopicImage
from metadata.topic_names import is_topic_name
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.cluster import (
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from raftkafka.server.cluster_view import (
    CLUSTER_OPERATIONS,
    NOT_ASKED,
    TOPIC_OPERATIONS,
    PartitionViews,
    controller_for_clients,
    listening_brokers,
    reachable_brokers,
)
from raftkafka.server.context import RequestContext
from raftkafka.server.topic_creation import auto_create
from raftkafka.types import NO_LEADER, ZERO_ID

LISTENER_NOT_FOUND_SINCE_VERSION = 6
TOPIC_IDS_SINCE_VERSION = 12
"""Fields for them came with version 10, but Kafka refuses them before 12."""

BROKER_ENDPOINTS, CONTROLLER_ENDPOINTS = 1, 2


class _Style(Enum):
    """How answers of different versions tell of replicas and leaders that are out of reach."""

    ONLY_THE_LIVE = 0
    """Version 0: they are left out, and the partition has an error."""
    NO_LISTENER_ERROR = 1
    """Versions 1 to 5: they are named; any leader out of reach is LEADER_NOT_AVAILABLE."""
    FULL = 2


class _Made(NamedTuple):
    """The partitions of a topic as answered before, and the brokers that they rest on."""

    brokers: Mapping[int, BrokerImage]
    partitions: list[MetadataResponsePartition]


def handle_metadata(
    context: RequestContext, request: MetadataRequest
) -> MetadataResponse | Coroutine[Any, Any, MetadataResponse]:
    """Answer from the image; at once, unless topics have to be created first."""
    missing = _creatable(context, request)
    if missing:
        return _create_and_answer(context, request, missing)
    return metadata_response(context, request, {})


async def _create_and_answer(
    context: RequestContext, request: MetadataRequest, missing: list[str]
) -> MetadataResponse:
    errors = await auto_create(context.broker, missing)
    return metadata_response(context, request, errors)


def _creatable(context: RequestContext, request: MetadataRequest) -> list[str]:
    if not (request.allow_auto_topic_creation and context.broker.config.auto_create_topics_enable):
        return []
    topics = context.broker.image.topics
    wanted = request.topics or []
    if any(topic.topic_id != ZERO_ID for topic in wanted):
        return []
    names = dict.fromkeys(topic.name for topic in wanted)
    return [
        name for name in names if name is not None and name not in topics and is_topic_name(name)
    ]


def metadata_response(
    context: RequestContext, request: MetadataRequest, errors: dict[str, ErrorCode]
) -> MetadataResponse:
    """Answer from the image as it is.

    Args:
        context: names the listener and the version.
        request: the topics asked for.
        errors: for topics that could not be created, why.
    """
    image, listener_name = context.broker.image, context.listener_name
    response = MetadataResponse(
        brokers=[
            MetadataResponseBroker(
                node_id=broker.broker_id, host=endpoint.host, port=endpoint.port, rack=broker.rack
            )
            for broker, endpoint in reachable_brokers(image, listener_name)
        ],
        cluster_id=image.cluster_id,
        controller_id=controller_for_clients(image, listener_name),
        topics=_topics(context, request, errors),
    )
    if request.include_topic_authorized_operations:
        for topic in response.topics:
            if topic.name is not None:
                topic.topic_authorized_operations = TOPIC_OPERATIONS
    if request.include_cluster_authorized_operations:
        response.cluster_authorized_operations = CLUSTER_OPERATIONS
    return response


def _topics(
    context: RequestContext, request: MetadataRequest, errors: dict[str, ErrorCode]
) -> list[MetadataResponseTopic]:
    image, version = context.broker.image, context.api_version
    wanted = request.topics
    if wanted is None or (version == 0 and not wanted):
        return [_found(context, topic) for topic in image.topics.values()]
    if version < TOPIC_IDS_SINCE_VERSION and any(
        topic.name is None or topic.topic_id != ZERO_ID for topic in wanted
    ):
        return [_failed(topic.name or "", ErrorCode.INVALID_REQUEST) for topic in wanted]
    ids = dict.fromkeys(topic.topic_id for topic in wanted if topic.topic_id != ZERO_ID)
    if ids:
        return [_by_id(context, topic_id) for topic_id in ids]
    names = dict.fromkeys(topic.name for topic in wanted)
    return [_by_name(context, name, errors) for name in names]


def _by_id(context: RequestContext, topic_id: bytes) -> MetadataResponseTopic:
    topic = context.broker.image.topics_by_id.get(topic_id)
    if topic is None:
        return MetadataResponseTopic(
            error_code=ErrorCode.UNKNOWN_TOPIC_ID, name=None, topic_id=topic_id
        )
    return _found(context, topic)


def _by_name(
    context: RequestContext, name: str | None, errors: dict[str, ErrorCode]
) -> MetadataResponseTopic:
    if name is None:
        return _failed(None, ErrorCode.INVALID_REQUEST)
    topic = context.broker.image.topics.get(name)
    if topic is not None:
        return _found(context, topic)
    if not is_topic_name(name):
        return _failed(name, ErrorCode.INVALID_TOPIC_EXCEPTION)
    return _failed(name, errors.get(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))


def _failed(name: str | None, error: ErrorCode) -> MetadataResponseTopic:
    return MetadataResponseTopic(error_code=error, name=name, is_internal=name in INTERNAL_TOPICS)


def _found(context: RequestContext, topic: TopicImage) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.internal,
        partitions=_partitions(context, topic),
    )


def _partitions(context: RequestContext, topic: TopicImage) -> list[MetadataResponsePartition]:
    """Return the topic's partitions, made once for as long as they and the brokers last."""
    brokers, listener_name = context.broker.image.brokers, context.listener_name
    style = _style(context.api_version)
    kind = (MetadataResponsePartition, listener_name, style)
    known = topic.memo.get(kind)
    if isinstance(known, _Made) and known.brokers is brokers:
        return known.partitions
    views = PartitionViews(brokers, listener_name)
    partitions = [
        _partition(number, partition, views, style)
        for number, partition in sorted(topic.partitions.items())
    ]
    topic.memo[kind] = _Made(brokers, partitions)
    return partitions


def _style(version: int) -> _Style:
    if version == 0:
        return _Style.ONLY_THE_LIVE
    if version < LISTENER_NOT_FOUND_SINCE_VERSION:
        return _Style.NO_LISTENER_ERROR
    return _Style.FULL


def _partition(
    number: int, partition: PartitionImage, views: PartitionViews, style: _Style
) -> MetadataResponsePartition:
    view = views.view(partition)
    error = ErrorCode.NONE
    replicas, isr = view.replicas, view.isr
    if style is _Style.ONLY_THE_LIVE:
        replicas = [it for it in replicas if views.is_alive(it)]
        isr = [it for it in isr if views.is_alive(it)]
        if (replicas, isr) != (view.replicas, view.isr):
            error = ErrorCode.REPLICA_NOT_AVAILABLE
    if view.leader == NO_LEADER:
        error = ErrorCode.LEADER_NOT_AVAILABLE
        if view.leader_is_registered and style is _Style.FULL:
            error = ErrorCode.LISTENER_NOT_FOUND
    return MetadataResponsePartition(
        error_code=error,
        partition_index=number,
        leader_id=view.leader,
        leader_epoch=partition.leader_epoch,
        replica_nodes=replicas,
        isr_nodes=isr,
        offline_replicas=view.offline,
    )


def handle_describe_cluster(
    context: RequestContext, request: DescribeClusterRequest
) -> DescribeClusterResponse:
    """List the brokers."""
    if request.endpoint_type != BROKER_ENDPOINTS:
        return _wrong_endpoints(context, request.endpoint_type)
    image, listener_name = context.broker.image, context.listener_name
    brokers = [
        DescribeClusterBroker(
            broker_id=broker.broker_id,
            host=endpoint.host,
            port=endpoint.port,
            rack=broker.rack,
            is_fenced=broker.fenced,
        )
        for broker, endpoint in listening_brokers(image, listener_name)
        if request.include_fenced_brokers or not broker.fenced
    ]
    asked = request.include_cluster_authorized_operations
    return DescribeClusterResponse(
        cluster_id=image.cluster_id or "",
        controller_id=controller_for_clients(image, listener_name),
        brokers=brokers,
        cluster_authorized_operations=CLUSTER_OPERATIONS if asked else NOT_ASKED,
    )


def _wrong_endpoints(context: RequestContext, endpoint_type: int) -> DescribeClusterResponse:
    error, text = ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Unsupported endpoint type {endpoint_type}"
    if endpoint_type == CONTROLLER_ENDPOINTS:
        error = ErrorCode.MISMATCHED_ENDPOINT_TYPE
        text = (
            "The request was sent to an endpoint of type BROKER, "
            "but we wanted an endpoint of type CONTROLLER"
        )
    return DescribeClusterResponse(error_code=error, error_message=text)

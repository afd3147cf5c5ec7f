"""Metadata and DescribeCluster: the brokers, the topics, and who leads each partition.

Source: ``KafkaApis.handleTopicMetadataRequest`` and ``AuthHelper.computeDescribeClusterResponse``;
KIP-516 (topic ids), KIP-700, KIP-1073. Unlike Kafka, which answers a topic that it creates
on the way as unknown and lets the client ask again, this waits for the creation.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio

from metadata.image import INTERNAL_TOPICS, MetadataImage, TopicImage
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
    MetadataResponseTopic,
)
from raftkafka.server.answers import Encoded
from raftkafka.server.cluster_view import (
    CLUSTER_OPERATIONS,
    NOT_ASKED,
    controller_for_clients,
    listening_brokers,
    reachable_brokers,
)
from raftkafka.server.context import RequestContext
from raftkafka.server.metadata_encoding import TopicEncoder, encode_topic, with_topics
from raftkafka.server.topic_creation import auto_create
from raftkafka.types import ZERO_ID

TOPIC_IDS_SINCE_VERSION = 12
"""Fields for them came with version 10, but Kafka refuses them before 12."""

BROKER_ENDPOINTS, CONTROLLER_ENDPOINTS = 1, 2

SLICE_TOPICS = 200
"""Topics that are encoded before other work gets its turn: up to 3 ms if none was before."""


def handle_metadata(
    context: RequestContext, request: MetadataRequest
) -> Encoded | Coroutine[Any, Any, Encoded]:
    """Answer from the image; at once, unless topics have to be created, or there are many."""
    missing = _creatable(context, request)
    if missing:
        return _create_and_answer(context, request, missing)
    answer = _Answer(context, request, {})
    if len(answer.topics) <= SLICE_TOPICS:
        return answer.encoded()
    return _answer_in_slices(answer)


async def _create_and_answer(
    context: RequestContext, request: MetadataRequest, missing: list[str]
) -> Encoded:
    errors = await auto_create(context.broker, missing)
    return await _answer_in_slices(_Answer(context, request, errors))


async def _answer_in_slices(answer: _Answer) -> Encoded:
    for start in range(0, len(answer.topics), SLICE_TOPICS):
        answer.encode_topics(start, start + SLICE_TOPICS)
        await trio.lowlevel.checkpoint()
    return answer.encoded()


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


class _Answer:
    """The answer to one request, from one image however long it takes.

    Args:
        context: names the image, the listener and the version.
        request: the topics asked for.
        errors: for topics that could not be created, why.
    """

    def __init__(
        self, context: RequestContext, request: MetadataRequest, errors: dict[str, ErrorCode]
    ) -> None:
        self._image = context.broker.image
        self._listener_name = context.listener_name
        self._version = context.api_version
        self._with_cluster_operations = request.include_cluster_authorized_operations
        self._encoder = TopicEncoder(
            self._image,
            self._listener_name,
            self._version,
            with_operations=request.include_topic_authorized_operations,
        )
        self.topics = _wanted(self._image, self._version, request, errors)

    def encode_topics(self, start: int, end: int) -> list[bytes]:
        """Encode a slice of the topics; what was encoded once is kept."""
        return [
            self._encoder.encode(topic)
            if isinstance(topic, TopicImage)
            else encode_topic(topic, self._version)
            for topic in self.topics[start:end]
        ]

    def encoded(self) -> Encoded:
        """Return the whole answer."""
        response = MetadataResponse(
            brokers=[
                MetadataResponseBroker(
                    node_id=broker.broker_id,
                    host=endpoint.host,
                    port=endpoint.port,
                    rack=broker.rack,
                )
                for broker, endpoint in reachable_brokers(self._image, self._listener_name)
            ],
            cluster_id=self._image.cluster_id,
            controller_id=controller_for_clients(self._image, self._listener_name),
        )
        if self._with_cluster_operations:
            response.cluster_authorized_operations = CLUSTER_OPERATIONS
        topics = self.encode_topics(0, len(self.topics))
        return Encoded(with_topics(response, self._version, topics))


Answerable = TopicImage | MetadataResponseTopic
"""A topic that is there, or the error in its place."""


def _wanted(
    image: MetadataImage, version: int, request: MetadataRequest, errors: dict[str, ErrorCode]
) -> list[Answerable]:
    wanted = request.topics
    if wanted is None or (version == 0 and not wanted):
        return list(image.topics.values())
    if version < TOPIC_IDS_SINCE_VERSION and any(
        topic.name is None or topic.topic_id != ZERO_ID for topic in wanted
    ):
        return [_failed(topic.name or "", ErrorCode.INVALID_REQUEST) for topic in wanted]
    ids = dict.fromkeys(topic.topic_id for topic in wanted if topic.topic_id != ZERO_ID)
    if ids:
        return [image.topics_by_id.get(topic_id) or _unknown(topic_id) for topic_id in ids]
    names = dict.fromkeys(topic.name for topic in wanted)
    return [_named(image, name, errors) for name in names]


def _named(image: MetadataImage, name: str | None, errors: dict[str, ErrorCode]) -> Answerable:
    if name is None:
        return _failed(None, ErrorCode.INVALID_REQUEST)
    topic = image.topics.get(name)
    if topic is not None:
        return topic
    if not is_topic_name(name):
        return _failed(name, ErrorCode.INVALID_TOPIC_EXCEPTION)
    return _failed(name, errors.get(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))


def _unknown(topic_id: bytes) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        error_code=ErrorCode.UNKNOWN_TOPIC_ID, name=None, topic_id=topic_id
    )


def _failed(name: str | None, error: ErrorCode) -> MetadataResponseTopic:
    return MetadataResponseTopic(error_code=error, name=name, is_internal=name in INTERNAL_TOPICS)


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

"""DescribeTopicPartitions: topics page by page, with the replicas that may still lead (KIP-966).

Source: Kafka's ``DescribeTopicPartitionsRequestHandler`` and
``KRaftMetadataCache.getTopicMetadataForDescribeTopicResponse``.
"""

from __future__ import annotations

from metadata.image import INTERNAL_TOPICS, TopicImage
from metadata.topic_names import is_topic_name
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.metadata import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponseCursor,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)
from raftkafka.server.cluster_view import TOPIC_OPERATIONS, PartitionViews
from raftkafka.server.context import RequestContext


def handle_describe_topic_partitions(
    context: RequestContext, request: DescribeTopicPartitionsRequest
) -> DescribeTopicPartitionsResponse:
    """Answer with as many partitions as asked for, and where to go on."""
    all_topics = not request.topics
    wanted = context.broker.image.topics if all_topics else {it.name for it in request.topics}
    cursor = request.cursor
    if cursor is None:
        start = "", 0
    elif cursor.partition_index < 0 or not (all_topics or cursor.topic_name in wanted):
        return DescribeTopicPartitionsResponse(
            topics=[_failed(name, ErrorCode.INVALID_REQUEST) for name in wanted]
        )
    else:
        start = cursor.topic_name, cursor.partition_index
    names = sorted(name for name in wanted if name >= start[0])
    limit = context.broker.config.max_request_partition_size_limit
    return _page(context, names, start, max(1, min(limit, request.response_partition_limit)))


def _page(
    context: RequestContext, names: list[str], start: tuple[str, int], limit: int
) -> DescribeTopicPartitionsResponse:
    """Describe the topics of these names, from partition ``start``, ``limit`` partitions in all."""
    topics = context.broker.image.topics
    views = PartitionViews(context.broker.image.brokers, context.listener_name)
    response = DescribeTopicPartitionsResponse()
    for name in names:
        if limit == 0:
            response.next_cursor = _cursor(name, 0)
            break
        topic = topics.get(name)
        if topic is None:
            fault = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            if not is_topic_name(name):
                fault = ErrorCode.INVALID_TOPIC_EXCEPTION
            response.topics.append(_failed(name, fault))
            continue
        first = start[1] if name == start[0] else 0
        end = min(len(topic.partitions), first + limit)
        response.topics.append(_topic(topic, range(first, end), views))
        if end < len(topic.partitions):
            response.next_cursor = _cursor(name, end)
            break
        limit -= max(0, end - first)
    return response


def _cursor(topic: str, partition: int) -> DescribeTopicPartitionsResponseCursor:
    return DescribeTopicPartitionsResponseCursor(topic_name=topic, partition_index=partition)


def _failed(name: str, error: ErrorCode) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(
        error_code=error,
        name=name,
        is_internal=name in INTERNAL_TOPICS,
        topic_authorized_operations=TOPIC_OPERATIONS,
    )


def _topic(
    topic: TopicImage, numbers: range, views: PartitionViews
) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.internal,
        partitions=[_partition(topic, number, views) for number in numbers],
        topic_authorized_operations=TOPIC_OPERATIONS,
    )


def _partition(
    topic: TopicImage, number: int, views: PartitionViews
) -> DescribeTopicPartitionsResponsePartition:
    partition = topic.partitions[number]
    view = views.view(partition)
    return DescribeTopicPartitionsResponsePartition(
        partition_index=number,
        leader_id=view.leader,
        leader_epoch=partition.leader_epoch,
        replica_nodes=view.replicas,
        isr_nodes=view.isr,
        eligible_leader_replicas=list(partition.elr),
        last_known_elr=list(partition.last_known_elr),
        offline_replicas=view.offline,
    )

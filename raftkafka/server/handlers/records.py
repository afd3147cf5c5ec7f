"""DeleteRecords and DescribeProducers: what a partition's log holds, and from where.

Source: Kafka 4.0 ``Partition.deleteRecordsOnLeader``, ``ReplicaManager.activeProducerState``;
KIP-107, KIP-664.
"""

from __future__ import annotations

from metadata.image import INTERNAL_TOPICS
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.producers import (
    DescribedProducer,
    DescribeProducersRequest,
    DescribeProducersResponse,
    DescribeProducersResponsePartition,
    DescribeProducersResponseTopic,
)
from raftkafka.protocol.messages.topics import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)
from raftkafka.server.context import RequestContext


def handle_delete_records(
    context: RequestContext, request: DeleteRecordsRequest
) -> DeleteRecordsResponse:
    """Move log start offsets; the segments below go with the next retention check."""
    return DeleteRecordsResponse(
        topics=[
            DeleteRecordsTopicResult(
                name=topic.name,
                partitions=[_delete(context, topic.name, asked) for asked in topic.partitions],
            )
            for topic in request.topics
        ]
    )


def _delete(
    context: RequestContext, topic: str, asked: DeleteRecordsPartition
) -> DeleteRecordsPartitionResult:
    answer = DeleteRecordsPartitionResult(partition_index=asked.partition_index, low_watermark=-1)
    try:
        if topic in INTERNAL_TOPICS:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION)
        leader = context.broker.replicas.leader(topic, asked.partition_index)
        if "delete" not in leader.log.config.cleanup_policy:
            raise KafkaError(ErrorCode.POLICY_VIOLATION)
        answer.low_watermark = leader.delete_records(asked.offset)
    except KafkaError as error:
        answer.error_code = error.code
    return answer


def handle_describe_producers(
    context: RequestContext, request: DescribeProducersRequest
) -> DescribeProducersResponse:
    """List the idempotent producers that partitions remember."""
    return DescribeProducersResponse(
        topics=[
            DescribeProducersResponseTopic(
                name=topic.name,
                partitions=[_producers(context, topic.name, p) for p in topic.partition_indexes],
            )
            for topic in request.topics
        ]
    )


def _producers(
    context: RequestContext, topic: str, partition: int
) -> DescribeProducersResponsePartition:
    answer = DescribeProducersResponsePartition(partition_index=partition)
    try:
        leader = context.broker.replicas.leader(topic, partition)
        answer.active_producers = [
            DescribedProducer(
                producer_id=producer_id,
                producer_epoch=entry.epoch,
                last_sequence=entry.last_sequence,
                last_timestamp=entry.last_timestamp,
                coordinator_epoch=entry.coordinator_epoch,
            )
            for producer_id, entry in leader.log.producers.items()
        ]
    except KafkaError as error:
        answer.error_code = error.code
    return answer

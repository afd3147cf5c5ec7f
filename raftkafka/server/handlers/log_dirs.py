"""DescribeLogDirs, AlterReplicaLogDirs: which directory holds which partition (KIP-113, KIP-827).

Source: ``ReplicaManager.describeLogDirs`` and ``alterReplicaLogDirs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raftkafka.errors import ErrorCode
from raftkafka.log.dir_usage import DirUsage
from raftkafka.protocol.messages.log_dirs import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopicResult,
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)
from raftkafka.server.context import RequestContext
from raftkafka.types import TopicPartition


async def handle_describe_log_dirs(
    context: RequestContext, request: DescribeLogDirsRequest
) -> DescribeLogDirsResponse:
    """Describe every directory, with the partitions that are asked for, or all."""
    asked = request.topics
    wanted = {TopicPartition(t.topic, number) for t in asked or () for number in t.partitions}
    usages = await context.broker.log_dirs.usage(lambda p: asked is None or p in wanted)
    response = DescribeLogDirsResponse()
    for usage in usages:
        response.results.append(
            DescribeLogDirsResult(
                error_code=ErrorCode.KAFKA_STORAGE_ERROR if usage.failure else ErrorCode.NONE,
                log_dir=usage.path,
                topics=_topics(usage.size_bytes),
                total_bytes=usage.total_bytes,
                usable_bytes=usage.usable_bytes,
            )
        )
    return response


def _topics(size_bytes: Mapping[TopicPartition, int]) -> list[DescribeLogDirsTopic]:
    topics: dict[str, DescribeLogDirsTopic] = {}
    for partition, size in sorted(size_bytes.items()):
        topic = topics.setdefault(partition.topic, DescribeLogDirsTopic(name=partition.topic))
        topic.partitions.append(
            DescribeLogDirsPartition(partition_index=partition.partition, partition_size=size)
        )
    return list(topics.values())


async def handle_alter_replica_log_dirs(
    context: RequestContext, request: AlterReplicaLogDirsRequest
) -> AlterReplicaLogDirsResponse:
    """Confirm the directories of replicas that lie there already; none is moved to another.

    kafka-reassign-partitions names them in the plan for the way back.
    """
    targets = {
        TopicPartition(topic.name, number): entry.path
        for entry in request.dirs
        for topic in entry.topics
        for number in topic.partitions
    }
    usages = await context.broker.log_dirs.usage(lambda partition: partition in targets)
    results: dict[str, AlterReplicaLogDirTopicResult] = {}
    for partition, path in targets.items():
        topic = AlterReplicaLogDirTopicResult(topic_name=partition.topic)
        results.setdefault(partition.topic, topic).partitions.append(
            AlterReplicaLogDirPartitionResult(
                partition_index=partition.partition, error_code=_outcome(partition, path, usages)
            )
        )
    return AlterReplicaLogDirsResponse(results=list(results.values()))


def _outcome(partition: TopicPartition, path: str, usages: Sequence[DirUsage]) -> ErrorCode:
    target = next((usage for usage in usages if usage.path == path), None)
    if target is None:
        return ErrorCode.LOG_DIR_NOT_FOUND
    if target.failure:
        return ErrorCode.KAFKA_STORAGE_ERROR
    if partition in target.size_bytes:
        return ErrorCode.NONE
    if any(partition in usage.size_bytes for usage in usages):
        return ErrorCode.UNSUPPORTED_VERSION
    return ErrorCode.REPLICA_NOT_AVAILABLE

"""DescribeLogDirs: which directory holds which partition, and its size (KIP-113, KIP-827)."""

from __future__ import annotations

from collections.abc import Mapping

from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.log_dirs import (
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

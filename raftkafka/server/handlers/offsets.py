"""ListOffsets and OffsetForLeaderEpoch: offsets by timestamp, by position and by leader epoch.

Source: Kafka 4.0 ``Partition.fetchOffsetForTimestamp``, ``UnifiedLog.fetchOffsetByTimestamp``;
KIP-79, KIP-101, KIP-320, KIP-405 (negative timestamps -4 and -5), KIP-734 (-3).
"""

from __future__ import annotations

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderPartitionResult,
    OffsetForLeaderTopicResult,
)
from raftkafka.server.context import RequestContext
from replication.leader import PartitionLeader

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
UNKNOWN = -1
FIRST_WITH_LEADER_EPOCH = 4
"""The version of ListOffsets that tells the epoch; older ones have no room for it."""

Found = tuple[int, int, int]
"""Timestamp, offset, leader epoch; -1 where there is none."""


def handle_list_offsets(
    context: RequestContext, request: ListOffsetsRequest
) -> ListOffsetsResponse:
    """Answer each partition by itself."""
    response = ListOffsetsResponse()
    for topic in request.topics:
        duplicates = len({p.partition_index for p in topic.partitions}) < len(topic.partitions)
        answers = [
            _list_offset(context, topic.name, asked, duplicates) for asked in topic.partitions
        ]
        response.topics.append(ListOffsetsTopicResponse(name=topic.name, partitions=answers))
    return response


def _list_offset(
    context: RequestContext, topic: str, asked: ListOffsetsPartition, duplicates: bool
) -> ListOffsetsPartitionResponse:
    answer = ListOffsetsPartitionResponse(partition_index=asked.partition_index)
    try:
        if duplicates:
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        leader = context.broker.replicas.leader(topic, asked.partition_index)
        leader.check_epoch(asked.current_leader_epoch)
        found = find_offset(leader, asked.timestamp)
        answer.timestamp, answer.offset, leader_epoch = found
        if context.api_version >= FIRST_WITH_LEADER_EPOCH:
            answer.leader_epoch = leader_epoch
    except KafkaError as error:
        answer.error_code = error.code
    return answer


def find_offset(leader: PartitionLeader, timestamp: int) -> Found:
    """Return what is readable at a timestamp, or at one of the positions with a negative number.

    Raises:
        KafkaError: OFFSET_NOT_AVAILABLE while the high watermark is below this epoch's start,
            for then it may still be behind what was served before (rule 14).
        KafkaError: UNSUPPORTED_FOR_MESSAGE_FORMAT for a negative number that means nothing.
    """
    log = leader.log
    if timestamp in (EARLIEST, EARLIEST_LOCAL):
        return UNKNOWN, log.log_start_offset, log.epochs.epoch_for(log.log_start_offset)
    if timestamp == LATEST_TIERED:
        return UNKNOWN, UNKNOWN, UNKNOWN
    if leader.high_watermark < leader.epoch_start_offset:
        raise KafkaError(ErrorCode.OFFSET_NOT_AVAILABLE)
    if timestamp == LATEST:
        return UNKNOWN, leader.visible_end, leader.leader_epoch
    if timestamp == MAX_TIMESTAMP:
        found = log.max_timestamp(leader.visible_end)
    elif timestamp >= 0:
        found = log.offset_for_timestamp(timestamp, leader.visible_end)
    else:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    return found if found is not None else (UNKNOWN, UNKNOWN, UNKNOWN)


def handle_offset_for_leader_epoch(
    context: RequestContext, request: OffsetForLeaderEpochRequest
) -> OffsetForLeaderEpochResponse:
    """Tell where leader epochs end."""
    return OffsetForLeaderEpochResponse(
        topics=[
            OffsetForLeaderTopicResult(
                topic=topic.topic,
                partitions=[_epoch_end(context, topic.topic, asked) for asked in topic.partitions],
            )
            for topic in request.topics
        ]
    )


def _epoch_end(
    context: RequestContext, topic: str, asked: OffsetForLeaderPartition
) -> OffsetForLeaderPartitionResult:
    answer = OffsetForLeaderPartitionResult(partition=asked.partition)
    try:
        leader = context.broker.replicas.leader(topic, asked.partition)
        leader.check_epoch(asked.current_leader_epoch)
        answer.leader_epoch, answer.end_offset = leader.end_of_epoch(asked.leader_epoch)
    except KafkaError as error:
        answer.error_code = error.code
    return answer

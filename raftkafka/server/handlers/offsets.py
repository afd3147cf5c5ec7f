"""ListOffsets and OffsetForLeaderEpoch: offsets by timestamp, by position and by leader epoch.

Source: Kafka 4.0 ``ReplicaManager.fetchOffset``, ``Partition.fetchOffsetForTimestamp``,
``UnifiedLog.fetchOffsetByTimestamp``; KIP-79, KIP-101, KIP-320, KIP-405 (negative timestamps -4
and -5), KIP-734 (-3).
"""

from __future__ import annotations

from collections import Counter

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.lookup_driver import Lookups
from raftkafka.log.slices_driver import Slices
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
SINCE_VERSION = {LATEST: 1, EARLIEST: 1, MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9}
"""Versions of ListOffsets that brought the positions."""
NEVER = 1 << 15
UNAVAILABLE_SINCE_VERSION = 5
"""Older clients do not know OFFSET_NOT_AVAILABLE."""
LEADER_EPOCH_SINCE_VERSION = 4
"""Older versions have no room for it."""

Found = tuple[int, int, int]
"""Timestamp, offset, leader epoch; -1 where there is none."""


async def handle_list_offsets(
    context: RequestContext, request: ListOffsetsRequest
) -> ListOffsetsResponse:
    """Answer each partition by itself; what opens large batches waits for a thread."""
    asked_for = Counter((t.name, p.partition_index) for t in request.topics for p in t.partitions)
    slices = Slices()
    response = ListOffsetsResponse()
    for topic in request.topics:
        answered = ListOffsetsTopicResponse(name=topic.name)
        response.topics.append(answered)
        for asked in topic.partitions:
            is_duplicate = asked_for[topic.name, asked.partition_index] > 1
            answered.partitions.append(await _list_offset(context, topic.name, asked, is_duplicate))
            await slices.pause()
    return response


async def _list_offset(
    context: RequestContext, topic: str, asked: ListOffsetsPartition, is_duplicate: bool
) -> ListOffsetsPartitionResponse:
    answer = ListOffsetsPartitionResponse(partition_index=asked.partition_index)
    try:
        check_timestamp(asked.timestamp, context.api_version, is_duplicate)
        leader = context.broker.replicas.leader(topic, asked.partition_index)
        leader.check_epoch(asked.current_leader_epoch)
        found = await find_offset(context.broker.log_dirs.lookups, leader, asked.timestamp)
        answer.timestamp, answer.offset, leader_epoch = found
        if context.api_version >= LEADER_EPOCH_SINCE_VERSION:
            answer.leader_epoch = leader_epoch
    except KafkaError as error:
        answer.error_code = known_code(error.code, context.api_version)
    return answer


def known_code(code: ErrorCode, api_version: int) -> ErrorCode:
    """Return what clients of a version of ListOffsets understand."""
    if code == ErrorCode.OFFSET_NOT_AVAILABLE and api_version < UNAVAILABLE_SINCE_VERSION:
        return ErrorCode.LEADER_NOT_AVAILABLE
    return code


def check_timestamp(timestamp: int, api_version: int, is_duplicate: bool) -> None:
    """Refuse what cannot be looked up.

    Raises:
        KafkaError: INVALID_REQUEST for a partition that is asked for twice; UNSUPPORTED_VERSION
            for a negative number that means nothing, or nothing yet in this version.
    """
    if is_duplicate:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if timestamp < 0 and api_version < SINCE_VERSION.get(timestamp, NEVER):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)


async def find_offset(lookups: Lookups, leader: PartitionLeader, timestamp: int) -> Found:
    """Return what is readable at a timestamp, or at one of the positions with a negative number.

    Raises:
        KafkaError: OFFSET_NOT_AVAILABLE while the high watermark is below this epoch's start,
            for then it may still be behind what was served before (rule 14); NOT_LEADER_OR_FOLLOWER
            and the like if the leader ends meanwhile; CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR.
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
    try:
        if timestamp == MAX_TIMESTAMP:
            found = await lookups.max_timestamp(log, leader.visible_end)
        else:
            found = await lookups.offset_for_timestamp(log, timestamp, leader.visible_end)
    except KafkaError:
        check_not_ended(leader)  # then that is what happened to the log
        raise
    check_not_ended(leader)
    return found if found is not None else (UNKNOWN, UNKNOWN, UNKNOWN)


def check_not_ended(leader: PartitionLeader) -> None:
    """See that it still leads, after a wait.

    Raises:
        KafkaError: why it does not.
    """
    if leader.ended is not None:
        raise KafkaError(leader.ended)


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

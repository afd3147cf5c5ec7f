"""Offsets of partitions by time, and the deletion of records before an offset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from raftkafka.client.client import PASSING, Client
from raftkafka.client.connection import Connection
from raftkafka.client.errors import error_code
from raftkafka.errors import ErrorCode
from raftkafka.types import NO_LEADER, TopicPartition, by_topic

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6

FIRST_VERSION = {MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9, EARLIEST_PENDING_UPLOAD: 11}
"""The version of ListOffsets that gave a timestamp its meaning."""

NO_OFFSET = -1


@dataclass(frozen=True, slots=True)
class Found:
    """What a partition's leader answered: the offset, -1 if there is none; or an error."""

    offset: int = NO_OFFSET
    timestamp: int = -1
    error: ErrorCode = ErrorCode.NONE


Answers = dict[TopicPartition, Found]


def list_offsets(
    client: Client, timestamps: Mapping[TopicPartition, int], *, read_committed: bool = False
) -> Answers:
    """Return for each partition the first offset at or after a timestamp.

    Args:
        client: the cluster.
        timestamps: in ms, or one of the constants above.
        read_committed: count only what is not part of an open transaction.

    Raises:
        ClientError: a broker does not answer, or does not know such a timestamp.
    """
    from raftkafka.protocol.messages.list_offsets import (
        ListOffsetsPartition,
        ListOffsetsRequest,
        ListOffsetsResponse,
        ListOffsetsTopic,
    )

    def ask(leader: Connection, partitions: list[TopicPartition]) -> Answers:
        topics = [
            ListOffsetsTopic(
                name=name,
                partitions=[
                    ListOffsetsPartition(partition_index=key.partition, timestamp=timestamps[key])
                    for key in keys
                ],
            )
            for name, keys in by_topic(partitions).items()
        ]
        request = ListOffsetsRequest(
            replica_id=-1,
            isolation_level=int(read_committed),
            topics=topics,
            timeout_ms=client.timeout_ms,
        )
        needed = max(FIRST_VERSION.get(timestamps[key], 1) for key in partitions)
        answer = leader.ask(request, ListOffsetsResponse, at_least=needed)
        return {
            TopicPartition(topic.name, partition.partition_index): Found(
                partition.offset, partition.timestamp, error_code(partition.error_code)
            )
            for topic in answer.topics
            for partition in topic.partitions
        }

    return client.retry(lambda: _by_leader(client, timestamps, ask), _may_pass)


def delete_records(client: Client, offsets: Mapping[TopicPartition, int]) -> Answers:
    """Delete all records before an offset (-1: all there are); return the new first offsets.

    Raises:
        ClientError: a broker does not answer.
    """
    from raftkafka.protocol.messages.topics import (
        DeleteRecordsPartition,
        DeleteRecordsRequest,
        DeleteRecordsResponse,
        DeleteRecordsTopic,
    )

    def ask(leader: Connection, partitions: list[TopicPartition]) -> Answers:
        topics = [
            DeleteRecordsTopic(
                name=name,
                partitions=[
                    DeleteRecordsPartition(partition_index=key.partition, offset=offsets[key])
                    for key in keys
                ],
            )
            for name, keys in by_topic(partitions).items()
        ]
        request = DeleteRecordsRequest(topics=topics, timeout_ms=client.timeout_ms)
        answer = leader.ask(request, DeleteRecordsResponse)
        return {
            TopicPartition(topic.name, partition.partition_index): Found(
                partition.low_watermark, error=error_code(partition.error_code)
            )
            for topic in answer.topics
            for partition in topic.partitions
        }

    return client.retry(lambda: _by_leader(client, offsets, ask), _may_pass)


class _Ask(Protocol):
    """(connection to a leader, the partitions that it leads) -> what it answered."""

    def __call__(self, leader: Connection, partitions: list[TopicPartition], /) -> Answers: ...


def _by_leader(client: Client, partitions: Iterable[TopicPartition], ask: _Ask) -> Answers:
    """Ask the leader of each partition, one request per broker."""
    wanted = sorted(partitions)
    metadata = client.metadata({key.topic for key in wanted})
    leaders = {
        TopicPartition(topic.name or "", partition.partition_index): partition.leader_id
        for topic in metadata.topics
        for partition in topic.partitions
    }
    found: Answers = {}
    led: dict[int, list[TopicPartition]] = defaultdict(list)
    for key in wanted:
        leader = leaders.get(key)
        if leader is None:
            found[key] = Found(error=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        elif leader == NO_LEADER:
            found[key] = Found(error=ErrorCode.LEADER_NOT_AVAILABLE)
        else:
            led[leader].append(key)
    for leader, keys in led.items():
        found |= ask(client.broker(leader, metadata), keys)
    return {key: found[key] for key in wanted if key in found}


def _may_pass(answers: Answers) -> bool:
    return any(found.error in PASSING for found in answers.values())

"""Elections of partition leaders that somebody asks for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from raftkafka.client.client import Client
from raftkafka.client.errors import check, describe, error_code
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.replicas import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    ElectLeadersTopic,
)
from raftkafka.types import TopicPartition, by_topic


class ElectionType(IntEnum):
    """Who may be elected (Kafka class ``ElectionType``)."""

    PREFERRED = 0
    """The first replica, if it is in sync."""
    UNCLEAN = 1
    """Any live replica, for a partition without a leader: messages may be lost."""


class Outcome(NamedTuple):
    """What became of one partition."""

    code: ErrorCode
    message: str


def elect_leaders(
    client: Client, election_type: ElectionType, partitions: Iterable[TopicPartition] | None
) -> dict[TopicPartition, Outcome]:
    """Elect leaders for these partitions, or for all; of all, only those that changed are told.

    Raises:
        ClientError: no broker answers, or it refused the whole.
    """
    topics: list[ElectLeadersTopic] | None = None
    if partitions is not None:
        topics = [
            ElectLeadersTopic(topic=name, partitions=[key.partition for key in keys])
            for name, keys in by_topic(partitions).items()
        ]
    request = ElectLeadersRequest(
        election_type=election_type, topic_partitions=topics, timeout_ms=client.timeout_ms
    )
    answer = client.ask_controller(request, ElectLeadersResponse, _codes, at_least=election_type)
    check(answer.error_code)
    return {
        TopicPartition(topic.topic, result.partition_id): Outcome(
            error_code(result.error_code),
            result.error_message or describe(error_code(result.error_code)),
        )
        for topic in answer.replica_election_results
        for result in topic.partition_result
    }


def _codes(answer: ElectLeadersResponse) -> Iterable[int]:
    yield answer.error_code
    for topic in answer.replica_election_results:
        for result in topic.partition_result:
            yield result.error_code

"""Reassignments: move partitions to other replicas, stop that, list what goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from raftkafka.client.client import Client
from raftkafka.client.errors import check, describe, error_code
from raftkafka.protocol.messages.replicas import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    ListPartitionReassignmentsTopic,
    ReassignablePartition,
    ReassignableTopic,
)
from raftkafka.types import TopicPartition, by_topic


class Reassignment(NamedTuple):
    """A partition on its way: all its replicas, those that come and those that go."""

    replicas: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]


def list_reassignments(
    client: Client, partitions: Iterable[TopicPartition] | None = None
) -> dict[TopicPartition, Reassignment]:
    """Return the reassignments that go on, of these partitions or of all, in order.

    Raises:
        ClientError: no broker answers, or it refused.
    """
    topics: list[ListPartitionReassignmentsTopic] | None = None
    if partitions is not None:
        topics = [
            ListPartitionReassignmentsTopic(
                name=name, partition_indexes=[key.partition for key in keys]
            )
            for name, keys in by_topic(partitions).items()
        ]
        if not topics:
            return {}
    request = ListPartitionReassignmentsRequest(topics=topics, timeout_ms=client.timeout_ms)
    answer = client.ask_controller(
        request, ListPartitionReassignmentsResponse, lambda answer: [answer.error_code]
    )
    check(answer.error_code, answer.error_message)
    found = {
        TopicPartition(topic.name, partition.partition_index): Reassignment(
            tuple(partition.replicas),
            tuple(partition.adding_replicas),
            tuple(partition.removing_replicas),
        )
        for topic in answer.topics
        for partition in topic.partitions
    }
    return dict(sorted(found.items()))


def alter_reassignments(
    client: Client,
    targets: Mapping[TopicPartition, Sequence[int] | None],
    *,
    allow_replication_factor_change: bool = True,
) -> dict[TopicPartition, str]:
    """Start moving each partition to its replicas; None stops a move that goes on.

    Args:
        client: the cluster.
        targets: by partition, its replicas, the preferred leader first.
        allow_replication_factor_change: False: refuse more or fewer replicas than there are.

    Returns:
        What is wrong, by partition; those that are not in it were accepted.

    Raises:
        ClientError: no broker answers, or it refused the whole.
    """
    topics = [
        ReassignableTopic(
            name=name,
            partitions=[
                ReassignablePartition(
                    partition_index=key.partition,
                    replicas=None if (target := targets[key]) is None else list(target),
                )
                for key in keys
            ],
        )
        for name, keys in by_topic(targets).items()
    ]
    request = AlterPartitionReassignmentsRequest(
        topics=topics,
        timeout_ms=client.timeout_ms,
        allow_replication_factor_change=allow_replication_factor_change,
    )
    at_least = 0 if allow_replication_factor_change else 1
    answer = client.ask_controller(
        request, AlterPartitionReassignmentsResponse, _codes, at_least=at_least
    )
    check(answer.error_code, answer.error_message)
    return {
        TopicPartition(topic.name, partition.partition_index): partition.error_message
        or describe(error_code(partition.error_code))
        for topic in answer.responses
        for partition in topic.partitions
        if partition.error_code
    }


def _codes(answer: AlterPartitionReassignmentsResponse) -> Iterable[int]:
    yield answer.error_code
    for topic in answer.responses:
        for partition in topic.partitions:
            yield partition.error_code

"""What kafka-topics --describe prints of topics and partitions, and which of them it picks.

Source: Kafka class ``TopicCommand``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from raftkafka.client.reassignments import Reassignment
from raftkafka.client.topics import Partition, Topic
from raftkafka.types import ZERO_ID, uuid_text

UNDER_REPLICATED = "under-replicated-partitions"
UNAVAILABLE = "unavailable-partitions"
UNDER_MIN_ISR = "under-min-isr-partitions"
AT_MIN_ISR = "at-min-isr-partitions"
REPORTS = (UNDER_REPLICATED, UNAVAILABLE, UNDER_MIN_ISR, AT_MIN_ISR)


def reports_of(
    partition: Partition, move: Reassignment | None, min_insync: int, alive: Set[int]
) -> set[str]:
    """Return which of ``REPORTS`` a partition is part of.

    Args:
        partition: its replicas and ISR.
        move: the reassignment that goes on; what it adds is not missed yet.
        min_insync: ``min.insync.replicas`` of the topic.
        alive: ids of the live brokers.
    """
    in_sync = len(partition.isr)
    has_leader = partition.leader in alive
    reports: set[str] = set()
    if replication_factor(partition, move) > in_sync:
        reports.add(UNDER_REPLICATED)
    if not has_leader:
        reports.add(UNAVAILABLE)
    if not has_leader or in_sync < min_insync:
        reports.add(UNDER_MIN_ISR)
    if in_sync == min_insync:
        reports.add(AT_MIN_ISR)
    return reports


def replication_factor(partition: Partition, move: Reassignment | None) -> int:
    """Return how many replicas a partition has, without those that a reassignment adds."""
    # It may have ended between the two answers: then its replicas are those of before.
    if move is not None and set(partition.replicas) & {*move.adding, *move.removing}:
        return len(move.replicas) - len(move.adding)
    return len(partition.replicas)


def topic_line(
    topic: Topic, move_of_first: Reassignment | None, overrides: Mapping[str, str]
) -> str:
    """Return the line of a topic."""
    configs = ",".join(f"{key}={value}" for key, value in overrides.items())
    known = "" if topic.topic_id == ZERO_ID else f"\tTopicId: {uuid_text(topic.topic_id)}"
    factor = replication_factor(topic.partitions[0], move_of_first) if topic.partitions else 0
    return (
        f"Topic: {topic.name}{known}\tPartitionCount: {len(topic.partitions)}"
        f"\tReplicationFactor: {factor}\tConfigs: {configs}"
    )


def partition_line(
    topic: str, partition: Partition, move: Reassignment | None, alive: Set[int]
) -> str:
    """Return the line of a partition; a leader that is not alive is none."""
    leader = partition.leader if partition.leader in alive else "none"
    moved = ""
    if move is not None:
        moved = f"\tAdding Replicas: {_ids(move.adding)}\tRemoving Replicas: {_ids(move.removing)}"
    return (
        f"\tTopic: {topic}\tPartition: {partition.partition}\tLeader: {leader}"
        f"\tReplicas: {_ids(partition.replicas)}\tIsr: {_ids(partition.isr)}{moved}"
        f"\tElr: {_ids(partition.elr)}\tLastKnownElr: {_ids(partition.last_known_elr)}"
    )


def _ids(ids: Iterable[int] | None) -> str:
    return "N/A" if ids is None else ",".join(str(node_id) for node_id in ids)

"""Which partitions the filters of kafka-topics --describe pick, and how each is shown."""

from __future__ import annotations

import pytest

from raftkafka.cli.shims.topic_lines import (
    AT_MIN_ISR,
    UNAVAILABLE,
    UNDER_MIN_ISR,
    UNDER_REPLICATED,
    partition_line,
    reports_of,
    topic_line,
)
from raftkafka.client.reassignments import Reassignment
from raftkafka.client.topics import Partition, Topic
from raftkafka.types import ZERO_ID

ALIVE = {1, 2, 3}
NOBODY = None


def partition(leader: int | None, replicas: tuple[int, ...], isr: tuple[int, ...]) -> Partition:
    return Partition(0, leader, 5, replicas, isr, elr=(3,), last_known_elr=())


@pytest.mark.parametrize(
    ("leader", "isr", "expected"),
    [
        (1, (1, 2, 3), set[str]()),
        (1, (1, 2), {UNDER_REPLICATED, AT_MIN_ISR}),
        (1, (1,), {UNDER_REPLICATED, UNDER_MIN_ISR}),
        (NOBODY, (1, 2), {UNDER_REPLICATED, UNAVAILABLE, UNDER_MIN_ISR, AT_MIN_ISR}),
        (4, (4, 1, 2), {UNAVAILABLE, UNDER_MIN_ISR}),
    ],
)
def test_reports(leader: int | None, isr: tuple[int, ...], expected: set[str]) -> None:
    replicas = (4, 1, 2) if leader == 4 else (1, 2, 3)
    assert reports_of(partition(leader, replicas, isr), None, 2, ALIVE) == expected


def test_replicas_that_come_are_not_missed() -> None:
    moving = partition(1, (3, 1, 2), (1, 2))
    move = Reassignment((3, 1, 2), adding=(3,), removing=())
    assert UNDER_REPLICATED not in reports_of(moving, move, 1, ALIVE)
    assert UNDER_REPLICATED in reports_of(moving, None, 1, ALIVE)
    # The move ended before the partition was described, though it was listed.
    arrived = partition(1, (1, 2), (1,))
    assert UNDER_REPLICATED in reports_of(arrived, move, 1, ALIVE)


def test_lines() -> None:
    moving = partition(1, (3, 1, 2), (1, 2))
    move = Reassignment((3, 1, 2), adding=(3,), removing=(2,))
    assert partition_line("t", moving, move, ALIVE) == (
        "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 3,1,2\tIsr: 1,2\tAdding Replicas: 3"
        "\tRemoving Replicas: 2\tElr: 3\tLastKnownElr: "
    )
    assert "\tLeader: none\t" in partition_line("t", moving, None, {2, 3})
    topic = Topic("t", ZERO_ID, False, (moving,))
    assert topic_line(topic, move, {"a": "b"}) == (
        "Topic: t\tPartitionCount: 1\tReplicationFactor: 2\tConfigs: a=b"
    )

"""Reassignments: started, changed, cancelled, completed, listed; rule 20."""

from __future__ import annotations

import pytest

from metadata.controller.reassignments import (
    alter_partition_reassignments,
    list_partition_reassignments,
)
from metadata.image import MetadataImage, PartitionImage
from metadata.records import (
    TOPIC_CONFIG,
    BrokerChangeRecord,
    ConfigRecord,
    PartitionRecord,
    TopicRecord,
)
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.replicas import (
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsTopic,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
    ReassignablePartition,
    ReassignableTopic,
)
from tests.support.metadata import carried_out, directory, situation, with_brokers, with_records

TOPIC_ID = b"t" * 16


def cluster(**changes: object) -> MetadataImage:
    partition: dict[str, object] = {
        "replicas": (1, 2, 3),
        "isr": (1, 2, 3),
        "leader": 1,
        "leader_epoch": 5,
        "partition_epoch": 9,
        **changes,
    }
    record = PartitionRecord(TOPIC_ID, 0, **partition)  # type: ignore[arg-type]  # by name
    return with_records(with_brokers(1, 2, 3, 4, 5), TopicRecord("t", TOPIC_ID), record)


def altered(
    image: MetadataImage,
    replicas: list[int] | None,
    *,
    topic: str = "t",
    number: int = 0,
    allow_replication_factor_change: bool = True,
) -> tuple[PartitionImage, tuple[int, str | None]]:
    after, result = altered_image(image, replicas, topic, number, allow_replication_factor_change)
    return the_partition(after), result


def altered_image(
    image: MetadataImage,
    replicas: list[int] | None,
    topic: str = "t",
    number: int = 0,
    allow_replication_factor_change: bool = True,
) -> tuple[MetadataImage, tuple[int, str | None]]:
    wanted = ReassignablePartition(partition_index=number, replicas=replicas)
    request = AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(name=topic, partitions=[wanted])],
        allow_replication_factor_change=allow_replication_factor_change,
    )
    decision = alter_partition_reassignments(situation(image), request)
    after, answer = carried_out(image, decision)
    assert (answer.error_code, answer.responses[0].name) == (0, topic)
    (result,) = answer.responses[0].partitions
    assert result.partition_index == number
    return after, (result.error_code, result.error_message)


def the_partition(image: MetadataImage) -> PartitionImage:
    return image.topics["t"].partitions[0]


def test_new_replicas_are_added_to_the_old_ones() -> None:
    partition, result = altered(cluster(), [4, 1, 5])
    assert result == (0, None)
    assert partition.replicas == (4, 1, 5, 2, 3)
    assert (partition.adding, partition.removing) == ((4, 5), (2, 3))
    assert (partition.isr, partition.leader, partition.leader_epoch) == ((1, 2, 3), 1, 5)


def test_rule_20_what_is_in_sync_already_is_done_at_once() -> None:
    reordered, _ = altered(cluster(), [3, 2, 1])
    assert reordered == PartitionImage((3, 2, 1), (1, 2, 3), 1, 5, 10)
    fewer, _ = altered(cluster(), [2, 3])
    assert fewer == PartitionImage((2, 3), (2, 3), 2, 6, 10), "the leader went"
    same, result = altered(cluster(), [1, 2, 3])
    assert (same, result) == (the_partition(cluster()), (0, None))


def test_rule_20_fewer_replicas_wait_until_those_that_stay_are_in_sync() -> None:
    partition, _ = altered(cluster(isr=(1, 3)), [1, 2])
    assert partition == PartitionImage((1, 2, 3), (1, 3), 1, 5, 10, removing=(3,))


def test_another_reassignment_takes_the_place_of_the_first() -> None:
    moving, _ = altered_image(cluster(), [4, 1, 2])
    partition, _ = altered(moving, [5, 1, 2])
    assert partition.replicas == (5, 1, 2, 3, 4)
    assert partition.adding == (4, 5), "4 is not of the old replicas"
    assert partition.removing == (3, 4)


def test_cancelled_second_reassignment_goes_back_to_the_first_replicas() -> None:
    moving, _ = altered_image(cluster(), [4, 1, 2])
    moving, _ = altered_image(moving, [5, 1, 2])
    partition, result = altered(moving, None)
    assert result == (0, None)
    assert sorted(partition.replicas) == [1, 2, 3]
    assert not partition.is_reassigned


def test_cancelled_reassignment_drops_added_replicas_in_a_new_leader_epoch() -> None:
    moving = cluster(
        replicas=(4, 5, 1, 2, 3), isr=(4, 1, 2), leader=4, adding=(4, 5), removing=(1, 2, 3)
    )
    partition, result = altered(moving, None)
    assert result == (0, None)
    assert partition == PartitionImage((1, 2, 3), (1, 2), 1, 6, 10)


def test_reassignment_that_only_drops_replicas_can_be_cancelled() -> None:
    partition, _ = altered(cluster(isr=(1, 3), removing=(3,)), None)
    assert partition == PartitionImage((1, 2, 3), (1, 3), 1, 5, 10)


def test_cancelling_never_drops_the_only_replicas_in_sync() -> None:
    moving = cluster(replicas=(4, 1, 2), isr=(4,), leader=4, adding=(4,), removing=(1,))
    partition, result = altered(moving, None)
    assert result == (
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        "Unable to revert partition assignment for t:0 because it would require an unclean "
        "leader election.",
    )
    assert partition == the_partition(moving)
    key = "unclean.leader.election.enable"
    allowed = with_records(moving, ConfigRecord(TOPIC_CONFIG, "t", key, "true"))
    partition, result = altered(allowed, None)
    assert result == (0, None)
    assert (partition.replicas, partition.isr, partition.leader) == ((1, 2), (1,), 1)


def test_cancelling_never_drops_the_only_replica_that_may_lead_again() -> None:
    moving = cluster(
        replicas=(4, 1), isr=(), leader=-1, last_known_elr=(4,), adding=(4,), removing=(1,)
    )
    partition, (code, _) = altered(moving, None)
    assert code == ErrorCode.INVALID_REPLICA_ASSIGNMENT
    assert partition.last_known_elr == (4,)


def test_directories_follow_their_replicas() -> None:
    directories = (directory(1), directory(2), b"another of three")
    partition, _ = altered(cluster(directories=directories), [4, 3, 1])
    assert partition.replicas == (4, 3, 1, 2)
    assert partition.directories == (directory(4), directories[2], directory(1), directory(2))
    fewer, _ = altered(cluster(directories=directories), [3])
    assert fewer.directories == (directories[2],)


def test_fenced_brokers_can_be_targets_and_are_waited_for() -> None:
    image = with_records(cluster(), BrokerChangeRecord(4, 1, fenced=True))
    partition, result = altered(image, [1, 2, 4])
    assert result == (0, None)
    assert partition.adding == (4,)


@pytest.mark.parametrize(
    ("replicas", "topic", "number", "code", "message"),
    [
        ([1], "u", 0, 3, "Unable to find a topic named u."),
        ([1], "t", 7, 3, "Unable to find partition t:7."),
        (None, "t", 0, 85, "No partition reassignment is in progress."),
        ([], "t", 0, 39, "The manual partition assignment includes an empty replica list."),
        (
            [1, 9],
            "t",
            0,
            39,
            "The manual partition assignment includes broker 9, but no such broker is registered.",
        ),
        (
            [1, 4, 1],
            "t",
            0,
            39,
            "The manual partition assignment includes the broker 1 more than once.",
        ),
    ],
)
def test_refusals(
    replicas: list[int] | None, topic: str, number: int, code: int, message: str
) -> None:
    before = cluster()
    partition, result = altered(before, replicas, topic=topic, number=number)
    assert result == (code, message)
    assert partition == the_partition(before)


def test_replication_factor_stays_if_the_request_says_so() -> None:
    moving = cluster(replicas=(4, 1, 2, 3), adding=(4,), removing=(3,))
    _, (code, _) = altered(moving, [1, 2], allow_replication_factor_change=False)
    assert code == ErrorCode.INVALID_REPLICATION_FACTOR
    _, (code, _) = altered(moving, [1, 2, 5], allow_replication_factor_change=False)
    assert code == 0


def test_partition_named_twice_is_refused() -> None:
    wanted = [ReassignablePartition(replicas=[4]), ReassignablePartition(replicas=None)]
    request = AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(name="t", partitions=wanted)]
    )
    decision = alter_partition_reassignments(situation(cluster()), request)
    assert list(decision.records) == []
    codes = [it.error_code for it in decision.answer.responses[0].partitions]
    assert codes == [ErrorCode.INVALID_REQUEST] * 2


@pytest.mark.parametrize("asked", [None, [0, 1]])
def test_list_names_what_is_on_its_way(asked: list[int] | None) -> None:
    moving = with_records(
        cluster(), PartitionRecord(TOPIC_ID, 1, (4, 1), (1,), 1, adding=(4,), removing=(1,))
    )
    topics = None
    if asked is not None:
        topics = [
            ListPartitionReassignmentsTopic(name="t", partition_indexes=asked),
            ListPartitionReassignmentsTopic(name="unknown", partition_indexes=[0]),
        ]
    request = ListPartitionReassignmentsRequest(topics=topics)
    answer = list_partition_reassignments(situation(moving), request).answer
    ongoing = OngoingPartitionReassignment(
        partition_index=1, replicas=[4, 1], adding_replicas=[4], removing_replicas=[1]
    )
    assert answer.topics == [OngoingTopicReassignment(name="t", partitions=[ongoing])]

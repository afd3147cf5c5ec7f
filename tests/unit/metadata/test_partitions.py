"""CreatePartitions: what is added, and every refusal in Kafka's words."""

from __future__ import annotations

import pytest

from metadata.controller.partitions import create_partitions
from metadata.image import MetadataImage
from metadata.records import PartitionRecord, TopicRecord
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.topics import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)
from tests.support.metadata import carried_out, situation, with_brokers, with_records

TOPIC_ID = b"t" * 16
IMAGE = with_records(
    with_brokers(1, 2, 3),
    TopicRecord("t", TOPIC_ID),
    PartitionRecord(TOPIC_ID, 0, (2, 3), (2, 3), 2, leader_epoch=7),
    PartitionRecord(TOPIC_ID, 1, (3, 1), (3, 1), 3),
    PartitionRecord(TOPIC_ID, 2, (1, 2), (1, 2), 1),
)


def grown(
    *topics: CreatePartitionsTopic, validate_only: bool = False
) -> tuple[MetadataImage, list[CreatePartitionsTopicResult]]:
    request = CreatePartitionsRequest(topics=list(topics), validate_only=validate_only)
    after, response = carried_out(IMAGE, create_partitions(situation(IMAGE), request))
    return after, response.results


def wanted(
    count: int, *assignments: list[int], name: str = "t", given: bool = False
) -> CreatePartitionsTopic:
    return CreatePartitionsTopic(
        name=name,
        count=count,
        assignments=[CreatePartitionsAssignment(broker_ids=it) for it in assignments]
        if given or assignments
        else None,
    )


def test_new_partitions_go_on_where_the_first_ones_left_off() -> None:
    image, (result,) = grown(wanted(5))
    assert (result.error_code, result.error_message) == (0, None)
    partitions = image.topics["t"].partitions
    assert [partitions[number].replicas for number in range(3, 5)] == [(2, 3), (3, 1)]
    assert partitions[0].leader_epoch == 7, "the others stay as they are"


def test_given_replicas() -> None:
    image, _ = grown(wanted(4, [1, 3]))
    assert image.topics["t"].partitions[3].replicas == (1, 3)


def test_validate_only_commits_nothing() -> None:
    image, (result,) = grown(wanted(5), validate_only=True)
    assert (result.error_code, len(image.topics["t"].partitions)) == (0, 3)


@pytest.mark.parametrize(
    ("topic", "code", "message"),
    [
        (wanted(5, name="u"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None),
        (wanted(3), ErrorCode.INVALID_PARTITIONS, "Topic already has 3 partition(s)."),
        (
            wanted(2),
            ErrorCode.INVALID_PARTITIONS,
            "The topic t currently has 3 partition(s); 2 would not be an increase.",
        ),
        (
            wanted(5, [1, 2]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.",
        ),
        (
            wanted(4, given=True),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "Attempted to add 1 additional partition(s), but only 0 assignment(s) were specified.",
        ),
        (
            wanted(4, [1]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "The manual partition assignment includes a partition with 1 replica(s), but this is "
            "not consistent with previous partitions, which have 2 replica(s).",
        ),
        (
            wanted(2**31 - 1),
            ErrorCode.POLICY_VIOLATION,
            "Unable to perform excessively large batch operation: one request may create "
            "20000 partitions.",
        ),
    ],
)
def test_refusals(topic: CreatePartitionsTopic, code: ErrorCode, message: str | None) -> None:
    image, (result,) = grown(topic)
    assert (result.error_code, result.error_message) == (code, message)
    assert image.topics == IMAGE.topics


def test_topic_that_comes_twice_is_refused_once() -> None:
    image, results = grown(wanted(5), wanted(6))
    assert [(it.name, it.error_code, it.error_message) for it in results] == [
        ("t", ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
    ]
    assert image.topics == IMAGE.topics

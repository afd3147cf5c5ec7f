"""CreateTopics and DeleteTopics: what is made, and every refusal in Kafka's words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metadata.controller.assignments import PARTITIONS_PER_REQUEST_MAX
from metadata.controller.topic_deletion import delete_topics
from metadata.controller.topics import create_topics
from metadata.image import MetadataImage
from metadata.records import BROKER_CONFIG, TOPIC_CONFIG, ConfigRecord
from raftkafka.config import BrokerConfig
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreatableTopicResult,
    CreateTopicsRequest,
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicState,
)
from raftkafka.types import ZERO_ID
from tests.support.metadata import carried_out, directory, situation, with_brokers, with_records


def topic(
    name: str = "t",
    partitions: int = 1,
    replicas: int = 1,
    configs: dict[str, str | None] | None = None,
    assigned: list[tuple[int, list[int]]] | None = None,
) -> CreatableTopic:
    return CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=replicas,
        configs=[
            CreatableTopicConfig(name=key, value=value) for key, value in (configs or {}).items()
        ],
        assignments=[
            CreatableReplicaAssignment(partition_index=number, broker_ids=brokers)
            for number, brokers in assigned or []
        ],
    )


def assigned(*replicas: list[int]) -> CreatableTopic:
    return topic(partitions=-1, replicas=-1, assigned=list(enumerate(replicas)))


def created(
    image: MetadataImage,
    *topics: CreatableTopic,
    validate_only: bool = False,
    config: BrokerConfig | None = None,
) -> tuple[MetadataImage, list[CreatableTopicResult]]:
    request = CreateTopicsRequest(topics=list(topics), validate_only=validate_only)
    after, response = carried_out(image, create_topics(situation(image, config), request))
    return after, response.topics


def refusal(image: MetadataImage, wanted: CreatableTopic) -> tuple[int, str | None]:
    """Return why a topic is refused; nothing of it may be committed."""
    after, (result,) = created(image, wanted)
    assert after == replace(image, offset=after.offset)
    return result.error_code, result.error_message


ONE = with_brokers(1)
THREE = with_brokers(1, 2, 3)


def test_topic_is_led_by_its_first_replica_from_epoch_0() -> None:
    image, (result,) = created(THREE, topic("t", 3, 2))
    made = image.topics["t"]
    assert result.topic_id == made.topic_id != ZERO_ID
    assert (result.error_code, result.num_partitions, result.replication_factor) == (0, 3, 2)
    for partition in made.partitions.values():
        assert partition.isr == partition.replicas
        assert partition.leader == partition.replicas[0]
        assert (partition.leader_epoch, partition.partition_epoch) == (0, 0)
        assert partition.directories == tuple(map(directory, partition.replicas))
    assert {partition.leader for partition in made.partitions.values()} == {1, 2, 3}


def test_defaults_of_the_broker() -> None:
    config = BrokerConfig.of({"num.partitions": "5", "default.replication.factor": "2"})
    image, (result,) = created(THREE, topic("t", -1, -1), config=config)
    assert (result.num_partitions, result.replication_factor) == (5, 2)
    assert len(image.topics["t"].partitions) == 5


def test_answer_tells_the_configuration_in_effect() -> None:
    image = with_records(ONE, ConfigRecord(BROKER_CONFIG, "", "log.retention.ms", "77"))
    _, (result,) = created(image, topic(configs={"segment.bytes": "2097152"}))
    configs = {config.name: config for config in result.configs or []}
    assert [*configs] == sorted(configs)
    assert (configs["segment.bytes"].value, configs["segment.bytes"].config_source) == (
        "2097152",
        1,
    )
    assert (configs["retention.ms"].value, configs["retention.ms"].config_source) == ("77", 3)
    assert (configs["cleanup.policy"].value, configs["cleanup.policy"].config_source) == (
        "delete",
        5,
    )
    _, (plain, other) = created(image, topic("a"), topic("b"))
    assert plain.configs == other.configs != result.configs


def test_configuration_is_committed_with_its_topic() -> None:
    image, _ = created(ONE, topic(configs={"retention.ms": "5", "cleanup.policy": "compact"}))
    assert image.config(TOPIC_CONFIG, "t") == {"retention.ms": "5", "cleanup.policy": "compact"}


def test_given_replicas_are_taken_as_they_are() -> None:
    image, (result,) = created(THREE, assigned([3, 1], [1, 2]))
    assert (result.num_partitions, result.replication_factor) == (2, 2)
    assert [it.replicas for it in image.topics["t"].partitions.values()] == [(3, 1), (1, 2)]
    assert image.topics["t"].partitions[0].leader == 3


def test_validate_only_commits_nothing() -> None:
    image, (result,) = created(ONE, topic(), validate_only=True)
    assert (result.error_code, result.num_partitions, dict(image.topics)) == (0, 1, {})


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "the empty string is not allowed"),
        (".", "'.' is not allowed"),
        ("..", "'..' is not allowed"),
        ("x" * 250, f"the length of '{'x' * 250}' is longer than the max allowed length 249"),
        (
            "a/b",
            "'a/b' contains one or more characters other than "
            "ASCII alphanumerics, '.', '_' and '-'",
        ),
        (
            "a\n",
            "'a\n' contains one or more characters other than "
            "ASCII alphanumerics, '.', '_' and '-'",
        ),
        (
            "é",
            "'é' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
        ),
    ],
)
def test_names(name: str, fault: str) -> None:
    assert refusal(ONE, topic(name)) == (
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        f"Topic name is invalid: {fault}",
    )


def test_longest_name() -> None:
    image, _ = created(ONE, topic("x" * 249))
    assert len(image.topics) == 1


def test_name_that_is_taken() -> None:
    image, _ = created(ONE, topic("a_b"))
    assert refusal(image, topic("a_b")) == (
        ErrorCode.TOPIC_ALREADY_EXISTS,
        "Topic 'a_b' already exists.",
    )


def test_names_that_differ_in_dots_and_underscores_only_collide() -> None:
    image, _ = created(ONE, topic("a_b"))
    assert refusal(image, topic("a.b")) == (
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        "Topic 'a.b' collides with existing topic: a_b",
    )
    _, (first, second) = created(ONE, topic("a.b"), topic("a_b"))
    assert (first.error_code, second.error_code) == (0, ErrorCode.INVALID_TOPIC_EXCEPTION)


def test_metadata_topic_is_not_for_clients() -> None:
    assert refusal(ONE, topic("__cluster_metadata")) == (
        ErrorCode.INVALID_REQUEST,
        "Creation of internal topic __cluster_metadata is prohibited.",
    )


def test_name_that_comes_twice_is_refused_once_and_the_others_are_made() -> None:
    image, results = created(ONE, topic("a"), topic("b"), topic("a"))
    assert [(it.name, it.error_code, it.error_message) for it in results] == [
        ("b", 0, None),
        ("a", ErrorCode.INVALID_REQUEST, "Duplicate topic name."),
    ]
    assert set(image.topics) == {"b"}


@pytest.mark.parametrize(
    ("wanted", "code", "message"),
    [
        (
            topic(replicas=3),
            ErrorCode.INVALID_REPLICATION_FACTOR,
            "Unable to replicate the partition 3 time(s): The target replication factor of 3 "
            "cannot be reached because only 1 broker(s) are registered.",
        ),
        (
            topic(replicas=0),
            ErrorCode.INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        ),
        (
            topic(partitions=0),
            ErrorCode.INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        ),
        (
            topic(partitions=-2),
            ErrorCode.INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        ),
        (
            topic(partitions=2**31 - 1),
            ErrorCode.POLICY_VIOLATION,
            "Unable to perform excessively large batch operation: one request may create "
            f"{PARTITIONS_PER_REQUEST_MAX} partitions.",
        ),
        (
            topic(configs={"retention.ms": None, "a": None}),
            ErrorCode.INVALID_CONFIG,
            "Null value not supported for topic configs: retention.ms,a",
        ),
        (
            topic(configs={"no.such.key": "1"}),
            ErrorCode.INVALID_CONFIG,
            "Unknown topic config name: no.such.key",
        ),
        (
            topic(configs={"retention.ms": "soon"}),
            ErrorCode.INVALID_CONFIG,
            "Invalid value soon for configuration retention.ms: Not a number of type LONG",
        ),
        (
            topic(replicas=-1, assigned=[(0, [1])]),
            ErrorCode.INVALID_REQUEST,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        ),
        (
            topic(partitions=-1, assigned=[(0, [1])]),
            ErrorCode.INVALID_REQUEST,
            "A manual partition assignment was specified, but replication factor "
            "was not set to -1.",
        ),
        (
            assigned([]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "The manual partition assignment includes an empty replica list.",
        ),
        (
            assigned([1, 7]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "The manual partition assignment includes broker 7, but no such broker is registered.",
        ),
        (
            assigned([1, 1]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "The manual partition assignment includes the broker 1 more than once.",
        ),
        (
            topic(partitions=-1, replicas=-1, assigned=[(0, [1]), (0, [1])]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "Found multiple manual partition assignments for partition 0",
        ),
        (
            topic(partitions=-1, replicas=-1, assigned=[(1, [1])]),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "partitions should be a consecutive 0-based integer sequence",
        ),
    ],
)
def test_refusals(wanted: CreatableTopic, code: ErrorCode, message: str) -> None:
    assert refusal(ONE, wanted) == (code, message)


def test_given_replicas_are_equally_many() -> None:
    assert refusal(THREE, assigned([1, 2], [3])) == (
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        "The manual partition assignment includes a partition with 1 replica(s), but this is not "
        "consistent with previous partitions, which have 2 replica(s).",
    )


def test_partitions_of_one_request_are_bounded_together() -> None:
    half = PARTITIONS_PER_REQUEST_MAX // 2
    _, results = created(ONE, topic("a", half), topic("b", half), topic("c", 1))
    codes = [result.error_code for result in results]
    assert codes == [0, 0, ErrorCode.POLICY_VIOLATION]


def deleted(
    image: MetadataImage, request: DeleteTopicsRequest
) -> tuple[MetadataImage, list[DeletableTopicResult]]:
    after, response = carried_out(image, delete_topics(situation(image), request))
    return after, response.responses


def test_delete_by_name_and_by_id() -> None:
    image, results = created(ONE, topic("a"), topic("b"), topic("c"))
    by_id = DeleteTopicState(name=None, topic_id=results[1].topic_id)
    image, gone = deleted(image, DeleteTopicsRequest(topics=[DeleteTopicState(name="a"), by_id]))
    assert [(it.name, it.topic_id, it.error_code) for it in gone] == [
        ("a", results[0].topic_id, 0),
        ("b", results[1].topic_id, 0),
    ]
    assert set(image.topics) == {"c"}
    image, _ = deleted(image, DeleteTopicsRequest(topic_names=["c"]))
    assert dict(image.topics) == {}


def test_delete_of_what_is_not_there() -> None:
    unknown = b"x" * 16
    _, results = deleted(
        ONE,
        DeleteTopicsRequest(
            topics=[DeleteTopicState(name="a"), DeleteTopicState(name=None, topic_id=unknown)]
        ),
    )
    assert [(it.name, it.topic_id, it.error_code, it.error_message) for it in results] == [
        (
            "a",
            ZERO_ID,
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            "This server does not host this topic-partition.",
        ),
        (None, unknown, ErrorCode.UNKNOWN_TOPIC_ID, "This server does not host this topic ID."),
    ]


def test_delete_requests_that_make_no_sense() -> None:
    image, (made,) = created(ONE, topic("a"))
    by_id = DeleteTopicState(name=None, topic_id=made.topic_id)
    for states, messages in (
        ([DeleteTopicState(name=None)], {"Neither topic name nor id were specified."}),
        (
            [DeleteTopicState(name="a", topic_id=made.topic_id)],
            {"You may not specify both topic name and topic id."},
        ),
        ([DeleteTopicState(name="a")] * 2, {"Duplicate topic name."}),
        ([by_id] * 2, {"Duplicate topic id."}),
        (
            [DeleteTopicState(name="a"), by_id],
            {"The provided topic name maps to an ID that was already supplied."},
        ),
    ):
        after, results = deleted(image, DeleteTopicsRequest(topics=states))
        assert {it.error_message for it in results} == messages
        assert {it.error_code for it in results} == {ErrorCode.INVALID_REQUEST}
        assert set(after.topics) == {"a"}

"""CreatePartitions.

Source: ``createPartitions`` of Kafka's ``ControllerApis`` and ``ReplicationControlManager``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from metadata.controller.assignments import (
    Budget,
    ReplicasOf,
    check_assignment,
    partition_records,
)
from metadata.controller.decision import Decision, Situation
from metadata.image import TopicImage
from metadata.placement import place
from metadata.records import PartitionRecord
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.topics import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)


def create_partitions(
    situation: Situation, request: CreatePartitionsRequest
) -> Decision[CreatePartitionsResponse]:
    """Give topics more partitions; each topic stands alone."""
    times = Counter(topic.name for topic in request.topics)
    budget = Budget()
    records: list[Iterator[PartitionRecord]] = []
    results = [
        _result(name, KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name."))
        for name, count in times.items()
        if count > 1
    ]
    for topic in request.topics:
        if times[topic.name] > 1:
            continue
        try:
            records.append(_growth(situation, topic, budget))
        except KafkaError as error:
            results.append(_result(topic.name, error))
        else:
            results.append(_result(topic.name, None))
    response = CreatePartitionsResponse(results=results)
    return Decision([] if request.validate_only else chain.from_iterable(records), response)


def _growth(
    situation: Situation, wanted: CreatePartitionsTopic, budget: Budget
) -> Iterator[PartitionRecord]:
    image = situation.image
    topic = image.topics.get(wanted.name)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    present = len(topic.partitions)
    if wanted.count == present:
        text = f"Topic already has {present} partition(s)."
        raise KafkaError(ErrorCode.INVALID_PARTITIONS, text)
    if wanted.count < present:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"The topic {wanted.name} currently has {present} partition(s); "
            f"{wanted.count} would not be an increase.",
        )
    additional = wanted.count - present
    if wanted.assignments is None:
        replicas_of = _placed(situation, topic)
    else:
        replicas_of = _assigned(situation, topic, wanted.assignments, additional)
    budget.take(additional)
    return partition_records(image, topic.topic_id, range(present, wanted.count), replicas_of)


def _placed(situation: Situation, topic: TopicImage) -> ReplicasOf:
    """Go on where the topic's first partitions left off, if their brokers are still there."""
    brokers = list(situation.image.brokers.values())
    first = topic.partitions[0].replicas
    start = situation.random.randrange(len(brokers))
    return place(brokers, len(first), start, leader_of_first=first[0]).replicas


def _assigned(
    situation: Situation,
    topic: TopicImage,
    assignments: list[CreatePartitionsAssignment],
    additional: int,
) -> ReplicasOf:
    if len(assignments) != additional:
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            f"Attempted to add {additional} additional partition(s), but only "
            f"{len(assignments)} assignment(s) were specified.",
        )
    present = len(topic.partitions)
    replication_factor = len(topic.partitions[0].replicas)
    replicas = {
        number: check_assignment(situation.image, number, assignment.broker_ids, replication_factor)
        for number, assignment in enumerate(assignments, present)
    }
    return replicas.__getitem__


def _result(name: str, error: KafkaError | None) -> CreatePartitionsTopicResult:
    if error is None:
        return CreatePartitionsTopicResult(name=name)
    return CreatePartitionsTopicResult(
        name=name, error_code=error.code, error_message=error.message
    )

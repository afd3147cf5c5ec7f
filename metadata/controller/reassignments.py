"""Reassignments: partitions on their way to other replicas.

A reassignment adds the new replicas to the old ones, and ends when all its target replicas are in
the ISR (rule 20; ``elections.settle`` sees to that at each change). Its states are in the image:

    at rest          adding and removing are empty
    on its way       replicas = target + those that go; ``adding``, ``removing`` say which
    completed        replicas = target, in a new leader epoch if any replica went
    cancelled        replicas without the added ones

Source: ``alterPartitionReassignments`` and ``listPartitionReassignments`` of Kafka's
``ReplicationControlManager``, ``PartitionReassignmentReplicas``, ``PartitionReassignmentRevert``;
KIP-455, KIP-860 (changes of the replication factor).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from metadata.controller.assignments import check_replicas, directory_of_new
from metadata.controller.decision import Decision, Situation
from metadata.controller.elections import Assignment, Upset, assignment_of, settle
from metadata.controller.settings import min_isr, unclean_election_allowed
from metadata.image import MetadataImage, PartitionImage, TopicImage
from metadata.records import PartitionChangeRecord
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.replicas import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
    ReassignablePartition,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)

UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def alter_partition_reassignments(
    situation: Situation, request: AlterPartitionReassignmentsRequest
) -> Decision[AlterPartitionReassignmentsResponse]:
    """Start, change or cancel reassignments; each partition stands alone."""
    response = AlterPartitionReassignmentsResponse(
        allow_replication_factor_change=request.allow_replication_factor_change,
        error_message=None,
    )
    return Decision(_altered(situation, request, response), response)


def reassigned(
    situation: Situation, topic: TopicImage, number: int, target: Sequence[int]
) -> PartitionChangeRecord | None:
    """Return the change that sets a partition on its way to other replicas; None if it is there.

    It takes the place of a reassignment that goes on. Replicas which that one was adding and
    this one leaves out stay until this one ends, as they may be the only ones in sync.
    """
    partition = topic.partitions[number]
    present = partition.replicas
    removing = tuple(sorted(set(present) - set(target)))
    adding = (set(target) - set(present)) | set(partition.adding)
    replicas = (*target, *removing)
    assignment = Assignment(
        replicas,
        tuple(sorted(adding)),
        removing,
        _directories(situation.image, partition, replicas),
    )
    return _settled(situation, topic, number, assignment)


def list_partition_reassignments(
    situation: Situation, request: ListPartitionReassignmentsRequest
) -> Decision[ListPartitionReassignmentsResponse]:
    """Tell which reassignments go on, of the partitions asked for or of all."""
    topics = _ongoing(situation.image, request)
    return Decision([], ListPartitionReassignmentsResponse(error_message=None, topics=topics))


def _ongoing(
    image: MetadataImage, request: ListPartitionReassignmentsRequest
) -> list[OngoingTopicReassignment]:
    if request.topics is None:
        asked: Iterator[tuple[str, Sequence[int]]] = (
            (name, tuple(topic.partitions)) for name, topic in image.topics.items()
        )
    else:
        asked = ((topic.name, topic.partition_indexes) for topic in request.topics)
    found: list[OngoingTopicReassignment] = []
    for name, numbers in asked:
        partitions = [
            OngoingPartitionReassignment(
                partition_index=number,
                replicas=list(partition.replicas),
                adding_replicas=list(partition.adding),
                removing_replicas=list(partition.removing),
            )
            for number in numbers
            if (partition := image.partition(name, number)) and partition.is_reassigned
        ]
        if partitions:
            found.append(OngoingTopicReassignment(name=name, partitions=partitions))
    return found


def _altered(
    situation: Situation,
    request: AlterPartitionReassignmentsRequest,
    response: AlterPartitionReassignmentsResponse,
) -> Iterator[PartitionChangeRecord]:
    times = Counter(
        (topic.name, partition.partition_index)
        for topic in request.topics
        for partition in topic.partitions
    )
    for asked in request.topics:
        results: list[ReassignablePartitionResponse] = []
        response.responses.append(ReassignableTopicResponse(name=asked.name, partitions=results))
        for wanted in asked.partitions:
            number = wanted.partition_index
            result = ReassignablePartitionResponse(partition_index=number, error_message=None)
            results.append(result)
            try:
                if times[(asked.name, number)] > 1:
                    text = f"Duplicate partition {asked.name}-{number}."
                    raise KafkaError(ErrorCode.INVALID_REQUEST, text)
                topic = _topic_with(situation.image, asked.name, number)
                change = _change(situation, topic, wanted, request.allow_replication_factor_change)
            except KafkaError as error:
                result.error_code, result.error_message = error.code, error.message
            else:
                if change is not None:
                    yield change


def _topic_with(image: MetadataImage, name: str, number: int) -> TopicImage:
    topic = image.topics.get(name)
    if topic is None:
        raise KafkaError(UNKNOWN, f"Unable to find a topic named {name}.")
    if number not in topic.partitions:
        raise KafkaError(UNKNOWN, f"Unable to find partition {name}:{number}.")
    return topic


def _change(
    situation: Situation,
    topic: TopicImage,
    wanted: ReassignablePartition,
    allow_replication_factor_change: bool,
) -> PartitionChangeRecord | None:
    number = wanted.partition_index
    if wanted.replicas is None:
        return _cancelled(situation, topic, number)
    target = check_replicas(situation.image, wanted.replicas)
    partition = topic.partitions[number]
    present = len(set(partition.replicas) - set(partition.adding))
    if not allow_replication_factor_change and len(target) != present:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"The replication factor is changed from {present} to {len(target)}",
        )
    return reassigned(situation, topic, number, target)


def _cancelled(
    situation: Situation, topic: TopicImage, number: int
) -> PartitionChangeRecord | None:
    """Go back to the replicas that were there before.

    Raises:
        KafkaError: NO_REASSIGNMENT_IN_PROGRESS; INVALID_REPLICA_ASSIGNMENT, only added replicas
            may lead and the topic does not allow unclean elections.
    """
    partition = topic.partitions[number]
    if not partition.is_reassigned:
        raise KafkaError(
            ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress."
        )
    assignment = assignment_of(partition).without(partition.adding)
    if not assignment.replicas:
        text = "Invalid replica assignment: addingReplicas contains all replicas."
        raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text)
    may_lead = partition.isr or partition.elr or partition.last_known_elr
    if set(may_lead) <= set(partition.adding):
        allowed = unclean_election_allowed(situation.image, situation.config, topic.name)
        if not allowed:
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"Unable to revert partition assignment for {topic.name}:{number} because "
                "it would require an unclean leader election.",
            )
    return _settled(situation, topic, number, assignment)


def _settled(
    situation: Situation, topic: TopicImage, number: int, assignment: Assignment
) -> PartitionChangeRecord | None:
    image, config = situation.image, situation.config
    partition = topic.partitions[number]
    upset = Upset(
        partial(image.may_lead, partition),
        min_isr(image, config, topic.name),
        unclean_election_allowed(image, config, topic.name),
        assignment=assignment,
    )
    return settle(topic.topic_id, number, partition, upset)


def _directories(
    image: MetadataImage, partition: PartitionImage, replicas: tuple[int, ...]
) -> tuple[bytes, ...]:
    if not partition.directories and set(replicas) <= set(partition.replicas):
        return ()
    return tuple(
        partition.directory(it) if it in partition.replicas else directory_of_new(image, it)
        for it in replicas
    )

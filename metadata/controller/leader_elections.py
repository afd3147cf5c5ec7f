"""Elections that somebody asks for: ElectLeaders, and the automatic return to preferred leaders.

Rule 21 of replication: a preferred replica is elected only if it is in the ISR and live.

Source: ``electLeaders`` and ``maybeBalancePartitionLeaders`` of Kafka's
``ReplicationControlManager``; KIP-183 (preferred), KIP-460 (unclean).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from metadata.controller.decision import Decision, Situation
from metadata.controller.elections import Upset, settle
from metadata.controller.settings import min_isr, unclean_election_allowed
from metadata.image import PartitionImage, TopicImage
from metadata.records import PartitionChangeRecord
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.replicas import (
    ElectLeadersPartitionResult,
    ElectLeadersRequest,
    ElectLeadersResponse,
    ElectLeadersTopicResult,
)

PREFERRED, UNCLEAN = 0, 1
"""Election types (``ElectionType``)."""

UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def elect_leaders(
    situation: Situation, request: ElectLeadersRequest
) -> Decision[ElectLeadersResponse]:
    """Elect leaders for the partitions that the request names, or for all.

    Of all partitions, only those that did not have the wanted leader are in the answer.

    Raises:
        KafkaError: INVALID_REQUEST, there is no such type of election.
    """
    if request.election_type not in (PREFERRED, UNCLEAN):
        text = f"Unknown election type {request.election_type}"
        raise KafkaError(ErrorCode.INVALID_REQUEST, text)
    response = ElectLeadersResponse()
    return Decision(_elected(situation, request, response), response)


def balance_leaders(situation: Situation) -> Decision[None]:
    """Give each partition back to its preferred leader, where that may lead.

    For ``auto.leader.rebalance.enable``, every ``leader.imbalance.check.interval.seconds``.
    """
    return Decision(_balanced(situation), None)


def _balanced(situation: Situation) -> Iterator[PartitionChangeRecord]:
    for topic in situation.image.topics.values():
        for number, partition in topic.partitions.items():
            if not _has_wanted_leader(partition, PREFERRED):
                change = _election(situation, topic, number, PREFERRED)
                if change is not None:
                    yield change


def _elected(
    situation: Situation, request: ElectLeadersRequest, response: ElectLeadersResponse
) -> Iterator[PartitionChangeRecord]:
    image, kind = situation.image, request.election_type
    elected: set[tuple[str, int]] = set()
    for name, numbers in _wanted(situation, request):
        results: list[ElectLeadersPartitionResult] = []
        topic = image.topics.get(name)
        for number in numbers:
            try:
                change = _checked_election(situation, name, topic, number, kind)
                if (name, number) not in elected:
                    elected.add((name, number))
                    yield change
                results.append(ElectLeadersPartitionResult(partition_id=number, error_message=None))
            except KafkaError as error:
                if request.topic_partitions is not None or error.code != _NOT_NEEDED:
                    results.append(
                        ElectLeadersPartitionResult(
                            partition_id=number,
                            error_code=error.code,
                            error_message=error.message,
                        )
                    )
        if results:
            response.replica_election_results.append(
                ElectLeadersTopicResult(topic=name, partition_result=results)
            )


_NOT_NEEDED = ErrorCode.ELECTION_NOT_NEEDED


def _wanted(situation: Situation, request: ElectLeadersRequest) -> Iterator[tuple[str, list[int]]]:
    if request.topic_partitions is None:
        for name, topic in situation.image.topics.items():
            yield name, list(topic.partitions)
    else:
        for asked in request.topic_partitions:
            yield asked.topic, asked.partitions


def _checked_election(
    situation: Situation, name: str, topic: TopicImage | None, number: int, kind: int
) -> PartitionChangeRecord:
    """Return the change by which a partition gets the wanted leader.

    Raises:
        KafkaError: UNKNOWN_TOPIC_OR_PARTITION, ELECTION_NOT_NEEDED,
            PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE.
    """
    if topic is None:
        raise KafkaError(UNKNOWN, f"No such topic as {name}")
    partition = topic.partitions.get(number)
    if partition is None:
        raise KafkaError(UNKNOWN, f"No such partition as {name}-{number}")
    if _has_wanted_leader(partition, kind):
        text = "Leader election not needed for topic partition."
        raise KafkaError(_NOT_NEEDED, text)
    change = _election(situation, topic, number, kind)
    if change is not None:
        return change
    if kind == PREFERRED:
        raise KafkaError(
            ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE, "The preferred leader was not available."
        )
    raise KafkaError(
        ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE,
        "Eligible topic partition leaders are not available.",
    )


def _has_wanted_leader(partition: PartitionImage, kind: int) -> bool:
    if kind == UNCLEAN:
        return partition.has_leader
    return partition.leader == partition.replicas[0]


def _election(
    situation: Situation, topic: TopicImage, number: int, kind: int
) -> PartitionChangeRecord | None:
    """Return the change that gives a partition the wanted leader, or None if nobody can be it."""
    image, config = situation.image, situation.config
    partition = topic.partitions[number]
    if kind == PREFERRED and partition.has_leader and partition.replicas[0] not in partition.isr:
        return None  # said before the rest, which costs more: many may be like that
    upset = Upset(
        partial(image.may_lead, partition),
        min_isr(image, config, topic.name),
        kind == UNCLEAN or unclean_election_allowed(image, config, topic.name),
        preferred=kind == PREFERRED,
    )
    change = settle(topic.topic_id, number, partition, upset)
    if change is None or change.leader is None or change.leader == partition.leader:
        return None
    return change

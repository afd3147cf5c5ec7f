"""AlterPartition: a leader asks for another ISR. Rule 7 of replication.

One request carries all changes that a broker has pending; each partition stands alone.

Source: ``alterPartition`` and ``validateAlterPartitionData`` of Kafka's
``ReplicationControlManager``; KIP-497, KIP-841 (fenced replicas), KIP-903 (broker epochs).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from metadata.controller.brokers import check_broker_epoch
from metadata.controller.decision import Decision, Situation
from metadata.controller.elections import Upset, settle
from metadata.controller.settings import min_isr, unclean_election_allowed
from metadata.image import MetadataImage, PartitionImage, TopicImage
from metadata.records import PartitionChangeRecord
from metadata.replay import changed_partition
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.alter_partition import (
    AlterPartitionData,
    AlterPartitionRequest,
    AlterPartitionResponse,
    AlterPartitionResult,
    AlterPartitionTopic,
    AlterPartitionTopicResult,
)

EPOCH_NOT_GIVEN = -1
RECOVERED = 0


def alter_partition(
    situation: Situation, request: AlterPartitionRequest
) -> Decision[AlterPartitionResponse]:
    """Change ISRs as their leaders ask; the answer tells the state that each partition has then.

    An error of a whole request (STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED) is in the answer,
    not raised, so that it reaches the broker like any other.
    """
    try:
        check_broker_epoch(situation.image, request.broker_id, request.broker_epoch)
    except KafkaError as error:
        return Decision([], AlterPartitionResponse(error_code=error.code))
    response = AlterPartitionResponse()
    return Decision(_changes(situation, request, response), response)


def _changes(
    situation: Situation, request: AlterPartitionRequest, response: AlterPartitionResponse
) -> Iterator[PartitionChangeRecord]:
    for asked in request.topics:
        results: list[AlterPartitionResult] = []
        response.topics.append(
            AlterPartitionTopicResult(topic_id=asked.topic_id, partitions=results)
        )
        topic = situation.image.topics_by_id.get(asked.topic_id)
        if topic is None:
            results += _all_unknown(asked)
        else:
            yield from _topic_changes(situation, request.broker_id, topic, asked, results)


def _topic_changes(
    situation: Situation,
    sender_id: int,
    topic: TopicImage,
    asked: AlterPartitionTopic,
    results: list[AlterPartitionResult],
) -> Iterator[PartitionChangeRecord]:
    image, config = situation.image, situation.config
    minimum = min_isr(image, config, topic.name)
    unclean_allowed = unclean_election_allowed(image, config, topic.name)
    changed: dict[int, PartitionImage] = {}
    for wanted in asked.partitions:
        number = wanted.partition_index
        partition = changed.get(number) or topic.partitions.get(number)
        if partition is None:
            results.append(_refused(wanted, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
            continue
        error = _error(image, sender_id, partition, wanted)
        if error is not None:
            results.append(_refused(wanted, error))
            continue
        upset = Upset(
            partial(image.may_lead, partition),
            minimum,
            unclean_allowed,
            isr=tuple(broker_id for broker_id, _ in _members(wanted)),
        )
        change = settle(topic.topic_id, number, partition, upset)
        if change is not None:
            yield change
            partition = changed[number] = changed_partition(partition, change)
        results.append(_result(sender_id, number, partition))


def _error(
    image: MetadataImage, sender_id: int, partition: PartitionImage, wanted: AlterPartitionData
) -> ErrorCode | None:
    """Return why the change cannot be made; None if it can."""
    if (
        wanted.leader_epoch > partition.leader_epoch
        or wanted.partition_epoch > partition.partition_epoch
    ):
        # The broker knows more than this controller, which is hence not the newest one.
        return ErrorCode.NOT_CONTROLLER
    if wanted.leader_epoch < partition.leader_epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if sender_id != partition.leader:
        return ErrorCode.INVALID_REQUEST
    if wanted.partition_epoch < partition.partition_epoch:
        return ErrorCode.INVALID_UPDATE_VERSION
    members = _members(wanted)
    isr = {broker_id for broker_id, _ in members}
    if (
        len(isr) < len(members)
        or not isr <= set(partition.replicas)
        or partition.leader not in isr
        or wanted.leader_recovery_state != RECOVERED
    ):
        return ErrorCode.INVALID_REQUEST
    if not all(_is_eligible(image, partition, *member) for member in members):
        return ErrorCode.INELIGIBLE_REPLICA
    return None


def _members(wanted: AlterPartitionData) -> list[tuple[int, int]]:
    """Return ids and epochs of the wanted ISR, as either version has them."""
    if wanted.new_isr_with_epochs:
        return [(it.broker_id, it.broker_epoch) for it in wanted.new_isr_with_epochs]
    return [(broker_id, EPOCH_NOT_GIVEN) for broker_id in wanted.new_isr]


def _is_eligible(
    image: MetadataImage, partition: PartitionImage, broker_id: int, broker_epoch: int
) -> bool:
    """Whether a replica may be in an ISR: live, and the process that the leader heard of."""
    if not image.may_lead(partition, broker_id):
        return False
    return broker_epoch in (EPOCH_NOT_GIVEN, image.brokers[broker_id].broker_epoch)


def _result(sender_id: int, number: int, partition: PartitionImage) -> AlterPartitionResult:
    """Return the partition's state; it may be led by another now, if a reassignment ended."""
    if partition.leader != sender_id:
        return AlterPartitionResult(partition_index=number, error_code=ErrorCode.NEW_LEADER_ELECTED)
    return AlterPartitionResult(
        partition_index=number,
        leader_id=partition.leader,
        leader_epoch=partition.leader_epoch,
        isr=list(partition.isr),
        leader_recovery_state=RECOVERED,
        partition_epoch=partition.partition_epoch,
    )


def _all_unknown(asked: AlterPartitionTopic) -> Iterator[AlterPartitionResult]:
    return (_refused(wanted, ErrorCode.UNKNOWN_TOPIC_ID) for wanted in asked.partitions)


def _refused(wanted: AlterPartitionData, error: ErrorCode) -> AlterPartitionResult:
    return AlterPartitionResult(partition_index=wanted.partition_index, error_code=error)

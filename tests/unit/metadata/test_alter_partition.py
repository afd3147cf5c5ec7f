"""Rule 7: which ISR changes the controller takes, and which it refuses."""

from __future__ import annotations

import pytest

from metadata.controller.alter_partition import alter_partition
from metadata.image import MetadataImage, PartitionImage
from metadata.records import (
    TOPIC_CONFIG,
    BrokerChangeRecord,
    ConfigRecord,
    PartitionRecord,
    TopicRecord,
)
from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.messages.alter_partition import (
    AlterPartitionBroker,
    AlterPartitionData,
    AlterPartitionRequest,
    AlterPartitionResult,
    AlterPartitionTopic,
)
from tests.support.metadata import carried_out, directory, situation, with_brokers, with_records

TOPIC_ID = b"t" * 16
EPOCH = 1
"""Of all brokers here: the index of their registration."""


def cluster(**changes: object) -> MetadataImage:
    partition: dict[str, object] = {
        "replicas": (1, 2, 3),
        "isr": (1, 2),
        "leader": 1,
        "leader_epoch": 5,
        "partition_epoch": 9,
        **changes,
    }
    record = PartitionRecord(TOPIC_ID, 0, **partition)  # type: ignore[arg-type]  # by name
    return with_records(with_brokers(1, 2, 3, 4), TopicRecord("t", TOPIC_ID), record)


def wanted(
    isr: list[int], *, leader_epoch: int = 5, partition_epoch: int = 9
) -> AlterPartitionData:
    return AlterPartitionData(
        leader_epoch=leader_epoch,
        partition_epoch=partition_epoch,
        new_isr_with_epochs=[AlterPartitionBroker(broker_id=it, broker_epoch=EPOCH) for it in isr],
    )


def asked(
    image: MetadataImage,
    *partitions: AlterPartitionData,
    sender: int = 1,
    broker_epoch: int = EPOCH,
    topic_id: bytes = TOPIC_ID,
) -> tuple[MetadataImage, list[AlterPartitionResult]]:
    request = AlterPartitionRequest(
        broker_id=sender,
        broker_epoch=broker_epoch,
        topics=[AlterPartitionTopic(topic_id=topic_id, partitions=list(partitions))],
    )
    after, answer = carried_out(image, alter_partition(situation(image), request))
    if not answer.topics:
        return after, [AlterPartitionResult(error_code=answer.error_code)]
    return after, answer.topics[0].partitions


def the_partition(image: MetadataImage) -> PartitionImage:
    return image.topics["t"].partitions[0]


def test_leader_grows_and_shrinks_its_isr() -> None:
    image, (grown,) = asked(cluster(), wanted([1, 2, 3]))
    assert the_partition(image) == PartitionImage((1, 2, 3), (1, 2, 3), 1, 5, 10)
    assert grown == AlterPartitionResult(
        leader_id=1, leader_epoch=5, isr=[1, 2, 3], partition_epoch=10
    )
    image, (shrunk,) = asked(image, wanted([1], partition_epoch=10))
    assert (shrunk.error_code, shrunk.isr, shrunk.leader_epoch) == (0, [1], 5), "KAFKA-15021"
    assert the_partition(image).partition_epoch == 11


def test_same_isr_again_changes_nothing_and_is_confirmed() -> None:
    """A lost answer is an unknown outcome: the leader asks again (rule 8)."""
    before = cluster()
    after, (result,) = asked(before, wanted([1, 2]))
    assert the_partition(after) == the_partition(before)
    assert (result.error_code, result.partition_epoch) == (0, 9)


@pytest.mark.parametrize(
    ("data", "sender", "error"),
    [
        (wanted([1, 2, 3], leader_epoch=4), 1, ErrorCode.FENCED_LEADER_EPOCH),
        (wanted([1, 2, 3], leader_epoch=6), 1, ErrorCode.NOT_CONTROLLER),
        (wanted([1, 2, 3], partition_epoch=8), 1, ErrorCode.INVALID_UPDATE_VERSION),
        (wanted([1, 2, 3], partition_epoch=10), 1, ErrorCode.NOT_CONTROLLER),
        (wanted([1, 2, 3]), 2, ErrorCode.INVALID_REQUEST),
        (wanted([2, 3]), 1, ErrorCode.INVALID_REQUEST),
        (wanted([]), 1, ErrorCode.INVALID_REQUEST),
        (wanted([1, 4]), 1, ErrorCode.INVALID_REQUEST),
        (wanted([1, 2, 2]), 1, ErrorCode.INVALID_REQUEST),
    ],
    ids=[
        "older leader epoch",
        "newer leader epoch: another controller's",
        "older partition epoch",
        "newer partition epoch: another controller's",
        "not the leader",
        "without the leader",
        "empty",
        "not a replica",
        "twice",
    ],
)
def test_rule_7_refusals(data: AlterPartitionData, sender: int, error: ErrorCode) -> None:
    before = cluster()
    after, (result,) = asked(before, data, sender=sender)
    assert result.error_code == error
    assert after.topics == before.topics


def test_rule_7_recovery_states_are_not_taken() -> None:
    data = wanted([1])
    data.leader_recovery_state = 1
    assert asked(cluster(), data)[1][0].error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    "change",
    [
        BrokerChangeRecord(3, EPOCH, fenced=True),
        BrokerChangeRecord(3, EPOCH, in_controlled_shutdown=True),
    ],
)
def test_scenario_10_a_replica_that_is_not_live_does_not_join(change: BrokerChangeRecord) -> None:
    """KAFKA-13916."""
    image = with_records(cluster(), change)
    after, (result,) = asked(image, wanted([1, 2, 3]))
    assert result.error_code == ErrorCode.INELIGIBLE_REPLICA
    assert the_partition(after) == the_partition(image)


def test_replica_of_another_process_does_not_join() -> None:
    """KIP-903: the leader heard of a process that is gone, or comes only now."""
    for epoch in (EPOCH - 1, EPOCH + 1):
        data = wanted([1, 2])
        data.new_isr_with_epochs += [AlterPartitionBroker(broker_id=3, broker_epoch=epoch)]
        _, (result,) = asked(cluster(), data)
        assert result.error_code == ErrorCode.INELIGIBLE_REPLICA
    data.new_isr_with_epochs[-1].broker_epoch = -1
    assert asked(cluster(), data)[1][0].error_code == 0, "nobody checks what is not given"


def test_replica_in_a_failed_directory_does_not_join() -> None:
    directories = (directory(1), directory(2), b"a failed one    ")
    _, (result,) = asked(cluster(directories=directories), wanted([1, 2, 3]))
    assert result.error_code == ErrorCode.INELIGIBLE_REPLICA


@pytest.mark.parametrize(
    ("sender", "broker_epoch", "error"),
    [
        (1, EPOCH - 1, ErrorCode.STALE_BROKER_EPOCH),
        (7, EPOCH, ErrorCode.BROKER_ID_NOT_REGISTERED),
    ],
)
def test_former_process_is_refused_as_a_whole(
    sender: int, broker_epoch: int, error: ErrorCode
) -> None:
    after, (result,) = asked(cluster(), wanted([1]), sender=sender, broker_epoch=broker_epoch)
    assert result.error_code == error
    assert the_partition(after) == the_partition(cluster())


def test_deleted_topics_and_unknown_partitions() -> None:
    _, (result,) = asked(cluster(), wanted([1]), topic_id=b"u" * 16)
    assert result.error_code == ErrorCode.UNKNOWN_TOPIC_ID
    data = wanted([1])
    data.partition_index = 1
    _, (result,) = asked(cluster(), data)
    assert result.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_second_change_of_a_partition_in_one_request_builds_on_the_first() -> None:
    image, results = asked(cluster(), wanted([1, 2, 3]), wanted([1]))
    assert [it.error_code for it in results] == [0, ErrorCode.INVALID_UPDATE_VERSION]
    assert the_partition(image).isr == (1, 2, 3)


def test_rule_16_who_leaves_a_small_isr_may_still_lead() -> None:
    image = with_records(cluster(), ConfigRecord(TOPIC_CONFIG, "t", "min.insync.replicas", "2"))
    image, _ = asked(image, wanted([1]))
    assert (the_partition(image).isr, the_partition(image).elr) == ((1,), (2,))
    image, _ = asked(image, wanted([1, 3], partition_epoch=10))
    assert the_partition(image).elr == (), "rule 16: cleared once the ISR is large enough"


def test_rule_20_reassignment_ends_when_its_target_is_in_the_isr() -> None:
    moving = cluster(replicas=(3, 2, 1), isr=(1, 2), adding=(3,), removing=(1,))
    image, (result,) = asked(moving, wanted([1, 2, 3]))
    assert the_partition(image) == PartitionImage((3, 2), (2, 3), 3, 6, 10)
    assert result.error_code == ErrorCode.NEW_LEADER_ELECTED


def test_rule_20_dropping_a_replica_starts_a_new_leader_epoch() -> None:
    moving = cluster(replicas=(1, 3, 2), isr=(1, 2), adding=(3,), removing=(2,))
    image, (result,) = asked(moving, wanted([1, 2, 3]))
    assert the_partition(image) == PartitionImage((1, 3), (1, 3), 1, 6, 10)
    assert (result.error_code, result.leader_epoch, result.isr) == (0, 6, [1, 3])


@pytest.mark.parametrize("version", [2, 3])
def test_both_versions_carry_the_isr(version: int) -> None:
    data = AlterPartitionData(leader_epoch=5, partition_epoch=9)
    if version == 2:
        data.new_isr = [1]
    else:
        data.new_isr_with_epochs = [AlterPartitionBroker(broker_id=1, broker_epoch=EPOCH)]
    topics = [AlterPartitionTopic(topic_id=TOPIC_ID, partitions=[data])]
    request = AlterPartitionRequest(broker_id=1, broker_epoch=EPOCH, topics=topics)
    again, _ = decode(AlterPartitionRequest, version, encode_bytes(request, version))
    after, _ = carried_out(cluster(), alter_partition(situation(cluster()), again))
    assert the_partition(after).isr == (1,)

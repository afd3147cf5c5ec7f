"""Brokers register, are fenced and unfenced; rules 16 to 18."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metadata.controller.brokers import (
    BrokerRegistration,
    fence_broker,
    register_broker,
    unfence_broker,
)
from metadata.controller.heartbeats import Heartbeats
from metadata.image import EMPTY, MetadataImage, PartitionImage
from metadata.records import (
    BrokerEndpoint,
    PartitionRecord,
    RegisterBrokerRecord,
    TopicRecord,
)
from raftkafka.errors import ErrorCode, KafkaError
from tests.support.metadata import (
    broker_record,
    carried_out,
    directory,
    situation,
    with_brokers,
    with_records,
)

TOPIC_ID = b"t" * 16


def registration(broker_id: int = 1, **changes: object) -> BrokerRegistration:
    record = broker_record(broker_id)
    made = BrokerRegistration(
        broker_id, b"a new process   ", record.endpoints, record.directories, rack="r"
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def with_partition(replicas: tuple[int, ...], isr: tuple[int, ...], leader: int) -> MetadataImage:
    return with_records(
        with_brokers(*replicas),
        TopicRecord("t", TOPIC_ID),
        PartitionRecord(TOPIC_ID, 0, replicas, isr, leader),
    )


def the_partition(image: MetadataImage) -> PartitionImage:
    return image.topics["t"].partitions[0]


def test_first_registration_is_fenced_until_the_broker_caught_up() -> None:
    image, _ = carried_out(EMPTY, register_broker(situation(EMPTY), registration()))
    broker = image.brokers[1]
    assert (broker.fenced, broker.rack, broker.directories) == (True, "r", (directory(1),))
    assert broker.broker_epoch == image.offset
    unfence = unfence_broker(situation(image), 1, broker.broker_epoch)
    image, _ = carried_out(image, unfence)
    assert image.is_active(1)
    assert list(unfence_broker(situation(image), 1, broker.broker_epoch).records) == []


def test_broker_beside_the_controller_is_caught_up_already() -> None:
    decision = register_broker(situation(EMPTY), registration(ready=True))
    image, _ = carried_out(EMPTY, decision)
    assert image.is_active(1)


def test_same_incarnation_again_keeps_its_epoch_and_state() -> None:
    image, _ = carried_out(EMPTY, register_broker(situation(EMPTY), registration(ready=True)))
    again = register_broker(situation(image), registration(rack="elsewhere"))
    amended, _ = carried_out(image, again)
    assert amended.brokers[1] == replace(image.brokers[1], rack="elsewhere")


def test_lone_broker_that_stopped_cleanly_just_goes_on() -> None:
    before = with_partition((1,), (1,), 1)
    decision = register_broker(situation(before), registration(clean_stop=True, ready=True))
    records = list(decision.records)
    assert [type(record) for record in records] == [RegisterBrokerRecord]
    after = with_records(before, *records)
    assert after.is_active(1)
    assert the_partition(after) == the_partition(before)


def test_lone_killed_broker_leads_again_and_that_is_counted() -> None:
    """Rule 15, last sentence: in a new leader epoch, so that readers notice what was lost."""
    before = with_partition((1,), (1,), 1)
    decision = register_broker(situation(before), registration(ready=True))
    lost, _ = carried_out(before, decision)
    assert lost.brokers[1].fenced
    assert the_partition(lost) == PartitionImage((1,), (), -1, 1, 1, last_known_elr=(1,))
    unfence = unfence_broker(situation(lost), 1, lost.brokers[1].broker_epoch)
    records = list(unfence.records)
    back = with_records(lost, *records)
    assert the_partition(back) == PartitionImage((1,), (1,), 1, 2, 2)
    assert [getattr(record, "unclean", None) for record in records] == [None, True]


def test_rule_17_new_incarnation_that_lost_records_leaves_isr_and_elr() -> None:
    before = with_partition((1, 2), (1, 2), 1)
    after, _ = carried_out(before, register_broker(situation(before), registration()))
    assert the_partition(after) == PartitionImage((1, 2), (2,), 2, 1, 1)


def test_rule_17_new_incarnation_with_a_proven_clean_stop_stays_eligible() -> None:
    before = with_partition((1, 2), (1,), 1)
    decision = register_broker(situation(before), registration(clean_stop=True))
    after, _ = carried_out(before, decision)
    assert the_partition(after) == PartitionImage(
        (1, 2), (), -1, 1, 1, elr=(1,), last_known_elr=(1,)
    )
    unfence = unfence_broker(situation(after), 1, after.brokers[1].broker_epoch)
    back, _ = carried_out(after, unfence)
    assert the_partition(back) == PartitionImage((1, 2), (1,), 1, 2, 2)


def test_fencing_takes_the_broker_out_of_every_isr_before_it_is_fenced() -> None:
    before = with_partition((1, 2), (1, 2), 1)
    decision = fence_broker(situation(before), 1, before.brokers[1].broker_epoch)
    image = before
    for record in decision.records:
        image = with_records(image, record)
        fenced = {it.broker_id for it in image.brokers.values() if it.fenced}
        assert not fenced & set(the_partition(image).isr)
    assert image.brokers[1].fenced
    assert the_partition(image) == PartitionImage((1, 2), (2,), 2, 1, 1)


@pytest.mark.parametrize(
    ("broker_id", "epoch", "code"),
    [(1, 99, ErrorCode.STALE_BROKER_EPOCH), (7, 1, ErrorCode.BROKER_ID_NOT_REGISTERED)],
)
def test_former_process_is_refused(broker_id: int, epoch: int, code: ErrorCode) -> None:
    image = with_brokers(1)
    for decide in (fence_broker, unfence_broker):
        with pytest.raises(KafkaError) as raised:
            decide(situation(image), broker_id, epoch)
        assert raised.value.code == code


@pytest.mark.parametrize(
    ("directories", "message"),
    [
        ((), "No directories specified in request"),
        ((directory(1), directory(1)), "Duplicate directory ID in request"),
        ((bytes(16),), "Reserved directory ID in request"),
        (
            (directory(2),),
            "Broker 2 is already registered with directory ZGlyZWN0b3J5AAAAAAAAAg",
        ),
    ],
)
def test_directories_that_cannot_be(directories: tuple[bytes, ...], message: str) -> None:
    with pytest.raises(KafkaError) as raised:
        register_broker(situation(with_brokers(2)), registration(directories=directories))
    assert (raised.value.code, raised.value.message) == (ErrorCode.INVALID_REGISTRATION, message)


def test_rule_17_a_live_session_blocks_another_process_of_its_id() -> None:
    image = with_brokers(1)
    heartbeats = Heartbeats(node_id=9)
    heartbeats.connected(1, image.brokers[1].incarnation_id, 0.0)
    heartbeats.take_office(image, 0.0)
    at = replace(situation(image), heartbeats=heartbeats)
    with pytest.raises(KafkaError) as raised:
        register_broker(at, registration())
    assert raised.value.code == ErrorCode.DUPLICATE_BROKER_REGISTRATION
    same_process = registration(incarnation_id=image.brokers[1].incarnation_id)
    assert len(list(register_broker(at, same_process).records)) == 1
    heartbeats.disconnected(1, image.brokers[1].incarnation_id, 1.0)
    heartbeats.probed(heartbeats.take_probes()[0], gone=True)
    assert len(list(register_broker(at, registration()).records)) == 1


@pytest.mark.parametrize(("previous", "elr"), [(1, (1,)), (0, ())])
def test_rule_17_a_clean_stop_of_another_process_proves_nothing(
    previous: int, elr: tuple[int, ...]
) -> None:
    """A folder that was copied, or brought back from a backup, has an old marker."""
    before = with_partition((1, 2), (1,), 1)
    stopped = registration(clean_stop=True, previous_broker_epoch=previous)
    after, _ = carried_out(before, register_broker(situation(before), stopped))
    assert the_partition(after).elr == elr


def test_registration_names_the_cluster_endpoint() -> None:
    endpoint = BrokerEndpoint("CLUSTER", "host1", 9093, "PLAINTEXT")
    decision = register_broker(situation(EMPTY), registration(cluster_endpoint=endpoint))
    image, _ = carried_out(EMPTY, decision)
    assert image.brokers[1].cluster_endpoint == endpoint


@pytest.mark.parametrize("failed", [False, True])
def test_replicas_in_a_directory_that_is_gone_are_lost(failed: bool) -> None:
    """They wait for their directory if it failed, else they are made anew in the present one."""
    record = PartitionRecord(
        TOPIC_ID, 0, (1, 2), (1, 2), 1, directories=(directory(1), directory(2))
    )
    before = with_records(with_brokers(1, 2), TopicRecord("t", TOPIC_ID), record)
    new_disk = registration(directories=(b"a new directory ",), directories_failed=failed)
    after, _ = carried_out(before, register_broker(situation(before), new_disk))
    partition = the_partition(after)
    assert (partition.isr, partition.elr, partition.leader) == ((2,), (), 2)
    expected = directory(1) if failed else b"a new directory "
    assert partition.directories == (expected, directory(2))
    unfenced, _ = carried_out(
        after, unfence_broker(situation(after), 1, after.brokers[1].broker_epoch)
    )
    assert unfenced.may_lead(partition, 1) is not failed

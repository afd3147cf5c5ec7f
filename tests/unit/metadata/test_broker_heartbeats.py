"""What heartbeats bring about: rules 18 and 19, failed directories."""

from __future__ import annotations

import pytest

from metadata.controller.broker_heartbeats import (
    BrokerHeartbeat,
    HeartbeatAnswer,
    take_heartbeat,
)
from metadata.controller.decision import Situation
from metadata.controller.heartbeats import Heartbeats
from metadata.image import MetadataImage, PartitionImage
from metadata.records import (
    BrokerChangeRecord,
    PartitionRecord,
    RegisterBrokerRecord,
    TopicRecord,
)
from raftkafka.errors import ErrorCode, KafkaError
from tests.support.metadata import broker_record, directory, situation, with_brokers, with_records

TOPIC_ID = b"t" * 16
EPOCH = 1
"""Of all brokers here: the index of their registration."""
FIRST, SECOND = b"first directory ", b"second directory"


def cluster(*partitions: PartitionImage, fenced: int | None = None) -> MetadataImage:
    records = [
        PartitionRecord(
            TOPIC_ID, number, it.replicas, it.isr, it.leader, directories=it.directories, elr=it.elr
        )
        for number, it in enumerate(partitions)
    ]
    image = with_records(with_brokers(1, 2, 3), TopicRecord("t", TOPIC_ID), *records)
    if fenced is not None:
        image = with_records(image, BrokerChangeRecord(fenced, EPOCH, fenced=True))
    return image


def beat(
    image: MetadataImage,
    heartbeats: Heartbeats | None = None,
    *,
    broker_id: int = 1,
    offset: int = 100,
    wants_fence: bool = False,
    wants_shutdown: bool = False,
    offline: tuple[bytes, ...] = (),
) -> tuple[MetadataImage, HeartbeatAnswer]:
    heartbeat = BrokerHeartbeat(broker_id, EPOCH, offset, wants_fence, wants_shutdown, offline)
    at = situation(image)
    if heartbeats is not None:
        heartbeats.heard(broker_id, EPOCH, offset, 0.0)
        at = Situation(at.image, at.config, at.random, heartbeats)
    decision = take_heartbeat(at, heartbeat)
    records = list(decision.records)
    after = with_records(image, *records) if records else image
    if heartbeats is not None:
        heartbeats.published(after, 0.0)
    return after, decision.answer


def partition(image: MetadataImage, number: int = 0) -> PartitionImage:
    return image.topics["t"].partitions[number]


def test_rule_18_a_broker_is_unfenced_only_after_it_read_its_own_registration() -> None:
    before = cluster(PartitionImage((1, 2), (), -1, 0, 0, elr=(1,)), fenced=1)
    behind, answer = beat(before, offset=EPOCH - 1)
    assert answer == HeartbeatAnswer(is_caught_up=False, is_fenced=True, may_stop=False)
    assert behind is before
    after, answer = beat(before, offset=EPOCH)
    assert answer == HeartbeatAnswer(is_caught_up=True, is_fenced=False, may_stop=False)
    assert after.is_active(1)
    assert partition(after).leader == 1


def test_broker_that_is_not_ready_stays_fenced() -> None:
    before = cluster(fenced=1)
    after, answer = beat(before, wants_fence=True)
    assert after is before
    assert answer.is_fenced


def test_broker_that_wants_to_be_fenced_is() -> None:
    after, answer = beat(cluster(PartitionImage((1, 2), (1, 2), 1, 0, 0)), wants_fence=True)
    assert answer.is_fenced
    assert after.brokers[1].fenced
    assert partition(after).isr == (2,)


def test_heartbeat_without_news_makes_no_record() -> None:
    before = cluster()
    assert beat(before)[0] is before


def test_heartbeat_of_a_former_process_is_refused() -> None:
    with pytest.raises(KafkaError) as raised:
        take_heartbeat(situation(cluster()), BrokerHeartbeat(1, EPOCH - 1, 100))
    assert raised.value.code == ErrorCode.STALE_BROKER_EPOCH


def test_rule_19_leaders_move_first_then_everybody_learns_then_it_stops() -> None:
    heartbeats = Heartbeats(node_id=3)
    image = cluster(PartitionImage((1, 2), (1, 2), 1, 0, 0), PartitionImage((1,), (1,), 1, 0, 0))
    heartbeats.take_office(image, 0.0)
    image, answer = beat(image, heartbeats, wants_shutdown=True)
    assert (answer.is_fenced, answer.may_stop) == (False, False)
    assert image.brokers[1].in_controlled_shutdown
    assert partition(image) == PartitionImage((1, 2), (2,), 2, 1, 1)
    alone = partition(image, 1)
    assert (alone.leader, alone.isr, alone.elr) == (-1, (), (1,)), "it lost nothing"
    moved = image.offset
    image, answer = beat(image, heartbeats, wants_shutdown=True)
    assert not answer.may_stop, "broker 2 does not know yet"
    image, _ = beat(image, heartbeats, broker_id=2, offset=moved)
    image, answer = beat(image, heartbeats, wants_shutdown=True)
    assert (answer.is_fenced, answer.may_stop) == (True, True)
    assert image.brokers[1].fenced
    _, answer = beat(image, heartbeats, wants_shutdown=True)
    assert answer.may_stop, "the answer may have been lost"


def test_broker_in_controlled_shutdown_joins_nothing() -> None:
    image = with_records(
        cluster(PartitionImage((1,), (), -1, 0, 0, elr=(1,))),
        BrokerChangeRecord(1, EPOCH, in_controlled_shutdown=True),
    )
    after, _ = beat(image)
    assert after is image


def test_failed_directory_takes_its_replicas_out_and_nothing_else() -> None:
    two = RegisterBrokerRecord(1, b"i" * 16, (), (FIRST, SECOND), broker_epoch=EPOCH, fenced=False)
    partitions = [
        PartitionImage((1, 2), (1, 2), 1, 0, 0, (FIRST, directory(2))),
        PartitionImage((1, 2), (1, 2), 1, 0, 0, (SECOND, directory(2))),
        PartitionImage((1,), (1,), 1, 0, 0, (FIRST,)),
    ]
    before = with_records(cluster(*partitions), two)
    after, answer = beat(before, offline=(FIRST,))
    assert not answer.is_fenced
    assert after.brokers[1].directories == (SECOND,)
    assert (partition(after).leader, partition(after).isr) == (2, (2,))
    assert partition(after, 1) == partition(before, 1)
    assert (partition(after, 2).leader, partition(after, 2).elr) == (-1, ())
    again, _ = beat(after, offline=(FIRST,))
    assert again is after
    unfenced_anew = beat(with_records(after, BrokerChangeRecord(1, EPOCH, fenced=True)))[0]
    assert partition(unfenced_anew, 2).leader == -1, "its directory is not back"
    back = with_records(after, broker_record(2), two)
    assert back.may_lead(partition(back, 2), 1)

"""ElectLeaders, the return to preferred leaders, more replicas, directories; rule 21."""

from __future__ import annotations

import pytest

from metadata.controller.directories import assign_directories
from metadata.controller.internal_topics import raise_internal_topics
from metadata.controller.leader_elections import (
    PREFERRED,
    UNCLEAN,
    balance_leaders,
    elect_leaders,
)
from metadata.image import CONSUMER_OFFSETS, MetadataImage, PartitionImage
from metadata.placement import with_more_replicas
from metadata.records import (
    BrokerChangeRecord,
    PartitionChangeRecord,
    PartitionRecord,
    RegisterBrokerRecord,
    TopicRecord,
)
from raftkafka.config import BrokerConfig
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.replicas import ElectLeadersRequest, ElectLeadersTopic
from raftkafka.types import ZERO_ID
from tests.support.metadata import (
    broker_record,
    carried_out,
    directory,
    situation,
    with_brokers,
    with_records,
)

TOPIC_ID = b"t" * 16
GOOD, MOVED, OUT_OF_SYNC, LEADERLESS, DEAD = range(5)


def cluster() -> MetadataImage:
    return with_records(
        with_brokers(1, 2, 3),
        BrokerChangeRecord(3, 1, fenced=True),
        TopicRecord("t", TOPIC_ID),
        PartitionRecord(TOPIC_ID, GOOD, (1, 2), (1, 2), 1),
        PartitionRecord(TOPIC_ID, MOVED, (1, 2), (1, 2), 2, leader_epoch=4),
        PartitionRecord(TOPIC_ID, OUT_OF_SYNC, (1, 2), (2,), 2),
        PartitionRecord(TOPIC_ID, LEADERLESS, (3, 2), (), -1, elr=(3,)),
        PartitionRecord(TOPIC_ID, DEAD, (3,), (), -1, elr=(3,)),
    )


def elected(
    image: MetadataImage, kind: int, *numbers: int, topic: str = "t"
) -> tuple[MetadataImage, dict[int, tuple[int, str | None]]]:
    named = [ElectLeadersTopic(topic=topic, partitions=list(numbers))] if numbers else None
    request = ElectLeadersRequest(election_type=kind, topic_partitions=named)
    after, answer = carried_out(image, elect_leaders(situation(image), request))
    return after, {
        it.partition_id: (it.error_code, it.error_message)
        for result in answer.replica_election_results
        for it in result.partition_result
    }


def partition(image: MetadataImage, number: int) -> PartitionImage:
    return image.topics["t"].partitions[number]


def test_rule_21_preferred_replica_is_elected_only_if_it_is_in_sync_and_live() -> None:
    after, results = elected(cluster(), PREFERRED, GOOD, MOVED, OUT_OF_SYNC, LEADERLESS)
    unavailable = (
        ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
        "The preferred leader was not available.",
    )
    assert results == {
        GOOD: (84, "Leader election not needed for topic partition."),
        MOVED: (0, None),
        OUT_OF_SYNC: unavailable,
        LEADERLESS: unavailable,
    }
    assert partition(after, MOVED) == PartitionImage((1, 2), (1, 2), 1, 5, 1)
    assert partition(after, OUT_OF_SYNC) == partition(cluster(), OUT_OF_SYNC)


def test_unclean_election_takes_any_live_replica_and_is_counted() -> None:
    before = cluster()
    request = ElectLeadersRequest(
        election_type=UNCLEAN,
        topic_partitions=[ElectLeadersTopic(topic="t", partitions=[LEADERLESS, DEAD, MOVED])],
    )
    decision = elect_leaders(situation(before), request)
    assert list(decision.records) == [
        PartitionChangeRecord(TOPIC_ID, LEADERLESS, isr=(2,), leader=2, elr=(), unclean=True)
    ]
    (result,) = decision.answer.replica_election_results
    assert [
        (it.partition_id, it.error_code, it.error_message) for it in result.partition_result
    ] == [
        (LEADERLESS, 0, None),
        (DEAD, 83, "Eligible topic partition leaders are not available."),
        (MOVED, 84, "Leader election not needed for topic partition."),
    ]


def test_of_all_partitions_those_in_order_are_not_named() -> None:
    _, results = elected(cluster(), PREFERRED)
    assert {number: code for number, (code, _) in results.items()} == {
        MOVED: 0,
        OUT_OF_SYNC: 80,
        LEADERLESS: 80,
        DEAD: 80,
    }


def test_unknown_topics_partitions_and_types() -> None:
    assert elected(cluster(), PREFERRED, 0, topic="u")[1] == {0: (3, "No such topic as u")}
    assert elected(cluster(), PREFERRED, 9)[1] == {9: (3, "No such partition as t-9")}
    with pytest.raises(KafkaError) as raised:
        elected(cluster(), 2, 0)
    assert raised.value.code == ErrorCode.INVALID_REQUEST
    assert raised.value.message == "Unknown election type 2"


def test_partition_named_twice_changes_once() -> None:
    after, results = elected(cluster(), PREFERRED, MOVED, MOVED)
    assert results == {MOVED: (0, None)}
    assert partition(after, MOVED).leader_epoch == 5


def test_balance_gives_leaderships_back() -> None:
    after, _ = carried_out(cluster(), balance_leaders(situation(cluster())))
    assert partition(after, MOVED).leader == 1
    assert partition(after, OUT_OF_SYNC) == partition(cluster(), OUT_OF_SYNC)
    assert list(balance_leaders(situation(after)).records) == []


def internal(*replicas: int) -> MetadataImage:
    return with_records(
        with_brokers(1),
        TopicRecord(CONSUMER_OFFSETS, TOPIC_ID),
        PartitionRecord(TOPIC_ID, 0, replicas, replicas, 1),
        PartitionRecord(TOPIC_ID, 1, replicas, replicas, 1),
    )


def test_internal_topics_get_more_replicas_as_brokers_join() -> None:
    """Up to what is configured, in turns, and never on a fenced broker."""
    config = BrokerConfig.of({"offsets.topic.replication.factor": "2"})
    image = with_records(internal(1), broker_record(3, fenced=True))
    assert list(raise_internal_topics(situation(image, config)).records) == []
    image = with_records(image, broker_record(2), broker_record(4))
    image, _ = carried_out(image, raise_internal_topics(situation(image, config)))
    partitions = image.topics[CONSUMER_OFFSETS].partitions
    assert [it.adding for it in partitions.values()] == [(2,), (2,)]
    assert list(raise_internal_topics(situation(image, config)).records) == [], "on its way"


def test_more_replicas_go_to_other_racks_first() -> None:
    image = with_records(
        with_brokers(),
        *(broker_record(it, rack=rack) for it, rack in ((1, "a"), (2, "a"), (3, "b"), (4, "c"))),
    )
    brokers = list(image.brokers.values())
    assert set(with_more_replicas(brokers, (1,), 3, 0)[1:]) == {3, 4}
    assert set(with_more_replicas(brokers, (1,), 9, 0)) == {1, 2, 3, 4}
    starts = {with_more_replicas(brokers, (1,), 2, start) for start in range(4)}
    assert starts == {(1, 3), (1, 4)}


def test_broker_tells_where_its_replicas_lie() -> None:
    two = RegisterBrokerRecord(
        1, b"i" * 16, (), (b"first directory ", b"second directory"), broker_epoch=1, fenced=False
    )
    image = with_records(cluster(), two)
    told = {b"second directory": [(TOPIC_ID, GOOD), (TOPIC_ID, DEAD), (b"u" * 16, 0)]}
    after, _ = carried_out(image, assign_directories(situation(image), 1, 1, told))
    assert partition(after, GOOD).directories == (b"second directory", ZERO_ID)
    assert partition(after, GOOD).leader_epoch == partition(image, GOOD).leader_epoch
    assert partition(after, DEAD) == partition(image, DEAD)
    assert list(assign_directories(situation(after), 1, 1, told).records) == []
    elsewhere = {directory(2): [(TOPIC_ID, GOOD)]}
    assert list(assign_directories(situation(image), 1, 1, elsewhere).records) == []
    with pytest.raises(KafkaError) as raised:
        assign_directories(situation(image), 1, 7, told)
    assert raised.value.code == ErrorCode.STALE_BROKER_EPOCH

"""Replay: what each record does to the image, and what the delta says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metadata.image import EMPTY, MetadataImage, PartitionImage
from metadata.records import (
    BROKER_CONFIG,
    TOPIC_CONFIG,
    BrokerChangeRecord,
    ClusterRecord,
    ConfigRecord,
    ControllerRecord,
    PartitionChangeRecord,
    PartitionRecord,
    ProducerIdsRecord,
    RemoveTopicRecord,
    TopicRecord,
    encode_batch,
)
from metadata.replay import replay, replay_command
from tests.support.metadata import broker_record, with_records

A = b"a" * 16
B = b"b" * 16


def with_topic(name: str = "a.b", topic_id: bytes = A, partitions: int = 2) -> MetadataImage:
    records = [PartitionRecord(topic_id, i, (1,), (1,), 1) for i in range(partitions)]
    return with_records(EMPTY, TopicRecord(name, topic_id), *records)


def test_cluster_controller_and_producer_ids() -> None:
    image = with_records(
        EMPTY, ClusterRecord("c"), ControllerRecord(3, 7), ProducerIdsRecord(3, 1, 2000)
    )
    assert (image.cluster_id, image.controller_id, image.controller_epoch) == ("c", 3, 7)
    assert image.next_producer_id == 2000


def test_rule_17_broker_epoch_is_the_index_of_its_registration() -> None:
    delta = replay(EMPTY, 41, [broker_record(1, fenced=True)])
    broker = delta.image.brokers[1]
    assert (broker.broker_epoch, broker.fenced, broker.is_active) == (41, True, False)
    assert delta.brokers_changed == {1}


def test_broker_change_leaves_the_rest() -> None:
    image = with_records(EMPTY, broker_record(1, fenced=True))
    unfenced = with_records(image, BrokerChangeRecord(1, 1, fenced=False))
    assert unfenced.is_active(1)
    assert unfenced.brokers[1].endpoints == image.brokers[1].endpoints
    leaving = with_records(unfenced, BrokerChangeRecord(1, 1, in_controlled_shutdown=True))
    assert not leaving.is_active(1)
    assert not leaving.brokers[1].fenced


def test_topic_is_found_by_name_id_and_shape() -> None:
    delta = replay(EMPTY, 1, [TopicRecord("a.b", A), PartitionRecord(A, 0, (1,), (1,), 1)])
    image = delta.image
    assert image.topics["a.b"] is image.topics_by_id[A]
    assert image.names_by_shape == {"a_b": "a.b"}
    assert delta.topics_created == (image.topics["a.b"],)
    assert delta.partitions_changed == {("a.b", A, 0)}


def test_removed_topic_takes_its_configuration_with_it() -> None:
    image = with_records(with_topic(), ConfigRecord(TOPIC_CONFIG, "a.b", "retention.ms", "1"))
    delta = replay(image, 9, [RemoveTopicRecord(A)])
    after = delta.image
    assert (after.topics, after.topics_by_id, after.names_by_shape, after.configs) == (
        {},
        {},
        {},
        {},
    )
    assert delta.topics_deleted == (image.topics["a.b"],)
    assert delta.configs_changed == {(TOPIC_CONFIG, "a.b")}
    assert not delta.partitions_changed


def test_topic_that_is_changed_and_removed_in_one_step() -> None:
    image = with_topic("t", A)
    delta = replay(image, 9, [PartitionChangeRecord(A, 0, leader=-1), RemoveTopicRecord(A)])
    assert not delta.image.topics
    assert not delta.image.topics_by_id
    assert delta.topics_deleted == (image.topics["t"],)
    made_and_gone = replay(EMPTY, 9, [TopicRecord("t", A), RemoveTopicRecord(A)])
    assert made_and_gone.topics_created == made_and_gone.topics_deleted == ()
    assert made_and_gone.image.topics == {}


def test_scenario_25_topic_made_anew_under_its_name_is_another_topic() -> None:
    """KAFKA-12257: both steps in one delta, told apart by id."""
    image = with_topic("t", A)
    delta = replay(
        image, 9, [RemoveTopicRecord(A), TopicRecord("t", B), PartitionRecord(B, 0, (1,), (1,), 1)]
    )
    assert [topic.topic_id for topic in delta.topics_deleted] == [A]
    assert [topic.topic_id for topic in delta.topics_created] == [B]
    assert delta.image.topics["t"].topic_id == B
    assert delta.image.topics["t"].partitions[0].leader_epoch == 0


def test_partition_change_leaves_the_rest_and_counts_epochs() -> None:
    image = with_records(EMPTY, TopicRecord("t", A), PartitionRecord(A, 0, (1, 2), (1, 2), 1, 4, 6))
    shrunk = replay(image, 2, [PartitionChangeRecord(A, 0, isr=(1,), elr=(2,))])
    assert shrunk.image.partition("t", 0) == PartitionImage((1, 2), (1,), 1, 4, 7, elr=(2,))
    led = replay(shrunk.image, 3, [PartitionChangeRecord(A, 0, leader=1, unclean=True)])
    partition = led.image.partition("t", 0)
    assert partition is not None
    assert (partition.leader, partition.leader_epoch, partition.partition_epoch) == (1, 5, 8)
    assert led.unclean_elections == led.partitions_changed == {("t", A, 0)}


def test_config_is_set_and_removed_by_key() -> None:
    resource = (BROKER_CONFIG, "")
    image = with_records(EMPTY, ConfigRecord(*resource, "a", "1"), ConfigRecord(*resource, "b", ""))
    assert image.config(*resource) == {"a": "1", "b": ""}
    image = with_records(image, ConfigRecord(*resource, "a", None))
    assert image.config(*resource) == {"b": ""}
    image = with_records(image, ConfigRecord(*resource, "b", None))
    assert image.configs == {}


def test_image_that_somebody_keeps_never_changes() -> None:
    kept = with_topic()
    before = (dict(kept.topics), dict(kept.topics["a.b"].partitions), dict(kept.names_by_shape))
    replay(kept, 9, [PartitionChangeRecord(A, 0, leader=-1), TopicRecord("c", B)])
    replay(kept, 9, [RemoveTopicRecord(A)])
    assert (kept.topics, kept.topics["a.b"].partitions, kept.names_by_shape) == before


def test_untouched_parts_are_shared() -> None:
    image = with_topic()
    after = with_records(image, ConfigRecord(TOPIC_CONFIG, "a.b", "retention.ms", "1"))
    assert after.topics is image.topics
    assert after.brokers is image.brokers
    other = with_records(image, TopicRecord("c", B), PartitionRecord(B, 0, (1,), (1,), 1))
    assert other.topics["a.b"] is image.topics["a.b"]


def test_record_that_does_not_fit_is_a_bug_and_raises() -> None:
    with pytest.raises(KeyError):
        replay(EMPTY, 1, [PartitionChangeRecord(A, 0, leader=1)])


def test_digest_tells_histories_apart() -> None:
    founded = encode_batch([ClusterRecord("c")])
    led = encode_batch([ControllerRecord(1, 1)])
    last = encode_batch([ProducerIdsRecord(1, 1, 1000)])

    def after(*commands: bytes) -> MetadataImage:
        image = EMPTY
        for index, command in enumerate(commands, 1):
            image = replay_command(image, index, command).image
        return image

    assert after(founded, led, last) == after(founded, led, last)
    swapped = after(led, founded, last)
    assert replace(swapped, digest=b"") == replace(after(founded, led, last), digest=b"")
    assert swapped.digest != after(founded, led, last).digest

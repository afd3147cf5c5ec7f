"""The published image: steps in order, and a snapshot as one step."""

from __future__ import annotations

from metadata.delta import Delta
from metadata.publisher import Publisher
from metadata.records import (
    ConfigRecord,
    PartitionRecord,
    Record,
    RemoveTopicRecord,
    TopicRecord,
    encode_batch,
)
from tests.support.metadata import broker_record

A = b"a" * 16
B = b"b" * 16


def topic(name: str, topic_id: bytes) -> list[Record]:
    return [TopicRecord(name, topic_id), PartitionRecord(topic_id, 0, (1,), (1,), 1)]


def test_steps_are_published_in_order() -> None:
    publisher = Publisher()
    told: list[Delta] = []
    publisher.subscribe(told.append)
    publisher.apply(3, encode_batch([broker_record(1)]))
    publisher.apply(4, encode_batch(topic("a", A)))
    assert [delta.image.offset for delta in told] == [3, 4]
    assert told[1].image_before is told[0].image
    assert publisher.image is told[1].image


def test_snapshot_is_published_as_what_it_changes() -> None:
    ahead, behind = Publisher(), Publisher()
    for publisher in (ahead, behind):
        publisher.apply(1, encode_batch([broker_record(1), *topic("a", A)]))
    ahead.apply(2, encode_batch([RemoveTopicRecord(A), *topic("a", B)]))
    ahead.apply(3, encode_batch([ConfigRecord(2, "a", "retention.ms", "1")]))
    told: list[Delta] = []
    behind.subscribe(told.append)
    behind.restore(b"".join(ahead.snapshot()))
    assert behind.image == ahead.image
    (delta,) = told
    assert [topic.topic_id for topic in delta.topics_deleted] == [A]
    assert [topic.topic_id for topic in delta.topics_created] == [B]
    assert delta.partitions_changed == {("a", B, 0)}
    assert delta.configs_changed == {(2, "a")}
    assert not delta.brokers_changed


def test_chunks_show_the_state_of_the_call_whatever_follows() -> None:
    publisher = Publisher()
    publisher.apply(1, encode_batch(topic("a", A)))
    image, chunks = publisher.image, publisher.snapshot()
    publisher.apply(2, encode_batch([RemoveTopicRecord(A)]))
    other = Publisher()
    other.restore(b"".join(chunks))
    assert other.image == image

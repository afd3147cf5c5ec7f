"""The appended image runs ahead of the published one, and is forgotten with its term."""

from __future__ import annotations

from metadata.controller.batches import BATCH_RECORDS, cut_into_batches
from metadata.controller.office import Office
from metadata.image import EMPTY
from metadata.records import (
    ConfigRecord,
    PartitionRecord,
    Record,
    TopicRecord,
    decode_batch,
)
from metadata.replay import replay_command
from tests.support.metadata import broker_record

A = b"a" * 16
B = b"b" * 16


def topic(name: str, topic_id: bytes) -> list[Record]:
    return [TopicRecord(name, topic_id), PartitionRecord(topic_id, 0, (1,), (1,), 1)]


def test_two_decisions_on_their_way_see_each_other() -> None:
    office = Office(5, EMPTY)
    first = office.append(topic("a", A))
    assert set(office.image.topics) == {"a"}
    second = office.append(topic("b", B))
    assert set(office.image.topics) == {"a", "b"}
    published = replay_command(EMPTY, 11, first).image
    office.committed(first, published)
    assert set(office.image.topics) == {"a", "b"}, "the second one is still on its way"
    published = replay_command(published, 12, second).image
    office.committed(second, published)
    assert office.image is published


def test_end_of_the_term_forgets_what_was_only_appended() -> None:
    office = Office(5, EMPTY)
    first = office.append(topic("a", A))
    office.append(topic("b", B))
    published = replay_command(EMPTY, 11, first).image
    office.committed(first, published)
    assert set(Office(6, published).image.topics) == {"a"}


def test_rule_17_broker_epoch_is_known_with_the_commit_not_guessed() -> None:
    office = Office(5, EMPTY)
    first = office.append([broker_record(1)])
    office.append(topic("a", A))
    published = replay_command(EMPTY, 100, first).image
    office.committed(first, published)
    assert office.image.brokers[1].broker_epoch == 100
    assert set(office.image.topics) == {"a"}


def test_command_is_the_batch() -> None:
    assert decode_batch(Office(5, EMPTY).append(topic("a", A))) == topic("a", A)


def test_large_decision_becomes_entries_that_each_leave_a_valid_image() -> None:
    records = [
        *topic("a", A)[:1],
        *(ConfigRecord(2, "a", f"key{i}", "v") for i in range(BATCH_RECORDS)),
        *(PartitionRecord(A, i, (1,), (1,), 1) for i in range(3 * BATCH_RECORDS)),
        *topic("b", B),
    ]
    batches = list(cut_into_batches(iter(records)))
    assert [record for batch in batches for record in batch] == records
    assert len(batches) > 3
    for batch in batches:
        assert len(batch) <= 2 * BATCH_RECORDS + 2
        last = batch[-1]
        assert isinstance(last, PartitionRecord), "no topic is left without a partition"


def test_keys_set_for_one_resource_stay_together() -> None:
    def keys(name: str) -> list[Record]:
        return [ConfigRecord(2, name, f"key{i}", "v") for i in range(BATCH_RECORDS - 1)]

    batches = list(cut_into_batches([*keys("a"), *keys("b"), *keys("c")]))
    assert batches == [[*keys("a"), *keys("b")], keys("c")]


def test_no_records_make_no_entry() -> None:
    assert list(cut_into_batches([])) == []

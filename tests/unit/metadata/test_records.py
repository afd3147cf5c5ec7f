"""Records on the wire: what is left out, what is ignored, what stops the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cbor2
import pytest

from metadata.records import (
    BrokerEndpoint,
    ConfigRecord,
    PartitionChangeRecord,
    PartitionRecord,
    Record,
    RemoveTopicRecord,
    TopicRecord,
    UnknownRecord,
    decode_batch,
    encode_batch,
)
from tests.support.metadata import broker_record

TOPIC_ID = bytes(range(16))

RECORDS: Sequence[Record] = [
    broker_record(1, rack="a"),
    replace(broker_record(2), cluster_endpoint=BrokerEndpoint("CLUSTER", "h", 9093, "SSL")),
    TopicRecord("t", TOPIC_ID),
    ConfigRecord(2, "t", "retention.ms", "1"),
    ConfigRecord(2, "t", "retention.ms", None),
    PartitionRecord(TOPIC_ID, 0, (1, 2), (1,), 1, elr=(2,)),
    PartitionChangeRecord(TOPIC_ID, 0, isr=(), leader=-1, unclean=True),
    RemoveTopicRecord(TOPIC_ID),
]


def test_batch_survives_the_journal() -> None:
    assert decode_batch(encode_batch(RECORDS)) == RECORDS


def test_trailing_defaults_are_left_out() -> None:
    (row,) = cbor2.loads(encode_batch([PartitionRecord(TOPIC_ID, 7, (1,), (1,), 1)]))
    assert row == [7, 0, TOPIC_ID, 7, [1], [1], 1]


def test_none_that_means_removal_is_not_left_out() -> None:
    (row,) = cbor2.loads(encode_batch([ConfigRecord(2, "t", "k", None)]))
    assert row[-1] is None


def test_fields_of_a_newer_version_are_ignored() -> None:
    row = [5, 1, "t", TOPIC_ID, "something new"]
    assert decode_batch(cbor2.dumps([row])) == [TopicRecord("t", TOPIC_ID)]


def test_fields_that_an_older_version_lacks_get_their_defaults() -> None:
    row = [7, 0, TOPIC_ID, 7, [1], [1], 1]
    assert decode_batch(cbor2.dumps([row])) == [PartitionRecord(TOPIC_ID, 7, (1,), (1,), 1)]


def test_unknown_record_is_not_skipped() -> None:
    with pytest.raises(UnknownRecord, match="type 999"):
        decode_batch(cbor2.dumps([[999, 0]]))

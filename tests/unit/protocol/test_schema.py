"""Message classes: defaults, construction, comparison."""

from __future__ import annotations

from typing import Any

import pytest

from raftkafka.protocol.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchResponseTopic,
)
from raftkafka.protocol.messages.metadata import MetadataRequest
from raftkafka.protocol.messages.shared import LeaderIdAndEpoch


def test_every_field_has_kafkas_default() -> None:
    request = FetchRequest()
    assert (request.replica_id, request.max_bytes, request.session_epoch) == (-1, 2**31 - 1, -1)
    assert (request.cluster_id, request.rack_id, request.topics) == (None, "", [])
    assert FetchPartition().high_watermark == 2**63 - 1
    assert MetadataRequest().allow_auto_topic_creation is True


def test_lists_are_not_shared() -> None:
    first, second = FetchResponse(), FetchResponse()
    first.responses.append(FetchResponseTopic())
    assert second.responses == []


def test_keywords_only_and_no_others() -> None:
    untyped: Any = FetchResponse
    with pytest.raises(TypeError, match="bogus"):
        untyped(bogus=1)
    with pytest.raises(TypeError, match="positional"):
        untyped(1)


def test_a_misspelt_attribute_is_refused() -> None:
    untyped: Any = FetchResponse()
    with pytest.raises(AttributeError):
        untyped.throtle_time_ms = 1


def test_equal_by_class_and_value() -> None:
    assert LeaderIdAndEpoch(leader_id=1) == LeaderIdAndEpoch(leader_id=1, leader_epoch=-1)
    assert LeaderIdAndEpoch(leader_id=1) != LeaderIdAndEpoch(leader_id=2)
    assert LeaderIdAndEpoch() != FetchPartition()
    with pytest.raises(TypeError, match="unhashable"):
        hash(LeaderIdAndEpoch())


def test_repr_shows_what_was_set() -> None:
    assert repr(LeaderIdAndEpoch(leader_id=7)) == "LeaderIdAndEpoch(leader_id=7)"

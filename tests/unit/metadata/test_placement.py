"""Placement: leader of i on i mod n, replica j on (i + j) mod n; racks apart."""

from __future__ import annotations

from collections import Counter

import pytest

from metadata.image import EMPTY, BrokerImage
from metadata.placement import place
from raftkafka.errors import ErrorCode, KafkaError
from tests.support.metadata import broker_record, with_records


def brokers(*racks: str | None, fenced: frozenset[int] = frozenset()) -> list[BrokerImage]:
    """Return brokers 0, 1, … in the given racks."""
    records = [
        broker_record(broker_id, rack=rack, fenced=broker_id in fenced)
        for broker_id, rack in enumerate(racks)
    ]
    return list(with_records(EMPTY, *records).brokers.values())


def test_striped_over_the_brokers_in_order_of_id() -> None:
    placement = place(list(reversed(brokers(None, None, None))), 2, start=0)
    assert [placement.replicas(i) for i in range(4)] == [(0, 1), (1, 2), (2, 0), (0, 1)]


def test_start_shifts_all() -> None:
    placement = place(brokers(None, None, None), 2, start=5)
    assert [placement.replicas(i) for i in range(2)] == [(2, 0), (0, 1)]


def test_new_partitions_go_on_where_the_first_ones_left_off() -> None:
    placement = place(brokers(None, None, None), 1, start=0, leader_of_first=1)
    assert [placement.replicas(i) for i in range(3)] == [(1,), (2,), (0,)]


def test_racks_are_kept_apart_as_long_as_there_are_others() -> None:
    rack = ["a", "a", "a", "b", "b", "c"]
    placement = place(brokers(*rack), 3, start=0)
    for number in range(12):
        assert {rack[it] for it in placement.replicas(number)} == {"a", "b", "c"}


def test_racks_are_reused_evenly_when_there_are_too_few() -> None:
    rack = ["a", "b", "a", "b"]
    placement = place(brokers(*rack), 4, start=1)
    for number in range(4):
        replicas = placement.replicas(number)
        assert len(set(replicas)) == 4
        assert rack[replicas[0]] != rack[replicas[1]]


def test_equal_racks_share_evenly() -> None:
    placement = place(brokers("a", "a", "b", "b", "c", "c"), 3, start=0)
    leaders = Counter(placement.replicas(number)[0] for number in range(60))
    replicas = Counter(it for number in range(60) for it in placement.replicas(number))
    assert set(leaders.values()) == {10}
    assert set(replicas.values()) == {30}


@pytest.mark.parametrize(
    ("fenced", "replication_factor", "reason"),
    [
        ({0, 1, 2}, 1, "All brokers are currently fenced or in controlled shutdown."),
        (
            set[int](),
            4,
            "The target replication factor of 4 cannot be reached because "
            "only 3 broker(s) are registered.",
        ),
        (
            {0},
            3,
            "The target replication factor of 3 cannot be reached because "
            "only 2 of 3 registered broker(s) are active.",
        ),
        (set[int](), 0, "Invalid replication factor 0: the replication factor must be positive."),
    ],
)
def test_what_cannot_be_placed(fenced: set[int], replication_factor: int, reason: str) -> None:
    with pytest.raises(KafkaError) as raised:
        place(brokers(None, None, None, fenced=frozenset(fenced)), replication_factor, start=0)
    assert (raised.value.code, raised.value.message) == (
        ErrorCode.INVALID_REPLICATION_FACTOR,
        reason,
    )


def test_never_onto_a_fenced_broker() -> None:
    placement = place(brokers(None, None, None, fenced=frozenset({1})), 2, start=0)
    assert [placement.replicas(i) for i in range(2)] == [(0, 2), (2, 0)]

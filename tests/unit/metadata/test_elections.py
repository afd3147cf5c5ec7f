"""Rules 15 and 16: who leads, and who may lead next."""

from __future__ import annotations

import pytest

from metadata.controller.elections import Upset, settle
from metadata.image import PartitionImage
from metadata.records import PartitionChangeRecord

TOPIC_ID = bytes(16)


def partition(
    *,
    isr: tuple[int, ...],
    leader: int,
    elr: tuple[int, ...] = (),
    last_known_elr: tuple[int, ...] = (),
) -> PartitionImage:
    return PartitionImage((1, 2, 3), isr, leader, 5, 9, elr=elr, last_known_elr=last_known_elr)


def settled(
    before: PartitionImage,
    *,
    live: set[int],
    left: set[int] | None = None,
    lost: set[int] | None = None,
    min_isr: int = 1,
    unclean_allowed: bool = False,
) -> PartitionChangeRecord | None:
    upset = Upset(
        live.__contains__,
        min_isr,
        unclean_allowed,
        frozenset(left or ()),
        frozenset(lost or ()),
    )
    return settle(TOPIC_ID, 0, before, upset)


def change(
    *,
    isr: tuple[int, ...] | None = None,
    leader: int | None = None,
    elr: tuple[int, ...] | None = None,
    last_known_elr: tuple[int, ...] | None = None,
    unclean: bool = False,
) -> PartitionChangeRecord:
    return PartitionChangeRecord(TOPIC_ID, 0, isr, leader, elr, last_known_elr, unclean=unclean)


def test_rule_15_the_leader_stays_while_it_may() -> None:
    before = partition(isr=(1, 2, 3), leader=2)
    assert settled(before, live={1, 2, 3}) is None
    gone = settled(before, live={1, 2}, left={3})
    assert gone == change(isr=(1, 2)), "a shrink alone starts no new leader epoch (KAFKA-15021)"


def test_rule_15_then_the_first_live_member_of_the_isr_in_order_of_assignment() -> None:
    before = partition(isr=(3, 2, 1), leader=1)
    assert settled(before, live={2, 3}, left={1}) == change(isr=(3, 2), leader=2)


def test_rule_15_a_replica_outside_the_isr_is_not_taken() -> None:
    before = partition(isr=(1,), leader=1)
    assert settled(before, live={2, 3}, left={1}) == change(
        isr=(), leader=-1, elr=(1,), last_known_elr=(1,)
    )


def test_rule_15_eligible_replicas_lead_only_when_the_isr_is_empty() -> None:
    waiting = partition(isr=(), leader=-1, elr=(1, 3), last_known_elr=(1,))
    assert settled(waiting, live={3}, min_isr=2) == change(
        isr=(3,), leader=3, elr=(1,), last_known_elr=()
    )
    led = partition(isr=(2,), leader=2, elr=(1,))
    assert settled(led, live={1}, left={2}, min_isr=2) == change(isr=(1,), leader=1, elr=(2,))


def test_rule_15_eligible_replicas_wait_while_a_member_of_the_isr_is_only_away() -> None:
    before = partition(isr=(1, 2), leader=1, elr=(3,))
    assert settled(before, live={3}, left={1}, min_isr=2) == change(
        isr=(2,), leader=-1, elr=(3, 1), last_known_elr=(1,)
    )


def test_leader_that_lost_records_and_leads_on_has_a_new_epoch() -> None:
    before = partition(isr=(1,), leader=1)
    assert settled(before, live={1}, left={1}, lost={1}) == change(leader=1, unclean=True)


def test_rule_15_the_last_known_leader_leads_again_and_it_counts_as_unclean() -> None:
    waiting = partition(isr=(), leader=-1, last_known_elr=(1,))
    assert settled(waiting, live={2, 3}) is None
    assert settled(waiting, live={1}) == change(isr=(1,), leader=1, last_known_elr=(), unclean=True)


def test_rule_15_the_last_known_leader_waits_while_an_eligible_replica_is_only_away() -> None:
    waiting = partition(isr=(), leader=-1, elr=(2,), last_known_elr=(1,))
    assert settled(waiting, live={1}) is None


def test_rule_15_any_live_replica_if_unclean_elections_are_allowed() -> None:
    before = partition(isr=(1,), leader=1)
    assert settled(before, live={2, 3}, left={1}, unclean_allowed=True) == change(
        isr=(2,), leader=2, unclean=True
    )


def test_rule_16_eligible_replicas_are_kept_below_min_isr_only() -> None:
    before = partition(isr=(1, 2, 3), leader=1)
    assert settled(before, live={1, 2}, left={3}, min_isr=2) == change(isr=(1, 2))
    assert settled(before, live={1}, left={2, 3}, min_isr=2) == change(isr=(1,), elr=(2, 3))


def test_rule_16_who_lost_records_is_not_eligible() -> None:
    before = partition(isr=(1,), leader=1, elr=(2,))
    assert settled(before, live={1}, left={2}, lost={2}, min_isr=2) == change(elr=())
    assert settled(before, live=set(), left={1}, lost={1}, min_isr=2) == change(
        isr=(), leader=-1, last_known_elr=(1,)
    )


@pytest.mark.parametrize("lost", [set[int](), {1}])
def test_scenario_4_the_last_replica_standing(lost: set[int]) -> None:
    """KIP-966: the last replica leads again; whether it lost records decides what that counts."""
    before = partition(isr=(1,), leader=1)
    gone = settled(before, live={2, 3}, left={1}, lost=lost)
    assert gone is not None
    assert gone.isr == ()
    elr = gone.elr or ()
    waiting = partition(isr=(), leader=-1, elr=elr, last_known_elr=gone.last_known_elr or ())
    again = settled(waiting, live={1, 2, 3})
    assert again is not None
    assert (again.leader, again.unclean) == (1, bool(lost))

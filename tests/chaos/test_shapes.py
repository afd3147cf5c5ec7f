"""Shapes of cut networks: who hears whom, and who can still commit."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from tests.chaos import shapes

THREE = (1, 2, 3)
FIVE = (1, 2, 3, 4, 5)


def test_groups_are_cut_both_ways() -> None:
    cut = shapes.between([1], [2, 3])
    assert cut == {("n1", "n2"), ("n2", "n1"), ("n1", "n3"), ("n3", "n1")}


@pytest.mark.parametrize("nodes", [THREE, FIVE])
def test_only_the_larger_half_commits(nodes: tuple[int, ...]) -> None:
    able = shapes.able_to_commit(shapes.halves(nodes, Random(1)), nodes)
    assert len(able) == len(nodes) // 2 + 1


def test_isolated_node_commits_nothing() -> None:
    assert shapes.able_to_commit(shapes.isolated(2, THREE), THREE) == {1, 3}


@pytest.mark.parametrize("shape", [shapes.deaf, shapes.mute])
def test_one_direction_is_not_enough_to_commit(shape: shapes.OneNode) -> None:
    cut = shape(2, THREE)
    assert len(cut) == 2
    assert shapes.able_to_commit(cut, THREE) == {1, 3}


@pytest.mark.parametrize("seed", range(20))
def test_everyone_in_a_ring_of_five_reaches_a_majority_and_no_two_the_same(seed: int) -> None:
    cut = shapes.ring(FIVE, Random(seed))
    seen = [frozenset(b for b in FIVE if (f"n{a}", f"n{b}") not in cut) for a in FIVE]
    assert {len(near) for near in seen} == {3}
    assert len(set(seen)) == 5
    assert all((b, a) in cut for a, b in cut)
    assert shapes.able_to_commit(cut, FIVE) == set(FIVE)


def test_who_is_down_neither_commits_nor_counts() -> None:
    assert shapes.able_to_commit(shapes.WHOLE, THREE, [2]) == {1, 3}
    assert shapes.able_to_commit(shapes.isolated(1, THREE), THREE, [2]) == frozenset()


def test_through_a_bridge_all_can_commit() -> None:
    cut = shapes.bridged(FIVE, Random(3))
    assert len(cut) == 8
    assert shapes.able_to_commit(cut, FIVE) == set(FIVE)


def test_who_reaches_only_a_node_with_a_majority_passes_on_to_it() -> None:
    cut = shapes.between([4], [1, 2, 3, 5]) | shapes.between([5], [2, 3])
    assert shapes.able_to_commit(cut, FIVE) == {1, 2, 3, 5}


def test_a_client_cut_from_a_broker_changes_nothing_between_brokers() -> None:
    cut = shapes.without_broker([1, 2], 3)
    assert cut == {("c1", "n3"), ("n3", "c1"), ("c2", "n3"), ("n3", "c2")}
    assert shapes.able_to_commit(cut, THREE) == set(THREE)


@pytest.mark.parametrize("seed", range(20))
def test_swizzle_cuts_one_by_one_and_heals_in_another_order(seed: int) -> None:
    steps = [shapes.WHOLE, *shapes.swizzle(FIVE, Random(seed)), shapes.WHOLE]
    assert len(steps) == 2 + 3 + 2
    for before, after in pairwise(steps):
        assert before < after or after < before, "one node more, or one less"
    assert shapes.able_to_commit(steps[3], FIVE) == frozenset(), "three of five are away"


def test_a_seed_draws_the_same_shape_again() -> None:
    for draw in (shapes.halves, shapes.bridged, shapes.ring, shapes.random_one_way, shapes.swizzle):
        assert draw(FIVE, Random(9)) == draw(FIVE, Random(9))

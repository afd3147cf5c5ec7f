"""Schedules of faults: drawn from their seed alone, written down, and meant for who is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos import shapes
from tests.chaos.schedule import HOLD_S, REST_S, Fault, Process, Schedule, Shape

THREE, FIVE = (1, 2, 3), (1, 2, 3, 4, 5)
CLIENTS = (1, 2)


@pytest.mark.parametrize("seed", range(30))
def test_a_seed_draws_the_same_faults_for_about_as_long_as_asked(seed: int) -> None:
    schedule = Schedule.draw(seed, seconds=60)
    assert schedule == Schedule.draw(seed, seconds=60)
    assert 60 <= schedule.seconds < 60 + HOLD_S[1] + REST_S[1]
    nodes = tuple(range(1, schedule.nodes + 1))
    for fault in schedule.faults:
        harmless = fault.shape is Shape.WHOLE and fault.process is Process.NONE
        assert not harmless
        places = {place for cut in fault.cuts(nodes, CLIENTS, 1) for link in cut for place in link}
        assert places <= {*(f"n{n}" for n in nodes), *(f"c{n}" for n in CLIENTS)}
        assert set(fault.victims(nodes, 1)) <= set(nodes)


def test_many_seeds_draw_every_kind() -> None:
    drawn = [fault for seed in range(60) for fault in Schedule.draw(seed, seconds=60).faults]
    assert {fault.shape for fault in drawn} == set(Shape)
    assert {fault.process for fault in drawn} == set(Process)


def test_the_controller_is_who_leads_then() -> None:
    isolated = Fault(Shape.CONTROLLER_ISOLATED)
    assert isolated.cuts(THREE, CLIENTS, 2) == [shapes.isolated(2, THREE)]
    assert isolated.cuts(THREE, CLIENTS, 3) == [shapes.isolated(3, THREE)]
    assert Fault(Shape.WHOLE, Process.PAUSE_CONTROLLER).victims(FIVE, 4) == [4]
    assert Fault(Shape.FOLLOWER_ISOLATED, seed=5).cuts(THREE, CLIENTS, 2)[0] in [
        shapes.isolated(1, THREE),
        shapes.isolated(3, THREE),
    ]


def test_it_is_written_down(tmp_path: Path) -> None:
    schedule = Schedule.draw(7, seconds=30)
    schedule.write(tmp_path / "schedule.jsonl")
    head, *faults = map(json.loads, (tmp_path / "schedule.jsonl").read_text().splitlines())
    assert head == {"seed": 7, "nodes": schedule.nodes}
    assert [fault["shape"] for fault in faults] == [it.shape.value for it in schedule.faults]
    assert [fault["seed"] for fault in faults] == [it.seed for it in schedule.faults]

"""Schedules of faults on the quorum: a few by default, more with --all, any number by hand.

``python -m tests.sim.quorum --seeds 1-1000`` runs many, or one that failed again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.quorum import regressions
from tests.sim.quorum.formation import Formation
from tests.sim.quorum.regressions import Case, fails, keep, kept, shrink
from tests.sim.quorum.schedule import Schedule
from tests.unit.raft.test_mutants import count_any_folder


@pytest.mark.parametrize("seed", range(1, 7))
def test_three_voters_keep_every_promise(seed: int) -> None:
    result = Schedule(seed, voters=3, seconds=30.0).run()
    assert result.faults >= 10
    assert result.counts.acknowledged > 100


@pytest.mark.parametrize("seed", range(1, 3))
def test_five_voters_keep_every_promise(seed: int) -> None:
    result = Schedule(seed, voters=5, seconds=40.0).run()
    assert result.faults >= 10
    assert result.counts.acknowledged > 100


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_lone_voter_keeps_every_promise(seed: int) -> None:
    result = Schedule(seed, voters=1, seconds=60.0).run()
    assert result.counts.acknowledged > 100


@pytest.mark.parametrize("voters", [1, 3, 5])
def test_a_seed_gives_the_same_run_twice(voters: int) -> None:
    first = Schedule(11, voters, seconds=20.0).run()
    assert Schedule(11, voters, seconds=20.0).run() == first


def test_what_failed_once_holds() -> None:
    for case in kept():
        case.run()


def test_a_failing_schedule_is_shrunk_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the rule broken that only the folder of a seat votes."""
    monkeypatch.setattr(regressions, "FOLDER", tmp_path)
    count_any_folder(monkeypatch)
    case = next(case for case in (Case(seed, 3, 15.0) for seed in range(1, 60)) if fails(case))
    small = shrink(case)
    assert len(small.skip) > 10, "most faults have nothing to do with it"
    assert keep(small).exists()
    assert kept() == [small]
    assert fails(small)


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_voter_that_helped_one_formation_takes_part_in_no_other(seed: int) -> None:
    assert Formation(seed).run() > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 300))
def test_many_schedules_keep_every_promise(seed: int) -> None:
    case = Case(seed, voters=3 + seed % 2 * 2, seconds=60.0)
    result = case.schedule().run()
    if seed % 20 in (0, 5):  # 20 of them, of both sizes
        assert case.schedule().run() == result

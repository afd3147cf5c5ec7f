"""Rules broken on purpose: the simulation finds them by itself, without a test made for them."""

from __future__ import annotations

import pytest

from tests.sim.quorum.regressions import Case, fails
from tests.unit.raft import test_mutants as mutants
from tests.unit.raft.test_mutants import Mutant

SEEDS = range(1, 61)
LONE_VOTER = {"count_what_is_not_durable"}
"""With peers the order of the pump hides it: answers are heard after the write."""

FOUND = {
    "commit_what_the_leader_says",
    "cut_after_the_previous_entry",
    "store_no_vote",
    "sync_nothing",
    "apply_repetitions",
    "read_without_asking",
    "count_what_is_not_durable",
    "count_any_folder",
}


@pytest.mark.long
@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in mutants.MUTANTS if mutant.break_rule.__name__ in FOUND],
    ids=lambda mutant: mutant.break_rule.__name__,
)
def test_the_simulation_finds_a_broken_rule(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    voters = 1 if mutant.break_rule.__name__ in LONE_VOTER else 3
    mutant.break_rule(monkeypatch)
    assert any(fails(Case(seed, voters, 30.0)) for seed in SEEDS)

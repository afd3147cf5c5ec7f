"""Rules broken on purpose: the simulation finds them by itself, without a test made for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sim.quorum.formation import Formation
from tests.sim.quorum.schedule import Schedule
from tests.unit.raft import test_mutants as mutants
from tests.unit.raft.test_mutants import Mutant

SEEDS = range(1, 41)
LONE_VOTER = {"count_what_is_not_durable"}
"""With peers the order of the pump hides it: answers are heard after the write."""
FORMING = {"form_with_whoever_has_no_list"}
"""The list of voters is formed once only, so there are schedules made for it."""

FOUND = {
    "commit_what_the_leader_says",
    "cut_after_the_previous_entry",
    "store_no_vote",
    "sync_nothing",
    "take_what_was_read_for_durable",
    "trim_before_the_snapshot",
    "count_any_folder",
    "form_with_whoever_has_no_list",
    "believe_every_field",
    "campaign_without_asking",
    "lead_without_a_majority",
    "read_without_asking",
    "go_on_after_a_failed_apply",
    "forget_who_waits",
    "apply_repetitions",
    "count_what_is_not_durable",
    "store_the_commit_index",
}


def breaks(schedule: Formation | Schedule) -> bool:
    """Whether a property does not hold in it."""
    try:
        schedule.run()
    except Exception:  # of whatever kind
        return True
    return False


def schedules(name: str) -> Iterator[Formation | Schedule]:
    """Draw schedules that fit a mutant."""
    for seed in SEEDS:
        if name in FORMING:
            yield Formation(seed)
        else:
            yield Schedule(seed, voters=1 if name in LONE_VOTER else 3, seconds=30.0)


@pytest.mark.long
@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in mutants.MUTANTS if mutant.break_rule.__name__ in FOUND],
    ids=lambda mutant: mutant.break_rule.__name__,
)
def test_the_simulation_finds_a_broken_rule(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.break_rule(monkeypatch)
    assert any(map(breaks, schedules(mutant.break_rule.__name__)))

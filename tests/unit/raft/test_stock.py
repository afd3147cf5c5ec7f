"""Regression: what the unmodified library does wrong, and the test of ours that is green there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.unit.raft import (
    test_elections,
    test_journal_files,
    test_messages,
    test_pinned,
    test_proposals,
    test_reads,
    test_replication,
    test_snapshots,
)

ROOT = Path(__file__).parents[3]

GREEN_HERE: dict[str, Callable[..., object]] = {
    "commits_what_it_did_not_verify": (
        test_replication.test_a_follower_commits_only_what_it_verified
    ),
    "counts_acknowledgements_of_another_term": (
        test_replication.test_an_acknowledgement_of_another_term_does_not_count
    ),
    "cuts_what_it_acknowledged": (
        test_replication.test_a_follower_never_cuts_what_the_leader_has_too
    ),
    "changes_members_at_once": test_pinned.test_membership_cannot_change,
    "breaks_on_a_large_command": test_replication.test_a_large_command_needs_no_special_path,
    "throws_acknowledged_entries_away_after_a_snapshot": (
        test_snapshots.test_the_log_is_trimmed_only_behind_a_durable_snapshot
    ),
    "starts_empty_from_a_torn_snapshot": test_snapshots.test_a_damaged_snapshot_refuses_to_start,
    "starts_from_a_damaged_journal": (
        test_journal_files.test_a_flipped_bit_is_damage_even_in_the_last_frame
    ),
    "votes_twice_after_a_restart": (
        test_elections.test_a_node_votes_once_per_term_even_after_a_restart
    ),
    "applies_a_failing_command_for_ever": test_proposals.test_a_failing_apply_is_fatal,
    "runs_code_of_a_peer": test_messages.test_entries_are_checked,
    "is_unseated_by_a_node_that_was_cut_off": (
        test_elections.test_a_node_that_was_cut_off_burns_no_terms_and_unseats_nobody
    ),
    "leads_without_a_majority": test_reads.test_a_deposed_leader_answers_no_read,
    "loses_its_journal_when_killed_in_a_compaction": (
        test_snapshots.test_memory_and_files_are_bounded_by_snapshots_and_nothing_is_lost
    ),
    "never_gets_a_diverging_follower_in_step": (
        test_replication.test_a_diverging_follower_gets_in_step_behind_pipelined_batches
    ),
    "follows_an_observer": test_elections.test_an_observer_neither_leads_nor_votes,
    "counts_a_vote_twice": test_elections.test_a_vote_that_arrives_twice_counts_once,
}


@cache
def stock() -> dict[str, bool]:
    """Run the scenarios on the library as it is."""
    command = [sys.executable, "-m", "tests.unit.raft.stock"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    shows: dict[str, bool] = json.loads(output)
    return shows


@pytest.mark.parametrize("scenario", GREEN_HERE)
def test_the_unmodified_library_fails_where_the_quorum_does_not(scenario: str) -> None:
    """If this turns red, the library has mended a defect: see whether its override can go."""
    assert stock()[scenario]


def test_every_scenario_has_a_test_of_ours() -> None:
    assert stock().keys() == GREEN_HERE.keys()

"""Each rule of the quorum, broken on purpose: its tests must notice.

A mutant patches the product for the length of one test function, which then has to fail.
"""
# Mutants stand in for methods of every kind, so their own types say nothing:
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from metadata.raft import frames, messages, upstream
from metadata.raft import journal as journal_module
from metadata.raft.core import RaftCore
from metadata.raft.election import Election
from metadata.raft.electorate import Electorate
from metadata.raft.folder import QuorumFolder
from metadata.raft.identity import Seat
from metadata.raft.journal import Journal
from metadata.raft.journal_files import JournalFiles
from metadata.raft.messages import AppendAnswer, AppendEntries, Message, Vote
from metadata.raft.proposals import Proposals
from metadata.raft.pump import Pump
from metadata.raft.reads import Reads
from metadata.raft.replay import VOTE, cut_record
from metadata.raft.replication import Replication
from metadata.raft.sessions import Admission, Sessions
from metadata.raft.upstream import Upstream
from raftkafka.errors import DamagedDisk
from tests.crash import test_quorum_journal as crashes
from tests.sim.quorum.node import EventDisk
from tests.unit.raft import (
    test_elections,
    test_electorate,
    test_journal_files,
    test_messages,
    test_pinned,
    test_proposals,
    test_reads,
    test_replication,
    test_snapshots,
)

Patch = pytest.MonkeyPatch
Internals = Any
"""A mutant handles what no other module may see."""


def commit_what_the_leader_says(patch: Patch) -> None:
    said: list[int] = []
    take, deliver = Replication.on_append_entries, Upstream.deliver

    def remember(self: Replication, now: float, source: int, message: AppendEntries) -> None:
        said.append(message.commit_index)
        take(self, now, source, message)

    def unclamped(self: Upstream, node_id: int, message: dict[str, object]) -> None:
        if message["type"] == "append_entries":
            message["commit_index"] = said[-1]
        deliver(self, node_id, message)

    patch.setattr(Replication, "on_append_entries", remember)
    patch.setattr(Upstream, "deliver", unclamped)


def count_answers_of_any_term(patch: Patch) -> None:
    take = Replication.on_append_answer

    def any_term(self: Internals, now: float, source: int, answer: AppendAnswer) -> None:
        term: int = self._raft.term
        take(self, now, source, answer._replace(term=term))

    patch.setattr(Replication, "on_append_answer", any_term)


def cut_after_the_previous_entry(patch: Patch) -> None:
    def all_of_it(self: Internals, message: AppendEntries) -> object:
        self._journal.cut(message.previous_index)
        return message.previous_index, message.previous_term, message.entries

    def cut(self: Internals, index: int) -> None:
        if index < self.last_index:
            del self._entries[index - self.base_index + 1 :]
            self._staged.append(cut_record(self.last_index, self.last_term))

    patch.setattr(Journal, "cut", cut, raising=False)
    patch.setattr(Replication, "_without_known", all_of_it)


def store_no_vote(patch: Patch) -> None:
    def without_vote(term: int, voted_for: int | None) -> list[object]:
        return [VOTE, term, None]

    patch.setattr(journal_module, "vote_record", without_vote)


def acknowledge_before_the_write(patch: Patch) -> None:
    def write(self: Internals) -> object:
        records = self._core.take_staged()
        if records:
            self._core.mark_durable()
            self._core.tick(self._clock())
        for node_id, message in self._core.take_late():
            self._send(node_id, message)
        if records:
            yield lambda: self._folder.append(records)

    patch.setattr(Pump, "_write", write)


def sync_nothing(patch: Patch) -> None:
    def append(self: Internals, records: list[frames.Record]) -> None:
        frame = frames.encode(records, self._salt(), self._end)
        if self._end + len(frame) > self._size:
            self._roll(self._segments[-1].number + 1, len(frame))
            frame = frames.encode(records, self._salt(), self._end)
        self._file.pwrite([frame], self._end)
        self._end += len(frame)
        self._state.take(records)
        self._state = self._state.without_entries()

    patch.setattr(JournalFiles, "append", append)


def take_all_damage_for_torn(patch: Patch) -> None:
    patch.setattr(frames, "_check_torn", lambda *arguments: None)


def take_what_was_read_for_durable(patch: Patch) -> None:
    load = JournalFiles.__dict__["_load"]

    def without_writing_anew(self: Internals, number: int, *, is_newest: bool) -> object:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(EventDisk, "replace", lambda *arguments: None)
            return load(self, number, is_newest=is_newest)

    patch.setattr(JournalFiles, "_load", without_writing_anew)


def trim_before_the_snapshot(patch: Patch) -> None:
    ask = RaftCore.__dict__["_maybe_snapshot"]

    def ask_and_trim(self: RaftCore) -> None:
        ask(self)
        self.journal.trim(self.applied_index)

    patch.setattr(RaftCore, "_maybe_snapshot", ask_and_trim)


def start_empty_from_a_bad_snapshot(patch: Patch) -> None:
    read = QuorumFolder.__dict__["_read_snapshot"]

    def lenient(self: QuorumFolder) -> object:
        try:
            return read(self)
        except DamagedDisk:
            return None

    patch.setattr(QuorumFolder, "_read_snapshot", lenient)
    patch.setattr(QuorumFolder, "_check_cover", lambda *arguments: None)


def count_any_folder(patch: Patch) -> None:
    patch.setattr(Electorate, "_is_seated", lambda self, voter, folder: True)


def seat_what_waits_in_the_log(patch: Patch) -> None:
    def seated(self: Internals, voter: int, folder: bytes) -> bool:
        seat = self._journal.seats.get(voter)
        return seat is not None and seat.directory_id == folder

    patch.setattr(Electorate, "_is_seated", seated)


def form_without_asking_all(patch: Patch) -> None:
    def form(self: Internals) -> None:
        seats = {voter: Seat(folder, 0) for voter, folder in self._folders.items()}
        seats[self._settings.node_id] = Seat(self._directory_id, 0)
        self._store(seats)

    patch.setattr(Electorate, "_form", form)


def form_with_whoever_has_no_list(patch: Patch) -> None:
    def form(self: Internals) -> None:
        met = self._met()
        others = self._settings.voters - {self._settings.node_id}
        nobody = not any(told.seats for told in self._told.values())
        if len(met) > len(others) and self._told.keys() >= others and nobody:
            self._store({voter: Seat(folder, 0) for voter, folder in met})

    patch.setattr(Electorate, "_form", form)


def keep_the_position_of_another_folder(patch: Patch) -> None:
    patch.setattr(Upstream, "forget_position", lambda self, node_id: None)


def believe_every_field(patch: Patch) -> None:
    shapes = messages.__dict__["_SHAPES"]
    lenient = {kind: [lambda value: True] * len(checks) for kind, checks in shapes.items()}
    patch.setattr(messages, "_SHAPES", lenient)


def allow_membership_changes(patch: Patch) -> None:
    make = upstream.__dict__["_conf"]

    def dynamic(*arguments: object) -> object:
        conf = make(*arguments)
        conf.dynamicMembershipChange = True
        return conf

    patch.setattr(upstream, "_conf", dynamic)


def back_track_one_by_one(patch: Patch) -> None:
    patch.setattr(Replication, "_back_track", lambda self, index: index)


def follow_every_reset(patch: Patch) -> None:
    take = Replication.on_append_answer

    def follow(self: Internals, now: float, source: int, answer: AppendAnswer) -> None:
        take(self, now, source, answer)
        if answer.reset:
            self._raft.set_next_index(source, answer.next_index)
            self.send(now, source)

    patch.setattr(Replication, "on_append_answer", follow)


def campaign_without_asking(patch: Patch) -> None:
    def campaign(self: Internals, now: float) -> None:
        self.postpone(now)
        self._elect(now, transfer=False)

    patch.setattr(Election, "_campaign", campaign)


def lead_without_a_majority(patch: Patch) -> None:
    patch.setattr(Election, "_check_quorum", lambda self, now: None)


def vote_against_a_living_leader(patch: Patch) -> None:
    patch.setattr(Election, "_hears_leader", lambda self, now: False)


def read_without_asking(patch: Patch) -> None:
    patch.setattr(Reads, "_confirmed_round", lambda self, peers: self.round)


def go_on_after_a_failed_apply(patch: Patch) -> None:
    apply = Proposals.__dict__["_apply"]

    def swallow(self: Proposals, held: bytes, index: int, term: int) -> object:
        try:
            return apply(self, held, index, term)
        except Exception:
            return index

    patch.setattr(Proposals, "_apply", swallow)


def forget_who_waits(patch: Patch) -> None:
    patch.setattr(Proposals, "fail", lambda self: None)


def apply_repetitions(patch: Patch) -> None:
    patch.setattr(Sessions, "find", lambda self, request: None)
    patch.setattr(Sessions, "admit", lambda self, request, index: Admission.FIRST)


def count_what_is_not_durable(patch: Patch) -> None:
    durable = property(lambda self: self.last_index, lambda self, index: None)
    patch.setattr(Journal, "durable_index", durable, raising=False)


def commit_older_terms_by_counting(patch: Patch) -> None:
    def advance(self: Internals) -> None:
        held = [self._raft.match_index(peer) for peer in self._raft.peers]
        held = sorted([*held, self._journal.durable_index], reverse=True)
        self._raft.commit_index = max(self._raft.commit_index, held[self._settings.majority - 1])

    patch.setattr(Replication, "advance_commit", advance)


def store_the_commit_index(patch: Patch) -> None:
    patch.setattr(Journal, "getRaftCommitIndex", lambda self: self.last_index)


def send_without_a_window(patch: Patch) -> None:
    def window(self: Internals, node_id: int, next_index: int) -> object:
        if next_index > self._journal.last_index:
            return []
        return self._journal.batch(next_index, self._settings.batch_bytes)

    patch.setattr(Replication, "_window", window)


def count_votes_twice(patch: Patch) -> None:
    def on_vote(self: Internals, source: int, vote: Vote) -> None:
        self._raft.deliver(source, {"type": "response_vote", "term": vote.term})

    patch.setattr(Election, "on_vote", on_vote)


def hear_observers(patch: Patch) -> None:
    def receive(self: Internals, now: float, source: int, message: Message) -> None:
        self._set_now(now)
        self._receive(now, source, message)

    patch.setattr(RaftCore, "receive", receive)


def wait_on_fresh_journals(patch: Patch) -> None:
    patch.setattr(Election, "hasten", lambda self, now: None)


@dataclass(frozen=True)
class Mutant:
    """A rule broken, and the test that says so."""

    override: int
    break_rule: Callable[[Patch], None]
    test: Callable[[], object]


MUTANTS = [
    Mutant(
        1,
        commit_what_the_leader_says,
        test_replication.test_a_follower_commits_only_what_it_verified,
    ),
    Mutant(
        2,
        count_answers_of_any_term,
        test_replication.test_an_acknowledgement_of_another_term_does_not_count,
    ),
    Mutant(
        3,
        cut_after_the_previous_entry,
        test_replication.test_a_follower_never_cuts_what_the_leader_has_too,
    ),
    Mutant(4, store_no_vote, test_elections.test_a_node_votes_once_per_term_even_after_a_restart),
    Mutant(
        4,
        acknowledge_before_the_write,
        lambda: crashes.test_what_was_acknowledged_survives_death_before_any_operation(0, False),
    ),
    Mutant(
        4,
        sync_nothing,
        lambda: crashes.test_what_was_acknowledged_survives_death_before_any_operation(0, True),
    ),
    Mutant(
        4,
        take_all_damage_for_torn,
        lambda: test_journal_files.test_a_flipped_bit_is_damage_even_in_the_last_frame(
            "first frame"
        ),
    ),
    Mutant(
        4,
        take_what_was_read_for_durable,
        test_journal_files.test_what_a_killed_process_left_unsynced_is_durable_before_it_counts,
    ),
    Mutant(
        5,
        trim_before_the_snapshot,
        test_snapshots.test_the_log_is_trimmed_only_behind_a_durable_snapshot,
    ),
    Mutant(
        5,
        start_empty_from_a_bad_snapshot,
        test_snapshots.test_a_damaged_snapshot_refuses_to_start,
    ),
    Mutant(
        5,
        count_any_folder,
        test_electorate.test_a_wiped_voter_and_a_lagging_one_never_elect,
    ),
    Mutant(
        5,
        seat_what_waits_in_the_log,
        test_electorate.test_a_seat_does_not_count_while_its_readmission_waits,
    ),
    Mutant(
        5,
        form_without_asking_all,
        test_electorate.test_a_fresh_voter_votes_only_after_it_has_met_all_voters,
    ),
    Mutant(
        5,
        form_with_whoever_has_no_list,
        test_electorate.test_a_voter_that_helped_one_formation_takes_part_in_no_other,
    ),
    Mutant(
        5,
        keep_the_position_of_another_folder,
        test_electorate.test_a_leader_takes_a_wiped_voter_for_empty,
    ),
    Mutant(6, believe_every_field, lambda: test_messages.test_every_field_is_checked(Vote(7))),
    Mutant(7, allow_membership_changes, test_pinned.test_membership_cannot_change),
    Mutant(8, back_track_one_by_one, test_replication.test_back_tracking_skips_whole_terms),
    Mutant(
        8, follow_every_reset, test_replication.test_a_stale_reset_does_not_move_a_follower_back
    ),
    Mutant(
        9,
        campaign_without_asking,
        test_elections.test_a_node_that_was_cut_off_burns_no_terms_and_unseats_nobody,
    ),
    Mutant(9, lead_without_a_majority, test_elections.test_a_leader_without_a_majority_steps_down),
    Mutant(
        9,
        vote_against_a_living_leader,
        test_elections.test_voters_that_hear_a_leader_ignore_candidates,
    ),
    Mutant(9, read_without_asking, test_reads.test_a_deposed_leader_answers_no_read),
    Mutant(10, go_on_after_a_failed_apply, test_proposals.test_a_failing_apply_is_fatal),
    Mutant(
        11,
        forget_who_waits,
        test_proposals.test_a_proposal_of_a_deposed_leader_has_an_unknown_outcome,
    ),
    Mutant(11, apply_repetitions, test_proposals.test_a_repeated_proposal_is_applied_once),
    Mutant(
        12,
        count_what_is_not_durable,
        test_replication.test_a_leader_counts_itself_only_when_its_entry_is_durable,
    ),
    Mutant(
        12,
        commit_older_terms_by_counting,
        test_replication.test_an_entry_of_an_older_term_is_not_committed_by_counting,
    ),
    Mutant(12, store_the_commit_index, test_replication.test_the_commit_index_is_not_stored),
    Mutant(12, send_without_a_window, test_replication.test_a_peer_gets_a_bounded_window),
    Mutant(12, count_votes_twice, test_elections.test_a_vote_that_arrives_twice_counts_once),
    Mutant(12, hear_observers, test_elections.test_an_observer_neither_leads_nor_votes),
    Mutant(
        12,
        wait_on_fresh_journals,
        test_elections.test_on_fresh_journals_the_lowest_connected_voter_campaigns_at_once,
    ),
]


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda mutant: f"{mutant.override} {mutant.break_rule.__name__}"
)
def test_a_broken_rule_is_noticed(mutant: Mutant, monkeypatch: Patch) -> None:
    mutant.break_rule(monkeypatch)
    with pytest.raises((AssertionError, DamagedDisk, pytest.fail.Exception)):
        mutant.test()


def test_every_override_has_a_mutant() -> None:
    assert {mutant.override for mutant in MUTANTS} == set(range(1, 13))

"""Entries from the leader to its followers, and the commit index.

PySyncObj keeps each peer's next and match index and does the follower's bookkeeping; what
reaches it is first reduced to what is safe:

- a leader counts its own entries only when they are durable, and commits by counting only
  entries of its own term (Raft 5.4.2);
- a follower commits only what it verified, and cuts only what the leader contradicts;
- answers of another term, and resets below what a follower is known to hold, are ignored.
"""

from __future__ import annotations

from metadata.raft.election import Election
from metadata.raft.electorate import Electorate
from metadata.raft.journal import Journal
from metadata.raft.messages import AppendAnswer, AppendEntries, StaleTerm
from metadata.raft.outbox import Outbox
from metadata.raft.reads import Reads
from metadata.raft.replay import Entry
from metadata.raft.settings import RaftSettings
from metadata.raft.snapshots import SnapshotSender
from metadata.raft.upstream import Upstream


class Replication:
    """One node's part in replication, as leader and as follower."""

    def __init__(
        self,
        settings: RaftSettings,
        raft: Upstream,
        journal: Journal,
        outbox: Outbox,
        election: Election,
        reads: Reads,
        snapshots: SnapshotSender,
        electorate: Electorate,
    ) -> None:
        self._settings = settings
        self._raft = raft
        self._journal = journal
        self._outbox = outbox
        self._election = election
        self._reads = reads
        self._snapshots = snapshots
        self._electorate = electorate
        self._told_commit_index = 0
        self._sent_last_index = 0
        self._leader_round: tuple[int, int] = (0, 0)

    # Leader.

    def send_due(self, now: float) -> None:
        """Send what peers do not have yet; to all of them if a heartbeat is due."""
        raft = self._raft
        told = self._told_commit_index == raft.commit_index
        if now >= raft.heartbeat_deadline or not told:
            self.send_all(now)
        elif self._sent_last_index != self._journal.last_index:
            for node_id in raft.connected:
                self.send(now, node_id)
        self._sent_last_index = self._journal.last_index

    def send_all(self, now: float) -> None:
        """Send to every connected node, with or without entries."""
        raft = self._raft
        raft.heartbeat_deadline = now + self._settings.heartbeat_s
        self._told_commit_index = raft.commit_index
        for node_id in raft.connected:
            self.send(now, node_id, heartbeat=True)

    def send(self, now: float, node_id: int, *, heartbeat: bool = False) -> None:
        """Send entries from the node's next index on, as far as its window allows."""
        raft, journal = self._raft, self._journal
        if not raft.follows(node_id):
            return
        while True:
            next_index = raft.next_index(node_id)
            if next_index <= journal.base_index:
                self._snapshots.send(now, node_id)
                if heartbeat:
                    self._send_entries(node_id, journal.base_index, [])
                return
            entries = self._window(node_id, next_index)
            if not entries and not heartbeat:
                return
            self._send_entries(node_id, next_index - 1, entries)
            heartbeat = False
            raft.set_next_index(node_id, next_index + len(entries))

    def _window(self, node_id: int, next_index: int) -> list[Entry]:
        unanswered = next_index - self._raft.match_index(node_id)
        if next_index > self._journal.last_index or unanswered > self._settings.window_entries:
            return []
        return self._journal.batch(next_index, self._settings.batch_bytes)

    def _send_entries(self, node_id: int, previous_index: int, entries: list[Entry]) -> None:
        raft = self._raft
        previous_term = self._journal.term_at(previous_index)
        assert previous_term is not None
        message = AppendEntries(
            raft.term,
            raft.commit_index,
            previous_index,
            previous_term,
            entries,
            self._reads.round,
        )
        self._outbox.send(node_id, message)

    def advance_commit(self) -> None:
        """Commit what a majority holds durably, if it is of this term."""
        raft, journal = self._raft, self._journal
        counts = self._electorate.counts
        held = [raft.match_index(peer) if counts(peer) else 0 for peer in raft.peers]
        held.append(min(journal.durable_index, journal.last_index))
        held.sort(reverse=True)
        index = held[self._settings.majority - 1]
        if index > raft.commit_index and journal.term_at(index) == raft.term:
            raft.commit_index = index

    def on_append_answer(self, now: float, source: int, answer: AppendAnswer) -> None:
        """Note a follower's position, and send what comes next."""
        raft = self._raft
        if not raft.is_leader or answer.term != raft.term or not raft.follows(source):
            return
        before = raft.next_index(source)
        next_index = min(answer.next_index, self._journal.last_index + 1)
        if answer.reset or not answer.success:
            next_index = max(next_index, raft.match_index(source) + 1)
        raft.deliver(
            source,
            {
                "type": "next_node_idx",
                "next_node_idx": next_index,
                "reset": answer.reset,
                "success": answer.success,
            },
        )
        if answer.success:
            raft.set_next_index(source, max(before, next_index))
            self._snapshots.caught_up(source, next_index)
        if self._electorate.counts(source):
            self._reads.confirm(source, answer.read_round)
        if source in raft.connected:
            self.send(now, source)

    def transfer(self) -> None:
        """Ask a follower that counts and holds everything to take over, if there is one."""
        raft, last_index = self._raft, self._journal.last_index
        for peer in raft.peers:
            reached = peer in raft.connected and raft.match_index(peer) == last_index
            if reached and self._electorate.counts(peer):
                raft.transfer_to(peer)
                return

    # Follower.

    def on_append_entries(self, now: float, source: int, message: AppendEntries) -> None:
        """Take what is new of the leader's entries; everything else is PySyncObj's."""
        if message.term < self._raft.term:
            self._outbox.send(source, StaleTerm(self._raft.term))
            return
        reduced = self._without_known(message)
        if reduced is None:
            return
        previous_index, previous_term, entries = reduced
        self._election.note_leader(now)
        self._leader_round = (message.term, message.read_round)
        contradicts = bool(entries) and entries[0][1] <= self._journal.last_index
        self._journal.expect_conflict(entries[0][1] if contradicts else None)
        self._journal.committed_index = self._raft.commit_index
        verified = message.previous_index + len(message.entries)
        self._raft.deliver(
            source,
            {
                "type": "append_entries",
                "term": message.term,
                "commit_index": min(message.commit_index, verified),
                "prevLogIdx": previous_index,
                "prevLogTerm": previous_term,
                "entries": entries,
            },
        )
        self._journal.expect_conflict(None)

    def _without_known(self, message: AppendEntries) -> tuple[int, int, list[Entry]] | None:
        """Drop the entries that are held already; None if the rest starts beyond the base."""
        journal, entries = self._journal, message.entries
        previous_index, previous_term = message.previous_index, message.previous_term
        if previous_index < journal.base_index:  # a snapshot covers it, so it was committed
            base_term = journal.term_at(journal.base_index)
            assert base_term is not None
            entries = [entry for entry in entries if entry[1] > journal.base_index]
            previous_index, previous_term = journal.base_index, base_term
            if entries and entries[0][1] != previous_index + 1:
                return None
        known = 0
        for _, index, term in entries:
            if journal.term_at(index) != term:
                break
            previous_index, previous_term = index, term
            known += 1
        return previous_index, previous_term, entries[known:]

    def answer(self, node_id: int, message: dict[str, object]) -> None:
        """Send PySyncObj's answer to entries, with the term and the read round it lacks."""
        next_index, reset, success = (message[k] for k in ("next_node_idx", "reset", "success"))
        assert isinstance(next_index, int)
        if reset and not success:
            next_index = self._back_track(next_index)
        answer = AppendAnswer(
            self._raft.term, next_index, bool(reset), bool(success), self.leader_round()
        )
        self._outbox.send(node_id, answer)

    def leader_round(self) -> int:
        """Return the newest read round that this term's leader sent."""
        term, read_round = self._leader_round
        return read_round if term == self._raft.term else 0

    def _back_track(self, index: int) -> int:
        """Skip the whole term of an entry that the leader does not have there."""
        journal = self._journal
        if index > journal.last_index:
            return index
        term = journal.term_at(index)
        floor = max(self._raft.commit_index, journal.base_index)
        while index - 1 > floor and journal.term_at(index - 1) == term:
            index -= 1
        return index

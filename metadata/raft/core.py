"""One node of the quorum: state and events in, messages, records and jobs out.

No I/O and no clock: the pump gives the time with every event, carries messages, writes what
is staged, and says when it is durable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from metadata.errors import NotController, NotReadmitted
from metadata.raft import messages, pinned
from metadata.raft.commands import NO_OP, RequestId
from metadata.raft.election import Election
from metadata.raft.electorate import Electorate
from metadata.raft.frames import Record
from metadata.raft.identity import Seats
from metadata.raft.journal import ENTRY_OVERHEAD_BYTES, Journal
from metadata.raft.messages import Message
from metadata.raft.outbox import Addressed, Outbox
from metadata.raft.proposals import ProposalDone, Proposals
from metadata.raft.reads import ReadDone, Reads
from metadata.raft.replication import Replication
from metadata.raft.settings import RaftSettings
from metadata.raft.snapshot_file import DamagedSnapshot, Snapshot, decode
from metadata.raft.snapshots import Content, SnapshotReceiver, SnapshotSender
from metadata.raft.status import CaughtUp, RaftStatus, ReplicaStatus
from metadata.raft.upstream import Post, Role, Upstream
from metadata.state_machine import StateMachine
from raftkafka.types import ZERO_ID, Randomness


class SaveSnapshot(NamedTuple):
    """Job: write the state after ``last_index``; ``RaftCore.snapshot_saved`` follows."""

    last_index: int
    term: int
    sessions: list[object]
    seats: Seats
    chunks: Iterable[bytes]


class InstallSnapshot(NamedTuple):
    """Job: write a leader's snapshot; ``RaftCore.snapshot_installed`` follows, nothing between."""

    source: int
    term: int
    snapshot: Snapshot
    content: bytes


class LoadSnapshot(NamedTuple):
    """Job: read the snapshot file; ``RaftCore.snapshot_loaded`` follows."""


Job = SaveSnapshot | InstallSnapshot | LoadSnapshot


class RaftCore:
    """A voter or an observer."""

    def __init__(
        self,
        settings: RaftSettings,
        directory_id: bytes,
        journal: Journal,
        snapshot: Snapshot | None,
        machine: StateMachine,
        random: Randomness,
        now: float,
    ) -> None:
        self.settings = settings
        self.journal = journal
        self._machine = machine
        self._random = random
        self._now = pinned.CLOCK.now = now
        self._outbox = Outbox()
        self._reads = Reads(settings.majority)
        self._announced_term: int | None = None
        self._jobs: list[Job] = []
        self._snapshot_busy = False
        self._load_wanted = False
        self._applied_bytes = 0
        self._snapshot_bytes = 0
        self._caught_up = CaughtUp()
        self._receiver = SnapshotReceiver()
        self._raft = raft = Upstream(
            settings, journal, Post(self._on_post), self._timeout, self._on_role, self._send_all
        )
        self._electorate = electorate = Electorate(
            settings, directory_id, raft, journal, self._outbox
        )
        self._proposals = Proposals(journal, machine, electorate.on_readmission)
        self._election = Election(settings, raft, journal, self._outbox, self._timeout, electorate)
        self._sender = SnapshotSender(settings, raft, journal, self._outbox, self._want_content)
        self._replication = Replication(
            settings,
            raft,
            journal,
            self._outbox,
            self._election,
            self._reads,
            self._sender,
            electorate,
        )
        if snapshot is not None:
            self._restore(snapshot)
        if settings.is_alone:
            raft.election_deadline = now

    # Views.

    @property
    def term(self) -> int:
        """Newest term seen."""
        return self._raft.term

    @property
    def role(self) -> Role:
        """Follower, candidate or leader."""
        return self._raft.role

    @property
    def leader_id(self) -> int | None:
        """The term's leader as far as known."""
        return self._raft.leader_id

    @property
    def leader_term(self) -> int | None:
        """The term in which this node leads and accepts proposals."""
        return self._announced_term

    @property
    def commit_index(self) -> int:
        """Newest entry known to be committed."""
        return self._raft.commit_index

    @property
    def applied_index(self) -> int:
        """Newest entry applied here."""
        return self._raft.applied_index

    @property
    def has_work(self) -> bool:
        """Whether committed entries wait to be applied: the next tick is due now."""
        return self.applied_index < self.commit_index

    @property
    def is_shut_out(self) -> bool:
        """Whether this voter came with another folder than the quorum knows: it has no vote."""
        return self._electorate.is_shut_out

    def next_deadline(self) -> float:
        """When a tick is due even if nothing happens; a lone leader has nothing to wait for."""
        raft = self._raft
        if raft.is_leader:
            return raft.heartbeat_deadline if raft.connected or raft.peers else float("inf")
        return raft.election_deadline if self.settings.is_voter else float("inf")

    def status(self, now: float) -> RaftStatus:
        """Return what this node knows of the quorum."""
        raft = self._raft
        newcomers = self._electorate.newcomers()
        voters = tuple(
            ReplicaStatus(voter, None, None, None, self._electorate.seat(voter) or ZERO_ID)
            if voter in newcomers
            else self._replica(voter, now)
            for voter in sorted(self.settings.voters)
        )
        observers = tuple(self._replica(node_id, now) for node_id in (*raft.observers, *newcomers))
        return RaftStatus(raft.leader_id, raft.term, raft.commit_index + 1, voters, observers)

    def _replica(self, node_id: int, now: float) -> ReplicaStatus:
        raft = self._raft
        folder = self._electorate.folder(node_id) or self._electorate.seat(node_id) or ZERO_ID
        if node_id == self.settings.node_id:
            current = 0.0 if raft.is_leader else None
            end = self.journal.last_index + 1
            return ReplicaStatus(node_id, end, current, current, folder)
        if not raft.is_leader or not raft.follows(node_id):
            return ReplicaStatus(node_id, None, None, None, folder)
        heard, caught_up = raft.last_response(node_id), self._caught_up.time(node_id)
        return ReplicaStatus(
            node_id,
            raft.match_index(node_id) + 1,
            None if heard is None else now - heard,
            None if caught_up is None else now - caught_up,
            folder,
        )

    # Events.

    def receive(self, now: float, source: int, message: Message) -> None:
        """Take a message from a peer."""
        self._set_now(now)
        # An observer only answers; it never leads and never votes.
        is_answer = isinstance(message, messages.AppendAnswer | messages.SnapshotAnswer)
        may_answer = is_answer and source in self._raft.observers
        if source in self.settings.voters or may_answer:
            self._receive(now, source, message)

    def _receive(self, now: float, source: int, message: Message) -> None:
        match message:
            case messages.AppendEntries():
                self._replication.on_append_entries(now, source, message)
            case messages.AppendAnswer():
                self._on_append_answer(now, source, message)
            case messages.PreVote():
                self._election.on_pre_vote(now, source, message)
            case messages.PreVoteAnswer():
                self._election.on_pre_vote_answer(now, source, message)
            case messages.RequestVote():
                self._election.on_request_vote(now, source, message)
            case messages.Vote():
                self._election.on_vote(source, message)
            case messages.SnapshotChunk():
                self._on_snapshot_chunk(now, source, message)
            case messages.SnapshotAnswer():
                self._on_snapshot_answer(now, source, message)
            case messages.StaleTerm():
                self._election.on_stale_term(message)
            case messages.TimeoutNow():
                self._election.on_timeout_now(source, message)
            case messages.Seating():
                self._on_seating(now, source, message)

    def _on_seating(self, now: float, source: int, message: messages.Seating) -> None:
        if self.settings.is_voter:
            self._electorate.on_seating(source, message)
            self._election.hasten(now)

    def _on_append_answer(self, now: float, source: int, answer: messages.AppendAnswer) -> None:
        self._replication.on_append_answer(now, source, answer)
        if answer.success and answer.term == self._raft.term and self._raft.is_leader:
            held = answer.next_index - 1
            self._caught_up.note(source, now, held, self.journal.last_index)

    def tick(self, now: float) -> None:
        """Do everything that is due: elect, commit, apply, send, ask for a snapshot."""
        self._set_now(now)
        self._election.tick(now)
        if self._raft.is_leader:
            self._replication.advance_commit()
        self._apply_slice()
        if self._raft.is_leader:
            self._reads.finish(self.applied_index)
            self._replication.send_due(now)
        self._maybe_snapshot()

    def excuse(self, late_s: float) -> None:
        """The process woke up late: move the deadlines that measure others' silence."""
        self._election.excuse(late_s)

    def connected(
        self, now: float, node_id: int, directory_id: bytes, *, observer: bool = False
    ) -> None:
        """A channel to a node is open; its handshake told the id of the node's folder."""
        self._set_now(now)
        self._sender.forget(node_id)
        self._raft.connect(node_id, observer=observer)
        if self._electorate.connected(node_id, directory_id):
            self._raft.forget_position(node_id)

    def disconnected(self, now: float, node_id: int, *, observer: bool = False) -> None:
        """The channel to a node is closed."""
        self._set_now(now)
        self._sender.forget(node_id)
        self._raft.disconnect(node_id, observer=observer)
        self._electorate.disconnected(node_id)

    # What the pump carries out.

    def take_early(self) -> list[Addressed]:
        """Messages that may leave now."""
        return self._outbox.take_early()

    def take_late(self) -> list[Addressed]:
        """Messages that may leave when the records taken in the same step are durable."""
        return self._outbox.take_late()

    def take_staged(self) -> list[Record]:
        """Records to write as one frame."""
        return self.journal.take_staged()

    def mark_durable(self) -> None:
        """The records last taken are durable."""
        self.journal.mark_durable()

    def take_jobs(self) -> list[Job]:
        """Work on the snapshot file."""
        jobs, self._jobs = self._jobs, []
        return jobs

    # Proposals and reads.

    def propose(
        self, now: float, command: bytes, term: int, done: ProposalDone, request: RequestId | None
    ) -> None:
        """Append a command that was built in ``term``; ``done`` hears what became of it.

        Raises:
            NotController: this node does not lead in that term; nothing was appended.
        """
        self._set_now(now)
        if term != self._announced_term:
            raise NotController(f"term {term} is not led here")
        self._proposals.append(command, term, done, request)

    def read(self, now: float, done: ReadDone) -> None:
        """Confirm leadership; ``done`` gets an index that covers all acknowledged before.

        Raises:
            NotController: this node does not lead.
        """
        self._set_now(now)
        if self._announced_term is None:
            raise NotController("not led here")
        self._reads.begin(self.commit_index, done)
        self._raft.heartbeat_deadline = now
        self._reads.finish(self.applied_index)

    def transfer_leadership(self, now: float) -> None:
        """Ask a follower that holds everything to take over, if there is one."""
        self._set_now(now)
        if self._raft.is_leader:
            self._replication.transfer()

    def readmit(self, now: float, voter: int, done: ProposalDone) -> None:
        """Seat the folder that a voter came back with; ``done`` hears what became of it.

        Raises:
            NotController: this node does not lead.
            NotReadmitted: no such voter, or it is not connected, or has not caught up yet.
        """
        self._set_now(now)
        if self._announced_term is None:
            raise NotController("not led here")
        folder, is_self = self._electorate.folder(voter), voter == self.settings.node_id
        if voter not in self.settings.voters:
            raise NotReadmitted(f"node {voter} is no voter")
        if folder is None or not (is_self or voter in self._raft.connected):
            raise NotReadmitted(f"node {voter} is not connected: start it first")
        if is_self or self._electorate.counts(voter):
            raise NotReadmitted(f"node {voter} has its vote: there is nothing to readmit")
        if self._raft.match_index(voter) < self.commit_index:
            raise NotReadmitted(f"node {voter} has not caught up yet: try again in a while")
        self._proposals.readmit(voter, folder, self._announced_term, done)

    # Applying.

    def _apply_slice(self) -> None:
        raft = self._raft
        self.journal.committed_index = raft.commit_index
        stop = min(raft.commit_index, raft.applied_index + self.settings.apply_slice)
        while raft.applied_index < stop:
            held, index, term = self.journal.entry(raft.applied_index + 1)
            self._proposals.apply(held, index, term)
            raft.applied_index = index
            self._applied_bytes += len(held) + ENTRY_OVERHEAD_BYTES
            if held == NO_OP and raft.is_leader and term == raft.term:
                self._announced_term = term
                self._machine.on_leader(term)

    # Snapshots.

    def snapshot_saved(self, index: int, size_bytes: int) -> int:
        """The snapshot at ``index`` is durable; return the index that the log starts after."""
        self._snapshot_busy = False
        self._snapshot_bytes = size_bytes
        kept_after = min(index, self.journal.last_index - self.settings.retained_entries)
        self.journal.trim(kept_after)
        return self.journal.base_index

    def snapshot_installed(self, now: float, job: InstallSnapshot) -> int:
        """A leader's snapshot is durable here; return the index that the log starts after."""
        self._set_now(now)
        self._snapshot_busy = False
        if job.snapshot.last_index > self.commit_index:
            self._restore(job.snapshot)
        if self._raft.term == job.term and not self._raft.is_leader:
            self._answer_snapshot(job.source)
        return self.journal.base_index

    def snapshot_loaded(self, index: int, content: bytes) -> None:
        """The snapshot file was read, to be sent to peers."""
        self._load_wanted = False
        if self._raft.is_leader:
            self._sender.loaded(Content(index, content))

    def _restore(self, snapshot: Snapshot) -> None:
        self._proposals.restore(snapshot)
        self._electorate.restore(snapshot.seats)
        self.journal.start_after(snapshot.last_index, snapshot.term)
        self._raft.applied_index = self._raft.commit_index = snapshot.last_index
        self._applied_bytes = 0
        self._snapshot_bytes = len(snapshot.state)

    def _maybe_snapshot(self) -> None:
        limit = max(self.settings.snapshot_every_bytes, self._snapshot_bytes)
        if self._snapshot_busy or self._applied_bytes < limit:
            return
        index = self.applied_index
        term = self.journal.term_at(index)
        assert term is not None
        self._snapshot_busy = True
        self._applied_bytes = 0
        state = self._machine.snapshot()
        chunks = (state,) if isinstance(state, bytes) else state
        sessions, seats = self._proposals.encode_sessions(), self.journal.seats
        self._jobs.append(SaveSnapshot(index, term, sessions, seats, chunks))

    def _want_content(self) -> None:
        if not self._load_wanted:
            self._load_wanted = True
            self._jobs.append(LoadSnapshot())

    def _on_snapshot_chunk(self, now: float, source: int, chunk: messages.SnapshotChunk) -> None:
        raft = self._raft
        if chunk.term < raft.term:
            self._outbox.send(source, messages.StaleTerm(raft.term))
            return
        if chunk.term > raft.term or self._snapshot_busy:
            return  # entries of that term come first; the chunk is sent again
        self._election.note_leader(now)
        self._election.postpone(now)
        if chunk.last_index <= self.commit_index:
            self._answer_snapshot(source)
            return
        taken = self._receiver.take(chunk)
        if isinstance(taken, int):
            round_ = self._replication.leader_round()
            answer = messages.SnapshotAnswer(raft.term, chunk.last_index, taken, round_)
            self._outbox.send(source, answer)
            return
        try:
            snapshot = decode(taken)
        except DamagedSnapshot:
            return  # the leader sends it again from the start
        if frozenset(snapshot.voters) != self.settings.voters:
            return  # of another quorum
        self._snapshot_busy = True
        self._jobs.append(InstallSnapshot(source, chunk.term, snapshot, taken))

    def _answer_snapshot(self, source: int) -> None:
        answer = {"next_node_idx": self.commit_index + 1, "reset": True, "success": True}
        self._replication.answer(source, {"type": "next_node_idx", **answer})

    def _on_snapshot_answer(self, now: float, source: int, answer: messages.SnapshotAnswer) -> None:
        raft = self._raft
        if not raft.is_leader or answer.term != raft.term:
            return
        raft.note_response(source, now)
        if self._electorate.counts(source):
            self._reads.confirm(source, answer.read_round)
        self._sender.on_answer(now, source, answer)

    # What PySyncObj calls back.

    def _on_post(self, node_id: int, message: dict[str, object]) -> None:
        match message["type"]:
            case "next_node_idx":
                self._replication.answer(node_id, message)
            case "response_vote":
                self._outbox.send(node_id, messages.Vote(self._raft.term))
            case "timeout_now":
                self._outbox.send(node_id, messages.TimeoutNow(self._raft.term))
            case kind:
                raise AssertionError(f"PySyncObj sends {kind}")

    def _on_role(self, old: Role, new: Role) -> None:
        if old is not Role.LEADER:
            return
        self._election.postpone(self._now)
        self._sender.forget_all()
        self._caught_up.clear()
        self._reads.fail()
        self._proposals.fail()
        if self._announced_term is not None:
            self._announced_term = None
            self._machine.on_leader(None)

    def close(self) -> None:
        """Tell all that wait that nobody can tell."""
        self._reads.fail()
        self._proposals.fail()

    def _send_all(self) -> None:
        self._replication.send_all(self._now)

    def _timeout(self) -> float:
        shortest, longest = (
            self.settings.election_timeout_min_s,
            self.settings.election_timeout_max_s,
        )
        return shortest + (longest - shortest) * self._random.random()

    def _set_now(self, now: float) -> None:
        self._now = pinned.CLOCK.now = now

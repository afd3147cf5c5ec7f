"""A few nodes of a quorum without time or network: a test moves both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from random import Random

from metadata.errors import UnknownOutcome
from metadata.raft.commands import RequestId
from metadata.raft.core import RaftCore
from metadata.raft.folder import QuorumFolder
from metadata.raft.identity import Seat
from metadata.raft.messages import Message
from metadata.raft.pump import Pump
from metadata.raft.settings import RaftSettings
from tests.sim.quorum.node import EventDisk

FOLDER = "/meta"
SEGMENT_BYTES = 4096
SETTINGS = RaftSettings(1, frozenset({1}), snapshot_every_bytes=1 << 30, retained_entries=0)


class Machine:
    """Keeps what was applied."""

    def __init__(self) -> None:
        self.applied: list[bytes] = []
        self.terms: list[int | None] = []
        self.error: Exception | None = None

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Keep a command."""
        del index, term
        if self.error is not None:
            raise self.error
        self.applied.append(command)

    def snapshot(self) -> bytes:
        """Return all commands."""
        return b"\n".join(self.applied)

    def restore(self, snapshot: bytes) -> None:
        """Take all commands."""
        self.applied = snapshot.split(b"\n") if snapshot else []

    def on_leader(self, term: int | None) -> None:
        """Keep the term."""
        self.terms.append(term)


class Node:
    """One node; its disk outlives restarts."""

    def __init__(self, bench: Bench, settings: RaftSettings) -> None:
        self.bench = bench
        self.settings = settings
        self.node_id = settings.node_id
        self.disk = bench.disk_type(Random(settings.node_id))
        self.outcomes: list[int | UnknownOutcome] = []
        self.start()

    def start(self) -> None:
        """Open the folder."""
        self.machine = Machine()
        self.folder = QuorumFolder(self.disk, FOLDER, self.settings, SEGMENT_BYTES)
        recovered = self.folder.open(self.bench.random.randbytes(16))
        self.identity = recovered.identity
        self.journal = recovered.journal
        self.core = RaftCore(
            self.settings,
            recovered.identity.directory_id,
            recovered.journal,
            recovered.snapshot,
            self.machine,
            Random(self.node_id),
            self.bench.now,
        )
        send = partial(self.bench.send, self.node_id)
        self.pump = Pump(self.core, self.folder, send, lambda: self.bench.now)

    def restart(self, *, power_loss: bool = False, connected: bool = True) -> None:
        """Kill it and start again."""
        self.disk = self.disk.after_power_loss() if power_loss else self.disk.after_kill()
        self.start()
        if connected:
            self.bench.reconnect(self.node_id)

    def wipe(self) -> None:
        """Start again with an empty folder, and channels to all others."""
        self.bench.take(self.node_id)  # channels end with the process
        for there in self.bench:
            if there != self.node_id:
                self.bench[there].core.disconnected(self.bench.now, self.node_id)
        self.disk = self.bench.disk_type(Random(self.node_id))
        self.start()
        for there in self.bench:
            if there != self.node_id:
                self.bench.connect(self.node_id, there)

    def readmit(self, voter: int) -> None:
        """Ask for a voter's readmission; ``outcomes`` gets the outcome."""
        self.core.readmit(self.bench.now, voter, self.outcomes.append)
        self.step()

    def step(self) -> None:
        """Do what is due now, with a disk that takes no time."""
        while True:
            for work in self.pump.step():
                work()
            for save in self.pump.take_saves():
                folder, chunks = self.folder, list(save.chunks)
                size = folder.save_snapshot(
                    save.last_index, save.term, save.sessions, save.seats, chunks
                )
                self.pump.saved(save.last_index, size)
            if not self.pump.is_due:
                return

    def receive(self, source: int, message: Message) -> None:
        """Take a message and do what follows."""
        self.pump.deliver(source, message)
        self.step()

    def propose(self, command: bytes, request: RequestId | None = None) -> None:
        """Propose in the term that this node leads in; ``outcomes`` gets the outcome."""
        term = self.core.leader_term
        assert term is not None, "not a leader"
        self.core.propose(self.bench.now, command, term, self.outcomes.append, request)
        self.step()

    def log(self) -> list[tuple[int, int]]:
        """Return (index, term) of all held entries, after the base."""
        return [(index, term) for _, index, term in self.journal[1:]]


class Bench(dict[int, Node]):
    """Voters and observers by id; all messages wait until a test delivers or drops them."""

    disk_type: type[EventDisk] = EventDisk

    def __init__(
        self, voters: int, observers: Iterable[int] = (), *, formed: bool = True, **settings: int
    ) -> None:
        super().__init__()
        self.now = 1000.0
        self.random = Random(1)
        self.wire: list[tuple[int, int, Message]] = []
        ids = frozenset(range(1, voters + 1))
        base = replace(SETTINGS, voters=ids, **settings)
        for node_id in [*sorted(ids), *observers]:
            self[node_id] = Node(self, replace(base, node_id=node_id))
        if formed and voters > 1:
            self._form(ids)
        for here in self:
            for there in self:
                if here < there and (here in ids or there in ids):
                    self.connect(here, there)
        if formed and voters > 1:
            for node in self.values():
                node.step()
            self.take()
        self.hold_still()

    def _form(self, voters: frozenset[int]) -> None:
        """Let all voters know each other's folders from the start."""
        seats = {voter: Seat(self[voter].identity.directory_id, 0) for voter in voters}
        for voter in voters:
            self[voter].journal.set_seats(seats)

    def connect(self, one: int, other: int) -> None:
        """Open the channel between two nodes."""
        for here, there in ((one, other), (other, one)):
            directory_id = self[there].identity.directory_id
            is_observer = there not in self[here].settings.voters
            self[here].core.connected(self.now, there, directory_id, observer=is_observer)

    def reconnect(self, node_id: int) -> None:
        """Let a restarted node know the others' folders, without a message."""
        electorate = vars(self[node_id].core)["_electorate"]
        for there, node in self.items():
            if there != node_id:
                electorate.connected(there, node.identity.directory_id)
        vars(self[node_id].core)["_outbox"].take_late()

    def hold_still(self) -> None:
        """Put all election deadlines far away."""
        for node in self.values():
            node.core.excuse(1e9)

    def send(self, source: int, target: int, message: Message) -> None:
        """Keep a message."""
        self.wire.append((source, target, message))

    def take(
        self, source: int | None = None, target: int | None = None, kind: type | None = None
    ) -> list[tuple[int, int, Message]]:
        """Remove and return waiting messages."""
        taken = [
            entry
            for entry in self.wire
            if source in (None, entry[0])
            and target in (None, entry[1])
            and (kind is None or isinstance(entry[2], kind))
        ]
        self.wire = [entry for entry in self.wire if entry not in taken]
        return taken

    def deliver(self, messages: list[tuple[int, int, Message]]) -> None:
        """Let messages arrive."""
        for source, target, message in messages:
            self[target].receive(source, message)

    def flow(self, *links: tuple[int, int], rounds: int = 12) -> None:
        """Let time pass; messages on these links arrive (on all, if none is named)."""
        open_links = {frozenset(link) for link in links}
        for _ in range(rounds):
            self.now += 0.15
            for node in self.values():
                node.step()
            for source, target, message in self.take():
                if not links or frozenset((source, target)) in open_links:
                    self[target].receive(source, message)

    def campaign(self, node_id: int, *helpers: int) -> None:
        """Let a node's election time-out pass, and its helpers (all, if none) answer it."""
        self.now += 2.0  # so that nobody takes an earlier leader for alive
        node = self[node_id]
        node.core.excuse(-2e9)
        node.step()
        node.core.excuse(1e9)
        links = [(node_id, helper) for helper in helpers]
        for _ in range(6):
            for source, target, message in self.take():
                if not helpers or (source, target) in links or (target, source) in links:
                    self[target].receive(source, message)

    def elect(self, node_id: int, *helpers: int) -> None:
        """Make a node the leader, known as such to its helpers."""
        self.campaign(node_id, *helpers)
        assert self[node_id].core.leader_id == node_id, "not elected"

    def leaders(self) -> list[int]:
        """Return who believes to lead."""
        return [node_id for node_id, node in self.items() if node.core.leader_id == node_id]

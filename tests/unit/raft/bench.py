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
            recovered.journal,
            recovered.snapshot,
            self.machine,
            Random(self.node_id),
            self.bench.now,
        )
        send = partial(self.bench.send, self.node_id)
        self.pump = Pump(self.core, self.folder, send, lambda: self.bench.now)

    def restart(self, *, power_loss: bool = False) -> None:
        """Kill it and start again."""
        self.disk = self.disk.after_power_loss() if power_loss else self.disk.after_kill()
        self.start()

    def step(self) -> None:
        """Do what is due now, with a disk that takes no time."""
        while True:
            for work in self.pump.step():
                work()
            for save in self.pump.take_saves():
                folder, chunks = self.folder, list(save.chunks)
                size = folder.save_snapshot(save.last_index, save.term, save.sessions, chunks)
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

    def __init__(self, voters: int, observers: Iterable[int] = (), **settings: int) -> None:
        super().__init__()
        self.now = 1000.0
        self.random = Random(1)
        self.wire: list[tuple[int, int, Message]] = []
        ids = frozenset(range(1, voters + 1))
        base = replace(SETTINGS, voters=ids, **settings)
        for node_id in [*sorted(ids), *observers]:
            self[node_id] = Node(self, replace(base, node_id=node_id))
        for here in self.values():
            for there in self:
                if there != here.node_id and (here.node_id in ids or there in ids):
                    here.core.connected(self.now, there, observer=there not in ids)
        self.hold_still()

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

"""Nodes, the network between them, and clients that propose and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

import cbor2

from metadata.errors import NotController, NotReadmitted, UnknownOutcome
from metadata.raft.commands import RequestId
from metadata.raft.messages import Message, RequestVote, Vote, from_wire, to_wire
from metadata.raft.settings import RaftSettings
from raftkafka.errors import Malformed
from tests.sim.quorum.checks import ISOLATED_S, Checks, Violation
from tests.sim.quorum.node import Delays, EventDisk, Life
from tests.sim.quorum.world import World


@dataclass(slots=True)
class Network:
    """What happens to a message between two nodes."""

    cut: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """(from, to): nothing passes."""
    loss: float = 0.0
    duplication: float = 0.0
    garbled: float = 0.0
    """Part of the messages in which one field is something else."""
    shortest_s: float = 0.0005
    longest_s: float = 0.003


@dataclass(slots=True)
class Counts:
    """What a schedule exercised."""

    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    repeated: int = 0
    reads: int = 0
    crashes: int = 0
    wiped: int = 0
    readmitted: int = 0
    messages: int = 0
    garbled: int = 0
    installed: int = 0
    """Snapshots from a leader, in the last lives."""


class Cluster:
    """Voters 1 to n, observers from 101 on."""

    def __init__(self, seed: int, voters: int, observers: int = 1) -> None:
        self.world = World(seed)
        self.random = self.world.random
        self.checks = Checks()
        self.counts = Counts()
        self.network = Network()
        self.voters = list(range(1, voters + 1))
        self.observers = list(range(101, 101 + observers))
        self.everyone = self.voters + self.observers
        disk_random = Random(seed)
        self.delays = {node_id: Delays() for node_id in self.everyone}
        self.disks = {node_id: EventDisk(disk_random) for node_id in self.everyone}
        self.lives: dict[int, Life] = {}
        self.folders: dict[int, bytes] = {}
        """Directory id of each node's newest life."""
        self.wiped: set[int] = set()
        """Voters that wait for their readmission."""
        self._disk_random = disk_random
        self.on_acknowledged: Callable[[], None] = lambda: None
        """A fault that waits for the very moment after an acknowledgement."""
        self.proposals = 0
        self.waiting: dict[int, Life] = {}
        """Proposals without an answer: where they were made."""
        self.is_quiet = False
        """Clients and faults have stopped."""

    def acknowledged(self) -> None:
        """Something was acknowledged just now."""
        self.on_acknowledged()

    # Nodes.

    def settings(self, node_id: int) -> RaftSettings:
        """Small snapshots and windows, so that a short run meets all paths."""
        return RaftSettings(
            node_id,
            frozenset(self.voters),
            batch_bytes=1 << 14,
            window_entries=64,
            snapshot_chunk_bytes=512,
            snapshot_every_bytes=30_000,
            retained_entries=20,
            apply_slice=16,
        )

    def start(self, node_id: int) -> None:
        """Begin a life and connect it to all others."""
        if node_id in self.lives:
            return
        life = Life(
            self.world,
            self.checks,
            self.settings(node_id),
            self.disks[node_id],
            self.delays[node_id],
            partial(self.send, node_id),
            partial(self._fail, node_id),
        )
        self.folders[node_id] = life.directory_id
        self.world.note("start", node_id)
        for other_id in sorted(self.lives):
            self.disconnect(node_id, other_id)
        self.lives[node_id] = life
        for other_id in sorted(self.lives):
            self.connect(node_id, other_id)

    def crash(self, node_id: int, *, power_loss: bool) -> None:
        """End a life."""
        self.counts.crashes += 1
        life = self.lives.pop(node_id)
        self.disks[node_id] = life.crash(power_loss=power_loss)
        self.world.note("crash", node_id, power_loss)
        for other_id in sorted(self.lives):
            self.disconnect(node_id, other_id)

    def _fail(self, node_id: int) -> None:
        """A process ended itself; it is started again."""
        self.crash(node_id, power_loss=False)
        self.world.after(1.0, partial(self.start, node_id))

    def wipe(self, node_id: int) -> None:
        """Replace a node's disk by an empty one."""
        self.counts.wiped += 1
        self.disks[node_id] = EventDisk(self._disk_random)
        self.checks.terms.pop(node_id, None)
        if node_id in self.voters:
            self.wiped.add(node_id)
        self.world.note("wipe", node_id)

    def readmit(self) -> None:
        """Do what an operator does: ask the leader for every wiped voter, until it is done."""
        leader = self.leader()
        for voter in sorted(self.wiped):
            if leader is None or voter not in self.lives:
                continue
            folder = self.lives[voter].directory_id

            def done(outcome: int | UnknownOutcome, voter: int = voter, f: bytes = folder) -> None:
                if not isinstance(outcome, UnknownOutcome) and self.folders[voter] == f:
                    self.counts.readmitted += 1
                    self.wiped.discard(voter)

            try:
                leader.core.readmit(self.world.now, voter, done)
            except NotReadmitted as refusal:
                if "has its vote" in str(refusal):
                    self.wiped.discard(voter)
            except NotController:
                return
            leader.wake()

    def keep_readmitting(self) -> None:
        """Ask again and again."""
        self.readmit()
        self.world.after(1.0, self.keep_readmitting)

    def keep_watching_leaders(self) -> None:
        """Whoever leads hears of a majority."""
        for node_id in sorted(self.lives):
            life = self.lives[node_id]
            if life.core.leader_term is not None and life.awake_s > ISOLATED_S:
                self.checks.on_leading(node_id, self.world.now, life.core.settings.majority)
        self.world.after(1.0, self.keep_watching_leaders)

    def connect(self, one: int, other: int) -> None:
        """Open the channel between two nodes; observers have none between them."""
        for here, there in ((one, other), (other, one)):
            both_live = here in self.lives and there in self.lives
            if both_live and here != there and self._may_talk(here, there):
                is_observer = there in self.observers
                directory_id = self.lives[there].directory_id
                core = self.lives[here].core
                core.connected(self.world.now, there, directory_id, observer=is_observer)
                self.lives[here].wake()

    def disconnect(self, one: int, other: int) -> None:
        """Close it."""
        for here, there in ((one, other), (other, one)):
            if here in self.lives and here != there and self._may_talk(here, there):
                is_observer = there in self.observers
                self.lives[here].core.disconnected(self.world.now, there, observer=is_observer)
                self.lives[here].wake()

    def _may_talk(self, one: int, other: int) -> bool:
        return one in self.voters or other in self.voters

    def leader(self) -> Life | None:
        """Return the leader of the newest term."""
        leaders = [life for life in self.lives.values() if life.core.leader_term is not None]
        return max(leaders, key=lambda life: life.core.term, default=None)

    # Network.

    def send(self, source: int, target: int, message: Message) -> None:
        """Lose, double, delay or deliver a message."""
        network, random = self.network, self.random
        if isinstance(message, Vote):
            self.checks.on_vote(self.folders[source], message.term, target)
        elif isinstance(message, RequestVote):
            self.checks.on_vote(self.folders[source], message.term, source)
            if not message.transfer:
                majority = len(self.voters) // 2 + 1
                self.checks.on_campaign(source, message.term, majority)
        if (source, target) in network.cut or random.random() < network.loss:
            return
        content = to_wire(message)
        is_garbled = random.random() < network.garbled
        if is_garbled:
            content[random.randrange(len(content))] = random.choice([None, -1, "1", [[1, 2]]])
        frame = cbor2.dumps(content)
        folder = self.folders[source]
        for _ in range(2 if random.random() < network.duplication else 1):
            delay_s = random.uniform(network.shortest_s, network.longest_s)
            if random.random() < 0.02:
                delay_s *= random.choice([50, 1000])  # overtaken by many later ones
            arrive = self._arrive_garbled if is_garbled else self._arrive
            self.world.after(delay_s, partial(arrive, source, target, folder, frame))

    def _arrive_garbled(self, source: int, target: int, folder: bytes, frame: bytes) -> None:
        """No node takes it; the channel ends, and another one is opened."""
        try:
            self._arrive(source, target, folder, frame)
        except Malformed:
            self.counts.garbled += 1
            self.disconnect(source, target)
            self.connect(source, target)

    def _arrive(self, source: int, target: int, folder: bytes, frame: bytes) -> None:
        life = self.lives.get(target)
        if self.folders[source] != folder:
            return  # a channel proved another folder since; none delivers for the former one
        if life is not None and (source, target) not in self.network.cut:
            self.counts.messages += 1
            if source in self.voters:
                self.checks.on_heard(target, source, self.world.now)
            life.deliver(source, from_wire(cbor2.loads(frame)))

    def heal(self) -> None:
        """Let everything pass, everywhere, soon."""
        self.network.cut.clear()
        self.network.loss = self.network.duplication = self.network.garbled = 0.0
        self.network.shortest_s, self.network.longest_s = 0.0005, 0.003
        for delays in self.delays.values():
            delays.longest_s = 0.01

    def converged(self) -> bool:
        """Whether everyone has applied all that one leader has in its log."""
        leader = self.leader()
        if leader is None or len(self.lives) < len(self.everyone) or self.wiped:
            return False
        last_index = leader.core.journal.last_index
        return all(life.core.applied_index == last_index for life in self.lives.values())

    def settle(self, within_s: float) -> None:
        """Heal, start everyone, and demand convergence; then check the whole history."""
        self.is_quiet = True
        self.heal()
        for node_id in self.everyone:
            self.start(node_id)
        for one in self.everyone:
            for other in self.everyone:
                if one < other:
                    self.connect(one, other)
        if not self.world.run_until(self.world.now + within_s, self.converged):
            standing = {
                node_id: (life.core.role.name, life.core.term, life.core.applied_index)
                for node_id, life in self.lives.items()
            }
            raise Violation(f"no convergence within {within_s} s: {standing}")
        self.checks.at_end()
        if any(not life.is_dead for life in self.waiting.values()):
            raise Violation("a proposal was never answered")
        self.counts.installed = sum(
            life.machine.restored - life.restored_at_start for life in self.lives.values()
        )


class Client:
    """Proposes and reads, at the leader mostly; numbers its proposals and retries some."""

    def __init__(self, cluster: Cluster, client_id: int, gap_s: float) -> None:
        self._cluster = cluster
        self._client_id = client_id
        self._gap_s = gap_s
        self._number = 0
        self._session: int | None = None
        self._sequence = 0
        self.act()

    def act(self) -> None:
        """Do one thing, and again in a while."""
        cluster = self._cluster
        if cluster.is_quiet:
            return
        cluster.world.after(cluster.random.uniform(0, 2 * self._gap_s), self.act)
        life = self._some_node()
        if life is None:
            return
        if cluster.random.random() < 0.2:
            self._read(life)
        else:
            self._number += 1
            key = cluster.random.randrange(50)
            self._propose(life, cbor2.dumps([self._client_id, self._number, key]))
        life.wake()

    def _some_node(self) -> Life | None:
        cluster = self._cluster
        if cluster.random.random() < 0.8:
            return cluster.leader()
        lives = [cluster.lives[node_id] for node_id in sorted(cluster.lives)]
        return cluster.random.choice(lives) if lives else None

    def _propose(self, life: Life, command: bytes) -> None:
        cluster = self._cluster
        request = None
        if self._session is not None and cluster.random.random() < 0.5:
            request = RequestId(self._session, self._sequence)
            self._sequence += 1
        self._try(life, command, request)

    def _try(self, life: Life, command: bytes, request: RequestId | None) -> None:
        cluster = self._cluster

        cluster.proposals += 1
        number = cluster.proposals

        def done(outcome: int | UnknownOutcome) -> None:
            cluster.waiting.pop(number, None)
            if life.is_dead:
                return
            if isinstance(outcome, UnknownOutcome):
                cluster.counts.unknown += 1
                if request is not None:
                    again = partial(self._retry, command, request)
                    cluster.world.after(cluster.random.uniform(0, 1), again)
                return
            cluster.counts.acknowledged += 1
            cluster.world.note("acknowledged", outcome)
            cluster.checks.on_acknowledged(outcome, command)
            cluster.world.after(0.0, cluster.acknowledged)
            if self._session is None:
                self._session = outcome

        term = life.core.leader_term if life.core.leader_term is not None else life.core.term
        if cluster.random.random() < 0.02:
            term -= 1
        try:
            cluster.waiting[number] = life
            life.core.propose(cluster.world.now, command, term, done, request)
        except NotController:
            del cluster.waiting[number]
            cluster.counts.refused += 1

    def _retry(self, command: bytes, request: RequestId) -> None:
        life = self._cluster.leader()
        if life is not None:
            self._cluster.counts.repeated += 1
            self._try(life, command, request)
            life.wake()

    def _read(self, life: Life) -> None:
        cluster = self._cluster
        before = cluster.checks.newest_acknowledged()

        def done(index: int | None) -> None:
            if index is None or life.is_dead:
                return
            cluster.counts.reads += 1
            if index < before or life.core.applied_index < before:
                raise Violation(f"a read at {index} misses {before}, acknowledged before it")

        try:
            life.core.read(cluster.world.now, done)
        except NotController:
            cluster.counts.refused += 1

"""One schedule: a cluster, clients, and faults drawn from the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.sim.quorum.cluster import Client, Cluster, Counts

CONVERGENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a schedule came to."""

    seed: int
    trace: int
    faults: int
    counts: Counts
    applied: int
    term: int


class Schedule:
    """Faults at random instants, of about half of all kinds."""

    def __init__(
        self, seed: int, voters: int, seconds: float, skip: frozenset[int] = frozenset()
    ) -> None:
        self.seed = seed
        self.cluster = Cluster(seed, voters)
        self._seconds = seconds
        self._skip = skip
        """Numbers of faults that do not happen: what a shrunk schedule goes without."""
        self._faults = 0
        random = self.cluster.random
        kinds: list[Callable[[], None]] = [
            self._split,
            self._isolate_leader,
            self._ring,
            self._heal,
            self._lossy,
            self._crash,
            self._crash_all,
            self._strike,
            self._pause,
            self._slow_disk,
            self._transfer,
            self._fail_apply,
            self._reconnect,
            self._wipe,
            self._step_clock,
            self._one_way,
            self._slow_link,
        ]
        chosen = [kind for kind in kinds if random.random() < 0.6]
        self._kinds = [*chosen, self._crash, self._heal]
        self._power_loss = random.random()
        self._first_fault_s = random.choice([0.0, 1.0])
        """At once: while the quorum forms."""
        self.cluster.network.garbled = 0.001
        self._gap_max_s = random.choice([0.6, 1.2, 2.5])
        self._down_max_s = random.choice([0.3, 1.6 * self._gap_max_s])
        sync_max_s = random.choice([0.01, 0.01, 0.05, 0.3])
        for delays in self.cluster.delays.values():
            delays.longest_s = sync_max_s

    @property
    def faults(self) -> int:
        """How many faults there were so far, with those left out."""
        return self._faults

    def run(self) -> Result:
        """Run to the end; raises ``Violation`` if a property does not hold."""
        cluster = self.cluster
        world = cluster.world
        for node_id in cluster.everyone:
            cluster.start(node_id)
        for client_id in range(4):
            Client(cluster, client_id, 0.05)
        if len(cluster.voters) > 1:
            cluster.keep_readmitting()
            cluster.keep_watching_leaders()
        world.after(self._first_fault_s, self._fault)
        world.run_until(world.now + self._seconds)
        cluster.settle(CONVERGENCE_S)
        term = max(life.core.term for life in cluster.lives.values())
        applied = max(cluster.checks.applied, default=0)
        return Result(self.seed, world.trace, self._faults, cluster.counts, applied, term)

    def _fault(self) -> None:
        cluster = self.cluster
        if cluster.is_quiet:
            return
        self._faults += 1
        kind = cluster.random.choice(self._kinds)
        if self._faults not in self._skip:
            cluster.world.note(kind.__name__)
            kind()
        cluster.world.after(cluster.random.uniform(0.05, self._gap_max_s), self._fault)

    # Kinds of faults.

    def _split(self) -> None:
        cluster = self.cluster
        size = 1 + cluster.random.randrange(len(cluster.everyone) - 1)
        side = set(cluster.random.sample(cluster.everyone, size))
        everyone = cluster.everyone
        pairs = {(a, b) for a in everyone for b in everyone if (a in side) != (b in side)}
        cluster.network.cut = pairs
        if cluster.random.random() < 0.5:
            for one, other in sorted(pairs):
                if one < other:
                    cluster.disconnect(one, other)

    def _isolate_leader(self) -> None:
        cluster = self.cluster
        leader = cluster.leader()
        if leader is None:
            return
        directions = cluster.random.choice(["both", "from", "to"])
        for other in cluster.everyone:
            if directions != "to":
                cluster.network.cut.add((leader.node_id, other))
            if directions != "from":
                cluster.network.cut.add((other, leader.node_id))

    def _ring(self) -> None:
        """Each node reaches its neighbours only."""
        cluster = self.cluster
        voters = cluster.voters
        for place, one in enumerate(voters):
            near = {voters[place - 1], voters[(place + 1) % len(voters)], one}
            cluster.network.cut |= {(one, far) for far in voters if far not in near}

    def _heal(self) -> None:
        self.cluster.network.cut.clear()
        self._reconnect()

    def _reconnect(self) -> None:
        cluster = self.cluster
        one, other = cluster.random.sample(cluster.everyone, 2)
        cluster.disconnect(one, other)
        cluster.connect(one, other)

    def _lossy(self) -> None:
        network, random = self.cluster.network, self.cluster.random
        network.loss, network.duplication = random.choice([(0.0, 0.0), (0.02, 0.02), (0.2, 0.1)])
        network.shortest_s, network.longest_s = random.choice(
            [(0.0005, 0.003), (0.005, 0.05), (0.05, 0.25)]
        )

    def _crash(self) -> None:
        cluster, random = self.cluster, self.cluster.random
        alive = sorted(cluster.lives)
        for node_id in random.sample(alive, min(len(alive), random.choice([1, 1, 1, 2, 3]))):
            self._crash_one(node_id, random.uniform(0.02, self._down_max_s))

    def _crash_all(self) -> None:
        longest_s = self.cluster.random.choice([1.0, 2 * self._down_max_s])
        for node_id in sorted(self.cluster.lives):
            self._crash_one(node_id, self.cluster.random.uniform(0.02, longest_s))

    def _strike(self) -> None:
        """Right after an acknowledgement: who gave it dies for a while, others for a moment."""
        self.cluster.on_acknowledged = self._strike_now

    def _strike_now(self) -> None:
        cluster = self.cluster
        cluster.on_acknowledged = lambda: None
        leader = cluster.leader()
        if leader is None or cluster.is_quiet:
            return
        others = sorted(cluster.lives.keys() - {leader.node_id})
        self._crash_one(leader.node_id, cluster.random.uniform(0.5, 2))
        for node_id in cluster.random.sample(others, min(len(others), 2)):
            self._crash_one(node_id, cluster.random.uniform(0.02, 0.3))

    def _crash_one(self, node_id: int, down_s: float) -> None:
        cluster = self.cluster
        cluster.crash(node_id, power_loss=cluster.random.random() < self._power_loss)
        cluster.world.after(down_s, partial(cluster.start, node_id))

    def _wipe(self) -> None:
        """One folder is lost at a time, and the operator readmits it before the next."""
        cluster = self.cluster
        if cluster.wiped or len(cluster.voters) == 1:
            return
        node_id = cluster.random.choice(cluster.everyone)
        if node_id in cluster.lives:
            cluster.crash(node_id, power_loss=False)
            cluster.wipe(node_id)
            down_s = cluster.random.uniform(0.02, self._down_max_s)
            cluster.world.after(down_s, partial(cluster.start, node_id))

    def _fail_apply(self) -> None:
        """A state machine refuses the next command: its process ends."""
        lives = self.cluster.lives
        if lives:
            lives[self.cluster.random.choice(sorted(lives))].machine.refuses_next = True

    def _step_clock(self) -> None:
        """A node's timers are late by up to two seconds, once: its clock went another pace."""
        lives = self.cluster.lives
        if lives:
            node_id = self.cluster.random.choice(sorted(lives))
            lives[node_id].core.excuse(self.cluster.random.uniform(-1.0, 2.0))
            lives[node_id].wake()

    def _one_way(self) -> None:
        """One node hears another that does not hear it."""
        one, other = self.cluster.random.sample(self.cluster.everyone, 2)
        self.cluster.network.cut.add((one, other))

    def _slow_link(self) -> None:
        network = self.cluster.network
        network.shortest_s, network.longest_s = 0.05, 0.25

    def _pause(self) -> None:
        lives = self.cluster.lives
        if lives:
            node_id = self.cluster.random.choice(sorted(lives))
            lives[node_id].pause(self.cluster.random.uniform(0.1, 5))

    def _slow_disk(self) -> None:
        random = self.cluster.random
        node_id = random.choice(self.cluster.everyone)
        self.cluster.delays[node_id].longest_s = random.choice([0.01, 0.2, 1.5])

    def _transfer(self) -> None:
        leader = self.cluster.leader()
        if leader is not None:
            leader.core.transfer_leadership(self.cluster.world.now)
            leader.wake()

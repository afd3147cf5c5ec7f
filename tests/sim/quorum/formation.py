"""A quorum that forms while one voter hears nobody, and then another loses its folder.

The voter that heard nobody still knows what was told before the list was formed. If that were
enough to form another list with the wiped voter, both would elect a leader of their own.
"""

from __future__ import annotations

from functools import partial

from tests.sim.quorum.cluster import Client, Cluster

FAULTS_S = 8.0
CONVERGENCE_S = 30.0


class Formation:
    """Drawn from a seed: who is deaf from when on, and whose folder is lost."""

    def __init__(self, seed: int) -> None:
        self.cluster = Cluster(seed, voters=3)
        random = self.cluster.random
        self._deaf, self._wiped = random.sample(self.cluster.voters, 2)
        self._deaf_after_s = random.uniform(0.02, 0.07)

    def run(self) -> int:
        """Run it; return how many commands were acknowledged. Raises ``Violation``."""
        cluster = self.cluster
        world = cluster.world
        for node_id in cluster.everyone:
            begin_s = 0.05 if node_id == self._wiped else cluster.random.uniform(0.0, 0.02)
            world.after(begin_s, partial(cluster.start, node_id))
        for client_id in range(4):
            Client(cluster, client_id, 0.05)
        cluster.on_acknowledged = self._lose_a_folder
        world.after(self._deaf_after_s, self._deafen)
        world.run_until(world.now + FAULTS_S)
        cluster.keep_readmitting()
        cluster.settle(CONVERGENCE_S)
        return cluster.counts.acknowledged

    def _deafen(self) -> None:
        for other in self.cluster.everyone:
            self.cluster.network.cut.add((other, self._deaf))

    def _lose_a_folder(self) -> None:
        """From now on the deaf voter and the wiped one hear each other, and nobody else."""
        cluster = self.cluster
        cluster.on_acknowledged = lambda: None
        cluster.crash(self._wiped, power_loss=False)
        cluster.wipe(self._wiped)
        pair = {self._deaf, self._wiped}
        cluster.network.cut = {
            (other, one) for one in pair for other in cluster.everyone if other not in pair
        }
        cluster.world.after(0.2, partial(cluster.start, self._wiped))

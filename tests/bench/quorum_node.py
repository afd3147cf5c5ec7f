"""One node of a quorum and nothing above it, as a process: ``python -m tests.bench.quorum_node``.

The voter that leads measures its commits and reads once all are connected, and writes what it
found; the others follow. All run until they are ended.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import trio

from metadata.cluster.identity import PeerIdentity
from metadata.cluster.network_driver import OsNetwork
from metadata.cluster.peers_driver import Peers
from metadata.cluster.settings import Address, ClusterSettings
from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.settings import RaftSettings
from metadata.state_machine import StateMachine
from raftkafka.config.voters import Voter
from raftkafka.disk import Disk
from raftkafka.disk_driver import OsDisk
from raftkafka.server.loop_lag_driver import LoopLag
from tests.support.wire import LOOPBACK

COMMAND = b"x" * 200
IN_FLIGHT = 1024
FIGURES = "figures.json"
POLL_S = 0.01


class Nothing:
    """A state machine that costs nothing."""

    term: int | None = None

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Take a command."""

    def snapshot(self) -> bytes:
        """Return nothing."""
        return b""

    def restore(self, snapshot: bytes) -> None:
        """Take nothing."""

    def on_leader(self, term: int | None) -> None:
        """Keep the term."""
        self.term = term


class QuorumNode:
    """A quorum's node and its channels.

    Args:
        settings: who it is, and who votes.
        ports: of the voters, by node id; a lone voter without any has no channels.
        folder: of its journal.
        machine: what is replicated.
        disk: where the folder is.
    """

    def __init__(
        self,
        settings: RaftSettings,
        ports: Mapping[int, int],
        folder: Path,
        machine: StateMachine,
        disk: Disk,
    ) -> None:
        chance = random.Random()
        voters = {n: Voter(n, LOOPBACK, port) for n, port in ports.items()}
        own = ports.get(settings.node_id)
        listen = None if own is None else Address(LOOPBACK, own)
        cluster = ClusterSettings(settings.node_id, chance.randbytes(16), voters, listen=listen)
        self.peers = Peers(cluster, OsNetwork(), chance) if ports else None
        config = QuorumConfig(str(folder / "meta"), settings)
        self.quorum = Quorum(config, disk, chance, machine, self.peers)
        self.connected: set[int] = set()

    async def start(self, nursery: trio.Nursery) -> None:
        """Open the journal, then the channels."""
        await nursery.start(self.quorum.run)
        if self.peers is not None:
            self.peers.directory_id = self.quorum.directory_id
            self.peers.on_message = self.quorum.deliver
            self.peers.on_connected = self._connected
            self.peers.on_disconnected = self._disconnected
            await nursery.start(self.peers.run)

    def _connected(self, peer: PeerIdentity) -> None:
        self.connected.add(peer.node_id)
        self.quorum.connected(peer.node_id, peer.directory_id, observer=not peer.is_voter)

    def _disconnected(self, peer: PeerIdentity) -> None:
        self.connected.discard(peer.node_id)
        self.quorum.disconnected(peer.node_id, observer=not peer.is_voter)


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the sample that this share of them are not above; the nearest one."""
    return sorted(samples)[round(share * (len(samples) - 1))]


def write_figures(folder: Path, figures: Mapping[str, float]) -> None:
    """Write what was found, whole or not at all."""
    (folder / "figures.tmp").write_text(json.dumps(figures))
    (folder / "figures.tmp").rename(folder / FIGURES)


async def until_true(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not condition():  # noqa: ASYNC110 - no event tells of what is waited for
        await trio.sleep(POLL_S)


async def run(node_id: int, ports: Mapping[int, int], folder: Path, commits: int) -> None:
    """Take part; measure if this node leads."""
    machine, lag = Nothing(), LoopLag()
    voters = frozenset(ports or {node_id: 0})
    node = QuorumNode(RaftSettings(node_id, voters), ports, folder, machine, OsDisk())
    async with trio.open_nursery() as nursery:
        await node.start(nursery)
        everybody = set(voters) - {node_id}
        await until_true(lambda: machine.term is not None and node.connected == everybody)
        trio.lowlevel.add_instrument(lag)
        write_figures(folder, await measure(node.quorum, machine, commits, lag))


async def measure(
    quorum: Quorum, machine: Nothing, commits: int, lag: LoopLag
) -> Mapping[str, float]:
    """Return the figures of the leader; all times in milliseconds."""
    term = machine.term
    assert term is not None

    async def commit() -> None:
        await quorum.propose(COMMAND, term)

    one_by_one = await timed_ms(commit, commits)
    reads = await timed_ms(quorum.read_barrier, commits)
    return {
        "commit p50": percentile(one_by_one, 0.5),
        "commit p99": percentile(one_by_one, 0.99),
        "commits, 1,024 in flight": await commits_per_s(commit, 30 * commits),
        "ReadIndex p50": percentile(reads, 0.5),
        "loop_lag_max_ms": lag.max_ms,
    }


async def timed_ms(act: Callable[[], Awaitable[object]], times: int) -> list[float]:
    """Return how long each call took, one after the other."""
    samples: list[float] = []
    for _ in range(times):
        begin = time.perf_counter()
        await act()
        samples.append((time.perf_counter() - begin) * 1e3)
    return samples


async def commits_per_s(commit: Callable[[], Awaitable[None]], count: int) -> float:
    """Return commits a second with many in flight."""
    left = iter(range(count))

    async def propose() -> None:
        for _ in left:
            await commit()

    begin = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(IN_FLIGHT):
            nursery.start_soon(propose)
    return count / (time.perf_counter() - begin)


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node_id", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ports", type=json.loads, default={}, help="of the voters, by id: JSON")
    parser.add_argument("--commits", type=int, default=1000)
    options = parser.parse_args()
    ports = {int(node_id): port for node_id, port in options.ports.items()}
    trio.run(run, options.node_id, ports, options.folder, options.commits)


if __name__ == "__main__":
    main()

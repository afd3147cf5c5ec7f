"""Nodes of a cluster as far as their channels go, over real sockets or in memory."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import MappingProxyType

import trio

from metadata.cluster.identity import PeerIdentity
from metadata.cluster.network import Connection, Network
from metadata.cluster.network_driver import OsNetwork
from metadata.cluster.peers_driver import Peers
from metadata.cluster.settings import Address, ClusterSettings
from metadata.raft.messages import Message
from raftkafka.config.voters import Voter
from tests.sim.cluster_network import Wires

SECRET = b"an ordinary secret of a test, thirty-two bytes"
DEADLINE_S = 5.0


Changes = Callable[[ClusterSettings], ClusterSettings]


def as_they_are(settings: ClusterSettings) -> ClusterSettings:
    """Change nothing."""
    return settings


async def until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds."""
    with trio.fail_after(deadline_s):
        while not condition():  # noqa: ASYNC110  # conditions of all kinds
            await trio.sleep(0.002)


class Node:
    """One node's channels, and what came over them."""

    def __init__(self, settings: ClusterSettings, network: Network, random: Random) -> None:
        self.settings = settings
        self.node_id = settings.node_id
        self.peers = Peers(settings, network, random)
        self.peers.directory_id = random.randbytes(16)
        self.messages: list[tuple[int, Message]] = []
        self.events: list[tuple[str, int]] = []
        self.peers.on_message = lambda source, message: self.messages.append((source, message))
        self.peers.on_connected = lambda peer: self._note("+", peer)
        self.peers.on_disconnected = lambda peer: self._note("-", peer)
        self.scope = trio.CancelScope()

    def _note(self, event: str, peer: PeerIdentity) -> None:
        self.events.append((event, peer.node_id))

    @property
    def connected(self) -> set[int]:
        """The nodes that there is a channel to."""
        ups = [node for event, node in self.events if event == "+"]
        downs = [node for event, node in self.events if event == "-"]
        return {node for node in ups if ups.count(node) > downs.count(node)}

    async def run(
        self, *, task_status: trio.TaskStatus[int | None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until ``scope`` is cancelled."""
        with self.scope:
            await self.peers.run(task_status=task_status)


class Cluster:
    """Nodes that share a voter list; each has a port, and a host of its own in memory."""

    def __init__(self, *, in_memory: bool, seed: int = 1, secret: bytes = SECRET) -> None:
        self.random = Random(seed)
        self.in_memory = in_memory
        self.secret = secret
        self.wires = Wires()
        self.voters: dict[int, Voter] = {}
        self._listen_at: dict[int, Address] = {}

    def network(self, host: str) -> Network:
        """Return the network as a host sees it."""
        return self.wires.host(host) if self.in_memory else OsNetwork()

    async def take_ports(self, *node_ids: int) -> None:
        """Choose the voters and their ports."""
        for node_id in node_ids:
            if self.in_memory:
                self.voters[node_id] = Voter(node_id, f"node{node_id}", 9000 + node_id)
            else:
                listener = await OsNetwork().listen("127.0.0.1", 0)
                self.voters[node_id] = Voter(node_id, "127.0.0.1", listener.port)
                await listener.aclose()

    def node(
        self,
        node_id: int,
        *,
        incarnation: int = 0,
        host: str | None = None,
        network: Network | None = None,
        changes: Changes = as_they_are,
    ) -> Node:
        """Make a node: a voter if its id is one's, else an observer that listens anywhere."""
        voter = self.voters.get(node_id)
        settings = ClusterSettings(
            node_id=node_id,
            incarnation_id=bytes([node_id, incarnation]) * 8,
            voters=MappingProxyType(dict(self.voters)),
            listen=Address("" if self.in_memory else "127.0.0.1", voter.port if voter else 0),
            secret=self.secret,
        )
        network = network or self.network(host or f"node{node_id}")
        return Node(changes(settings), network, Random(self.random.random()))

    async def dial(self, node_id: int) -> Connection:
        """Connect to a voter, as anybody on this machine can."""
        voter = self.voters[node_id]
        return await self.network("stranger").connect(voter.host, voter.port)

"""Clusters of real processes on loopback, from properties files."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from raftkafka.client.address import Address
from raftkafka.client.client import Client
from raftkafka.client.cluster import Cluster as ClusterDescription
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.errors import ClientError, check
from raftkafka.client.topics import Topic, describe_topics, list_topics
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from tests.support.broker import Server, free_port
from tests.support.wire import LOOPBACK, until

READY_DEADLINE_S = 20.0


class Node(Server):
    """One process of a cluster."""

    def __init__(
        self, folder: Path, node_id: int, config: Mapping[str, str], cluster_port: int | None
    ) -> None:
        self.node_id = node_id
        self.serves_clients = config.get("process.roles") != "controller"
        self.program: str | None = None
        """Python to run instead of the usual; its argument is the properties file."""
        self._cluster_port = cluster_port
        super().__init__(folder, {"node.id": str(node_id), **config})

    def command(self) -> list[str]:
        """Return what to execute."""
        if self.program is None:
            return super().command()
        return [sys.executable, "-I", "-c", self.program, super().command()[-1]]

    def more_properties(self) -> dict[str, str]:
        """Return a voter's listeners."""
        if self._cluster_port is None:
            return {}
        peers = f"CONTROLLER://{LOOPBACK}:{self._cluster_port}"
        if not self.serves_clients:
            return {"listeners": peers, "advertised.listeners": ""}
        return {"listeners": f"PLAINTEXT://{LOOPBACK}:{self.port},{peers}"}

    def wait_until_serving(self) -> None:
        """Wait until it does its part."""
        if self.serves_clients:
            super().wait_until_serving()
        else:
            until(lambda: "raftkafka is controller" in self.log_text(), f"see {self.log}")

    def client(self, timeout_s: float = 10.0) -> Client:
        """Return a client that asks this node, whatever it asks."""
        return Client([Address(LOOPBACK, self.port)], timeout_s=timeout_s)

    def describe(self) -> ClusterDescription:
        """Return the cluster as this node tells it."""
        with self.client() as client:
            return describe_cluster(client, include_fenced=True)

    def describe_topic(self, name: str) -> Topic:
        """Return a topic as this node tells it."""
        with self.client() as client:
            (topic,) = describe_topics(client, [name])
            return topic

    def topics(self) -> set[str]:
        """Return the names of all topics, as this node tells them."""
        with self.client() as client:
            return {topic.name for topic in list_topics(client)}

    def create_topic(self, name: str, *, partitions: int = 1, replication_factor: int = 1) -> None:
        """Create a topic through this node, whoever the controller is."""
        request = CreateTopicsRequest(
            topics=[
                CreatableTopic(
                    name=name, num_partitions=partitions, replication_factor=replication_factor
                )
            ],
            timeout_ms=10_000,
        )
        with self.client() as client:
            (created,) = client.any_broker().ask(request, CreateTopicsResponse).topics
        check(created.error_code, created.error_message)


class Cluster:
    """Voters, and brokers that only follow; nothing runs before ``start``.

    Args:
        folder: where everything is.
        voters: how many nodes vote.
        observers: how many brokers follow them.
        config: keys of all nodes.
        of_node: keys of single nodes, by id.
    """

    def __init__(
        self,
        folder: Path,
        *,
        voters: int = 3,
        observers: int = 0,
        config: Mapping[str, str] | None = None,
        of_node: Mapping[int, Mapping[str, str]] | None = None,
    ) -> None:
        self.folder = folder
        self.voters = tuple(range(1, voters + 1))
        self.ports = {node_id: free_port() for node_id in self.voters}
        self._config = {
            "controller.quorum.voters": self.voters_line(),
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "offsets.topic.num.partitions": "1",
            **(config or {}),
        }
        self._of_node = dict(of_node or {})
        self.nodes: dict[int, Node] = {}
        self._strangers: dict[int, Node] = {}
        for node_id in range(1, voters + observers + 1):
            self.add(node_id)

    def voters_line(self) -> str:
        """Return ``controller.quorum.voters``."""
        return ",".join(f"{n}@{LOOPBACK}:{port}" for n, port in self.ports.items())

    def add(self, node_id: int, name: str = "", config: Mapping[str, str] | None = None) -> Node:
        """Make a node's folder and file; one with a ``name`` is beside those of the cluster."""
        keys = {**self._config, **self._of_node.get(node_id, {}), **(config or {})}
        folder = self.folder / (name or f"node-{node_id}")
        node = Node(folder, node_id, keys, self.ports.get(node_id))
        (self._strangers if name else self.nodes)[node_id] = node
        return node

    @property
    def running(self) -> list[Node]:
        """The nodes that run, by id."""
        return [node for node in self.nodes.values() if node.is_running]

    @property
    def brokers(self) -> list[Node]:
        """Those of them that serve clients."""
        return [node for node in self.running if node.serves_clients]

    def start(self, *node_ids: int) -> None:
        """Start nodes, all if none is named, and wait until they serve."""
        chosen = [self.nodes[n] for n in node_ids] or list(self.nodes.values())
        for node in chosen:
            node.spawn()
        for node in chosen:
            node.wait_until_serving()

    def stop(self) -> None:
        """Stop what runs, all at once, cleanly."""
        running = self.running
        for node in running:
            node.send_signal(signal.SIGTERM)
        for node in running:
            assert node.wait() == 0, node.log_text()[-3000:]

    def end(self) -> None:
        """Kill what runs; no process may have failed unexpectedly."""
        for node in (*self.nodes.values(), *self._strangers.values()):
            if node.is_running:
                node.kill()
            node.assert_log_is_clean()

    def controller(self, *, other_than: int | None = None) -> Node:
        """Return the active controller once all running brokers agree on it."""
        found: list[int] = []

        def agreed() -> bool:
            try:
                told = {node.describe().controller_id for node in self.brokers}
            except ClientError:
                return False
            found[:] = [n for n in told if n is not None and n != other_than]
            return len(told) == 1 == len(found)

        until(agreed, "one controller", READY_DEADLINE_S)
        return self.nodes[found[0]]

    def until_all_see(self, what: str, seen: Callable[[Node], bool]) -> None:
        """Wait until something is so at every running broker."""

        def everywhere() -> bool:
            try:
                return all(seen(node) for node in self.brokers)
            except ClientError:
                return False

        until(everywhere, what, READY_DEADLINE_S)

    def until_unfenced(self, node_ids: Iterable[int]) -> None:
        """Wait until every running broker tells that exactly these are not fenced."""
        wanted = set(node_ids)

        def seen(node: Node) -> bool:
            return {b.node_id for b in node.describe().brokers if not b.is_fenced} == wanted

        self.until_all_see(f"unfenced: {wanted}", seen)

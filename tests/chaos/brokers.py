"""Brokers as processes in the lab, one at each node place, from properties files."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from metadata.cluster.secret import SECRET_BYTES, secret_text
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseTopic,
)
from tests.chaos.asking import Asking
from tests.chaos.lab import Lab, node_place
from tests.support.broker import Server
from tests.support.wire import LOOPBACK, until

CLIENT_PORT, CLUSTER_PORT, HTTP_PORT = 9092, 9093, 9308
READY_S = 30.0
ANSWER_S = 5.0
METADATA_VERSION = 12
METRIC = re.compile(r"^(kafka_\w+) (\S+)$", re.MULTILINE)


class QuorumView(NamedTuple):
    """What one node knows of the quorum by itself, without asking anyone."""

    is_controller: bool
    epoch: int
    high_watermark: int
    """One past the last index that it knows to be committed."""


class TopicTold(NamedTuple):
    """A topic as a broker tells it."""

    name: str
    topic_id: str
    partitions: tuple[tuple[int, int, int, tuple[int, ...], tuple[int, ...]], ...]
    """Index, leader, leader epoch, replicas, ISR."""


class Told(NamedTuple):
    """One broker's word on the metadata; equal words, equal metadata."""

    epoch: int
    high_watermark: int
    topics: frozenset[TopicTold]


class LabBroker(Server):
    """One broker at its place. It dies with the process of the test, whatever ends that."""

    def __init__(self, lab: Lab, node_id: int, folder: Path, config: Mapping[str, str]) -> None:
        self.node_id = node_id
        self.place = node_place(node_id)
        self.address = lab.address(self.place)
        self._lab = lab
        listening = {
            "node.id": str(node_id),
            "listeners": f"PLAINTEXT://:{CLIENT_PORT},CONTROLLER://{self.address}:{CLUSTER_PORT}",
            "http.listeners": f"HTTP://{LOOPBACK}:{HTTP_PORT}",
            "advertised.listeners": f"PLAINTEXT://{self.address}:{CLIENT_PORT}",
        }
        super().__init__(folder, {**listening, **config})
        self.port = CLIENT_PORT

    def command(self) -> list[str]:
        return ["setpriv", "--pdeathsig", "KILL", *super().command()]

    def spawn(self) -> None:
        with self._lab.inside(self.place):
            super().spawn()

    def wait_until_serving(self) -> None:
        with self._lab.inside(self.place):
            super().wait_until_serving()

    def pause(self) -> None:
        """Let it stand still (SIGSTOP): its connections stay, nothing answers."""
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.send_signal(signal.SIGCONT)

    def topics(self) -> frozenset[TopicTold]:
        """Return all topics as it tells them to somebody at its own place, however cut off it is.

        Raises:
            OSError: it does not answer.
        """
        request = MetadataRequest(topics=None, allow_auto_topic_creation=False)
        with (
            self._lab.inside(self.place),
            Asking(self.address, CLIENT_PORT, ANSWER_S) as connection,
        ):
            answer = connection.ask(request, METADATA_VERSION, MetadataResponse)
        return frozenset(_topic_told(topic) for topic in answer.topics)

    def quorum(self) -> QuorumView:
        """Return what it knows of the quorum.

        Raises:
            OSError: it does not answer.
        """
        with self._lab.inside(self.place):
            connection = HTTPConnection(LOOPBACK, HTTP_PORT, timeout=ANSWER_S)
            try:
                connection.request("GET", "/metrics")
                text = connection.getresponse().read().decode()
            except HTTPException as error:
                raise ConnectionError(repr(error)) from error
            finally:
                connection.close()
        values = dict(METRIC.findall(text))
        return QuorumView(
            bool(float(values["kafka_controller_kafkacontroller_activecontrollercount"])),
            int(float(values["kafka_server_raftmetrics_current_epoch"])),
            int(float(values["kafka_server_raftmetrics_high_watermark"])),
        )


def _topic_told(topic: MetadataResponseTopic) -> TopicTold:
    partitions = (
        (
            partition.partition_index,
            partition.leader_id,
            partition.leader_epoch,
            tuple(partition.replica_nodes),
            tuple(partition.isr_nodes),
        )
        for partition in topic.partitions
    )
    return TopicTold(topic.name or "", topic.topic_id.hex(), tuple(sorted(partitions)))


class LabCluster:
    """Voters in a lab, by id. Leaving it kills them.

    Args:
        lab: where; every node of it runs a broker.
        folder: what they leave.
        config: keys of all of them.
    """

    def __init__(self, lab: Lab, folder: Path, config: Mapping[str, str] | None = None) -> None:
        node_ids = tuple(range(1, len(lab.nodes) + 1))
        secret = folder / "cluster.secret"
        folder.mkdir(parents=True, exist_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(secret_text(os.urandom(SECRET_BYTES)))
        voters = ",".join(f"{n}@{lab.address(node_place(n))}:{CLUSTER_PORT}" for n in node_ids)
        keys = {
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "cluster.secret.file": str(secret),
            "auto.create.topics.enable": "false",
            "log.segment.delete.delay.ms": "1000",
            **(config or {}),
        }
        self.brokers = {n: LabBroker(lab, n, folder / f"node-{n}", keys) for n in node_ids}

    def __enter__(self) -> LabCluster:
        return self

    def __exit__(self, *error: object) -> None:
        for broker in self.running():
            broker.kill()

    def running(self) -> list[LabBroker]:
        """Return the brokers that run, paused ones too."""
        return [broker for broker in self.brokers.values() if broker.is_running]

    def start(self) -> None:
        """Start those that do not run, and wait until all serve."""
        self.spawn()
        for broker in self.brokers.values():
            broker.wait_until_serving()

    def spawn(self) -> None:
        """Start those that do not run."""
        for broker in self.brokers.values():
            if not broker.is_running:
                broker.spawn()

    def assert_none_died(self) -> None:
        """Assert that no broker ended by itself."""
        for broker in self.brokers.values():
            code = broker.exit_code
            assert code is None, f"node {broker.node_id}: {code}\n{broker.log_text()[-3000:]}"

    def controller_id(self) -> int:
        """Return the node that leads, once all running nodes are in its epoch.

        Raises:
            TimeoutError: no such node.
        """
        found: list[int] = []

        def agreed() -> bool:
            self.assert_none_died()
            try:
                views = {broker.node_id: broker.quorum() for broker in self.running()}
            except OSError:
                return False
            found[:] = [node_id for node_id, view in views.items() if view.is_controller]
            return len(found) == 1 and len({view.epoch for view in views.values()}) == 1

        until(agreed, "one controller", READY_S)
        return found[0]

    def told(self) -> list[Told]:
        """Return what each broker that answers tells of the metadata."""
        found: list[Told] = []
        for broker in self.running():
            with suppress(OSError):
                topics, view = broker.topics(), broker.quorum()
                found.append(Told(view.epoch, view.high_watermark, topics))
        return found

    def stop(self) -> None:
        """Stop all at once, cleanly."""
        running = self.running()
        for broker in running:
            broker.send_signal(signal.SIGTERM)
        for broker in running:
            assert broker.wait() == 0, broker.log_text()[-3000:]

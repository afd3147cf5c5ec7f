"""Brokers as processes in the lab, one at each node place, from properties files."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from raftkafka.protocol.messages.cluster import (
    DescribeQuorumRequest,
    DescribeQuorumRequestPartition,
    DescribeQuorumRequestTopic,
    DescribeQuorumResponse,
)
from raftkafka.protocol.messages.metadata import MetadataRequest, MetadataResponse
from tests.chaos.asking import Asking
from tests.chaos.lab import Lab, node_place
from tests.support.broker import Server
from tests.support.wire import until

CLIENT_PORT, CLUSTER_PORT = 9092, 9093
READY_S = 30.0
ANSWER_S = 5.0
METADATA_VERSION, DESCRIBE_QUORUM_VERSION = 12, 2
CLUSTER_METADATA = "__cluster_metadata"

T = TypeVar("T")


class QuorumView(NamedTuple):
    """What one node knows of the quorum; ``leader_id`` is None if it knows no leader."""

    leader_id: int | None
    leader_epoch: int
    high_watermark: int


class Told(NamedTuple):
    """One broker's word on the metadata; equal words, equal metadata."""

    leader_id: int | None
    leader_epoch: int
    high_watermark: int
    topics: frozenset[tuple[str, str]]
    """Names and ids."""


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
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def asked(self, ask: Callable[[Asking], T]) -> T:
        """Return what this broker answers to somebody at its own place, however cut off it is.

        Raises:
            OSError: it does not answer.
        """
        with (
            self._lab.inside(self.place),
            Asking(self.address, CLIENT_PORT, ANSWER_S) as connection,
        ):
            return ask(connection)

    def topics(self) -> dict[str, str]:
        """Return the id of every topic, in hex, as this broker tells it.

        Raises:
            OSError: it does not answer.
        """
        request = MetadataRequest(topics=None, allow_auto_topic_creation=False)
        answer = self.asked(lambda it: it.ask(request, METADATA_VERSION, MetadataResponse))
        return {topic.name or "": topic.topic_id.hex() for topic in answer.topics}

    def quorum(self) -> QuorumView:
        """Return what it knows of the quorum.

        Raises:
            OSError: it does not answer.
        """
        request = DescribeQuorumRequest(
            topics=[
                DescribeQuorumRequestTopic(
                    topic_name=CLUSTER_METADATA,
                    partitions=[DescribeQuorumRequestPartition(partition_index=0)],
                )
            ]
        )
        answer = self.asked(
            lambda it: it.ask(request, DESCRIBE_QUORUM_VERSION, DescribeQuorumResponse)
        )
        if answer.error_code or answer.topics[0].partitions[0].error_code:
            return QuorumView(None, -1, -1)  # it would have to ask a leader, and has none
        told = answer.topics[0].partitions[0]
        leader_id = told.leader_id if told.leader_id >= 0 else None
        return QuorumView(leader_id, told.leader_epoch, told.high_watermark)


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
        secret.write_text(os.urandom(32).hex() + "\n")
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

    def controller_id(self, *, deadline_s: float = READY_S) -> int:
        """Return the node that leads, once a majority agrees on it.

        Raises:
            TimeoutError: no such node.
        """
        found: list[int] = []

        def agreed() -> bool:
            views = list(self._views())
            newest = max((view.leader_epoch for view in views), default=-1)
            leaders = [view.leader_id for view in views if view.leader_epoch == newest]
            found[:] = [leader for leader in leaders if leader is not None]
            return len(found) > len(self.brokers) // 2

        until(agreed, "a majority knows the controller", deadline_s)
        return found[0]

    def _views(self) -> Iterator[QuorumView]:
        for broker in self.running():
            with suppress(OSError):
                yield broker.quorum()

    def told(self) -> list[Told]:
        """Return what each broker that answers tells of the metadata."""
        found: list[Told] = []
        for broker in self.running():
            with suppress(OSError):
                topics, view = broker.topics(), broker.quorum()
                found.append(Told(*view, frozenset(topics.items())))
        return found

    def stop(self) -> None:
        """Stop all at once, cleanly."""
        running = self.running()
        for broker in running:
            os.kill(broker.pid, signal.SIGTERM)
        for broker in running:
            assert broker.wait() == 0, broker.log_text()[-3000:]

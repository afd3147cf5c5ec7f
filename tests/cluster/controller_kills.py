"""kill -9 of the controller in the middle of topic creations from several clients.

Each creation is asked for once. What was acknowledged has to be there, on every broker, for good.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from raftkafka.client.errors import ClientError
from tests.support.cluster import Cluster, Node
from tests.support.requests import create_topics_request, parse_created
from tests.support.wire import LOOPBACK, read_response, until

CREATORS = 4
ANSWER_S = 10.0
REQUEST_TIMED_OUT = 7
AGAIN_S = 0.01
PAUSE_S = 0.05
"""Between creations, so that a long run does not end with more topics than anybody has."""
BETWEEN_S_MAX = 0.3


class Creator:
    """Creates topics of its own, one after the other, through one broker after the other."""

    def __init__(self, number: int, ports: list[int]) -> None:
        self.acknowledged: list[tuple[str, float]] = []
        """Names, and when."""
        self.unknown: set[str] = set()
        self._number = number
        self._ports = ports
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask for no more."""
        self._stopping = True
        self._thread.join(3 * ANSWER_S)
        assert not self._thread.is_alive(), "a broker neither answers nor closes"

    def _run(self) -> None:
        turn = self._number
        while not self._stopping:
            turn += 1
            port = self._ports[turn % len(self._ports)]
            with suppress(OSError), socket.create_connection((LOOPBACK, port), ANSWER_S) as peer:
                while not self._stopping:
                    self._create(peer)
                    time.sleep(PAUSE_S)
            time.sleep(AGAIN_S)

    def _create(self, peer: socket.socket) -> None:
        name = f"topic-{self._number}-{len(self.acknowledged) + len(self.unknown)}"
        self.unknown.add(name)
        peer.sendall(create_topics_request([name], partitions=2))
        error = parse_created(read_response(peer))[name]
        if not error:
            self.unknown.discard(name)
            self.acknowledged.append((name, time.monotonic()))
            return
        assert error == REQUEST_TIMED_OUT, f"{name}: error {error}"
        raise ConnectionError("nobody knows; on with the next broker")


@dataclass
class Figures:
    """Seconds after each kill, sorted when read."""

    new_controller: list[float] = field(default_factory=list[float])
    next_creation: list[float] = field(default_factory=list[float])

    def __str__(self) -> str:
        lines: list[str] = []
        for what, found in (
            ("a new controller", self.new_controller),
            ("an acknowledged creation", self.next_creation),
        ):
            by_size = sorted(found)
            p50, p99 = (by_size[int(q * (len(by_size) - 1) + 0.5)] for q in (0.5, 0.99))
            lines.append(f"{what}: p50 {p50:.2f} s, p99 {p99:.2f} s, of {len(found)} kills")
        return "\n".join(lines)


def kill_controllers(cluster: Cluster, kills: int, random: Random) -> Figures:
    """Kill the controller again and again under load, and check that nothing is lost."""
    figures = Figures()
    cluster.start()
    cluster.until_unfenced(cluster.nodes)
    creators = [Creator(n, [it.port for it in cluster.nodes.values()]) for n in range(CREATORS)]
    for creator in creators:
        creator.start()
    for kill in range(1, kills + 1):
        killed = cluster.controller()
        time.sleep(random.random() * BETWEEN_S_MAX)  # the random instant itself
        killed.kill()
        _note_times(cluster, killed, creators, time.monotonic(), figures)
        cluster.start(killed.node_id)
        cluster.until_unfenced(cluster.nodes)
        check(cluster, creators)
        print(f"kill {kill}: controller again after {figures.new_controller[-1]:.2f} s", flush=True)
    for creator in creators:
        creator.stop()
    check(cluster, creators)
    assert_all_alike(cluster)
    cluster.stop()
    return figures


def _note_times(
    cluster: Cluster, killed: Node, creators: list[Creator], at: float, figures: Figures
) -> None:
    def acknowledged_since() -> list[float]:
        return [when for it in creators for _, when in it.acknowledged[-50:] if when > at]

    def has_new_controller() -> bool:
        with suppress(ClientError):
            told = {node.describe().controller_id for node in cluster.brokers}
            return not told & {None, killed.node_id}
        return False

    until(has_new_controller, "a new controller")
    figures.new_controller.append(time.monotonic() - at)
    until(lambda: bool(acknowledged_since()), "a creation after the kill")
    figures.next_creation.append(min(acknowledged_since()) - at)


def check(cluster: Cluster, creators: list[Creator]) -> None:
    """Assert that every broker has, at once, all that was acknowledged before this call."""
    wanted = {name for creator in creators for name, _ in tuple(creator.acknowledged)}
    for node in cluster.brokers:
        missing = wanted - node.topics()
        if missing:  # acknowledged by another broker a moment ago: it is on its way here
            cluster.until_all_see("all topics", lambda each: wanted <= each.topics())


def assert_all_alike(cluster: Cluster) -> None:
    """Assert that all brokers tell the same, made up of what was asked for."""
    cluster.until_all_see(
        "the same topics", lambda node: node.topics() == cluster.brokers[0].topics()
    )

"""Three brokers on this machine, ours or the peer's, started for one row and ended with it."""

from __future__ import annotations

import re
import shutil
import signal
import tempfile
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from raftkafka.client.address import Address
from raftkafka.client.client import Client
from raftkafka.client.errors import ClientError, check
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from tests.bench.rows import Bench
from tests.bench.targets import KafkaAtItsDefaults, NotMeasured
from tests.support.broker import ApacheKafka, Server, free_port
from tests.support.cluster import Cluster
from tests.support.wire import LOOPBACK

NODES = 3
LOOP_LAG = re.compile(r"^raftkafka_loop_lag_max_ms ([\d.e+-]+)", re.MULTILINE)


class KafkaVoter(KafkaAtItsDefaults):
    """One of three Apache Kafkas, each broker and controller."""

    def __init__(self, folder: Path, node_id: int, voter_ports: Sequence[int]) -> None:
        voters = ",".join(f"{n}@{LOOPBACK}:{p}" for n, p in enumerate(voter_ports, 1))
        self._own_port = voter_ports[node_id - 1]
        super().__init__(folder, {"node.id": str(node_id), "controller.quorum.voters": voters})

    def more_properties(self) -> dict[str, str]:
        """Return what they have in common, with a controller's port that the others know."""
        listeners = f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self._own_port}"
        return {**super().more_properties(), "listeners": listeners}


class Brokers:
    """Three brokers, in order of their ids."""

    def __init__(self, servers: Sequence[Server], http_ports: Sequence[int] = ()) -> None:
        self.servers = tuple(servers)
        self.http_ports = tuple(http_ports)
        """Of ours."""

    @property
    def is_ours(self) -> bool:
        """Whether they are raftkafka's."""
        return bool(self.http_ports)

    def start(self) -> None:
        """Start all at once; return when all serve."""
        for server in self.servers:
            server.spawn()
        for server in self.servers:
            server.wait_until_serving()

    def stop(self) -> None:
        """Stop all at once, cleanly; return when all have ended."""
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
        for server in self.servers:
            server.wait()

    def loop_lag_max_ms(self) -> float:
        """Return the longest that a loop of ours was held since they started."""
        found: list[float] = []
        for port in self.http_ports:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=30) as page:
                found += map(float, LOOP_LAG.findall(page.read().decode()))
        return max(found)


@contextmanager
def three_brokers(bench: Bench) -> Generator[Brokers]:
    """Three brokers of the target's kind with empty folders, not started.

    Raises:
        NotMeasured: we cannot start what was there before us.
        RuntimeError: one of them ended within the block, by itself; its log is in the message.
    """
    if bench.target.server is None:
        raise NotMeasured("it was not started from here")
    folder = Path(tempfile.mkdtemp(dir=bench.folder, prefix="three-"))
    brokers = _ours(folder) if bench.target.is_ours else _kafkas(folder)
    try:
        yield brokers
    except (ClientError, OSError) as error:
        ended = [it.log_text()[-2000:] for it in brokers.servers if it.exit_code is not None]
        if ended:
            raise RuntimeError("a broker ended by itself:\n" + "\n".join(ended)) from error
        raise
    finally:
        for server in brokers.servers:
            if server.is_running:
                server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _ours(folder: Path) -> Brokers:
    http_ports = [free_port() for _ in range(NODES)]
    listeners = {
        n: {"http.listeners": f"HTTP://{LOOPBACK}:{port}"} for n, port in enumerate(http_ports, 1)
    }
    return Brokers(list(Cluster(folder, of_node=listeners).nodes.values()), http_ports)


def _kafkas(folder: Path) -> Brokers:
    ports = [free_port() for _ in range(NODES)]
    return Brokers([KafkaVoter(folder / f"node-{n}", n, ports) for n in range(1, NODES + 1)])


def client_of(server: Server, timeout_s: float = 120.0) -> Client:
    """Return a client that knows this broker only."""
    return Client([Address(LOOPBACK, server.port)], client_id="bench", timeout_s=timeout_s)


def create(client: Client, name: str, *, partitions: int = 1, factor: int = 1) -> None:
    """Create a topic through the broker that the client knows, whoever the controller is.

    Raises:
        ClientError: no answer, or it refuses.
    """
    topic = CreatableTopic(name=name, num_partitions=partitions, replication_factor=factor)
    request = CreateTopicsRequest(topics=[topic], timeout_ms=60_000)
    (created,) = client.any_broker().ask(request, CreateTopicsResponse).topics
    check(created.error_code, created.error_message)


def unfenced(server: Server) -> int:
    """Return how many brokers a broker tells clients of."""
    with client_of(server) as client:
        return len(client.metadata([]).brokers)


def is_kafka(bench: Bench) -> bool:
    """Whether the target is Apache Kafka, started from here."""
    return isinstance(bench.target.server, ApacheKafka)

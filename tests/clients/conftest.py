"""The broker that the clients meet, behind a proxy that records what they use."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.registry import REFERENCE, Client, Line, Running, run
from tests.support.broker import ROOT, ApacheKafka, Server
from tests.support.recorder import Recorder
from tests.support.requests import create_topic

RECORDINGS = ROOT / "build" / "compatibility"


class Meeting:
    """A broker, the proxy before it, and clients that talk through it."""

    def __init__(self, server: Server, recorder: Recorder) -> None:
        self.server = server
        self.recorder = recorder
        recorder.target_port = server.port

    def run(self, client: Client, do: str, topic: str, **command: object) -> list[Line]:
        """Let ``client`` do one thing to ``topic``."""
        self.recorder.label = client.name
        whole = {"do": do, "bootstrap": self.recorder.bootstrap, "topic": topic, **command}
        return run(client, whole)

    def begin(self, client: Client, do: str, topic: str, **command: object) -> Running:
        """Let ``client`` start one thing; the caller waits for it."""
        self.recorder.label = client.name
        whole = {"do": do, "bootstrap": self.recorder.bootstrap, "topic": topic, **command}
        return Running(client, whole)

    def create(self, partitions: int = 1, **configs: str) -> str:
        """Create a topic with a new name; keys have ``_`` for ``.``."""
        topic = f"t{uuid4().hex[:8]}"
        create_topic(self.server.port, topic, partitions, **configs)
        return topic

    def read_back(self, topic: str, count: int, partitions: int = 1, **more: object) -> list[Line]:
        """Read ``count`` records through the reference client, past the proxy."""
        command = {
            "do": "consume",
            "bootstrap": self.server.bootstrap,
            "topic": topic,
            "partitions": list(range(partitions)),
            "count": count,
            **more,
        }
        # It talks to the advertised address after all, so what it uses is noted as its own.
        self.recorder.label = REFERENCE.name
        return run(REFERENCE, command)


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()
    RECORDINGS.mkdir(parents=True, exist_ok=True)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    seen = {label: sorted(pairs) for label, pairs in recorder.seen.items() if label}
    (RECORDINGS / f"{worker}.json").write_text(json.dumps(seen))


@pytest.fixture(scope="session")
def new_server(request: pytest.FixtureRequest, recorder: Recorder) -> Callable[[Path], Server]:
    kind = ApacheKafka if request.config.getoption("--peer") == "kafka" else Server
    return lambda folder: kind(folder, advertised_port=recorder.port)


@pytest.fixture(scope="session")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, new_server: Callable[[Path], Server]
) -> Iterator[Server]:
    server = new_server(tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    assert server.stop() in {0, 143}, "143 is how a JVM ends on SIGTERM"
    server.assert_log_is_clean()


@pytest.fixture
def meeting(shared_server: Server, recorder: Recorder) -> Meeting:
    """A broker that other tests use too: names are fresh, and it stays up."""
    return Meeting(shared_server, recorder)


@pytest.fixture
def own_meeting(
    tmp_path: Path, new_server: Callable[[Path], Server], recorder: Recorder
) -> Iterator[Meeting]:
    """A broker of the test's own, to be killed and restarted."""
    server = new_server(tmp_path / "broker")
    server.start()
    yield Meeting(server, recorder)
    if server.is_running:
        server.stop()

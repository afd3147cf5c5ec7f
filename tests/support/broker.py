"""A broker as a child process, started, stopped and killed by its pid.

The tests of other people's clients run against either of two servers: ours, or with
``--peer kafka`` Apache Kafka itself, which proves the tests.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from tests.support.batches import batches_in
from tests.support.wire import LOOPBACK, is_serving, until

ROOT = Path(__file__).parents[2]
JAVA_LIBS = ROOT / ".envs" / "java" / "lib"
LOG4J = ROOT / "tests" / "clients" / "java" / "log4j2.xml"
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 30.0


GIVEN_MAX = 1_000
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nobody has, outside the range that outgoing connections draw from.

    A broker that is killed and started again finds it free again. Parallel test workers
    draw from ranges of their own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 18_000 + 3_000 * (worker % 4)
    while True:
        port = first + random.randrange(3_000)
        if port in _given:
            continue  # its broker may not have bound it yet
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        _given.add(port)
        if len(_given) > GIVEN_MAX:
            _given.clear()
        return port


class Server:
    """One broker with a folder of its own. Not running until ``start``."""

    def __init__(
        self, folder: Path, config: Mapping[str, str] | None = None, advertised_port: int = 0
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._properties = folder / "server.properties"
        advertised = advertised_port or self.port
        keys = {
            "node.id": "1",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{advertised}",
            "log.dirs": str(self.data),
            **self.more_properties(),
            **(config or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in keys.items()))

    def more_properties(self) -> dict[str, str]:
        """Return keys that this kind of server needs beyond the common ones."""
        return {}

    def command(self) -> list[str]:
        """Return what to execute."""
        # -I: a package called metadata in the caller's folder is never picked up
        start = [sys.executable, "-I", "-m", "raftkafka", "start"]
        return [*start, str(self._properties)]

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not running"
        return self._process.pid

    @property
    def rss_bytes(self) -> int:
        """Resident memory of the process."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def open_files(self) -> int:
        """Descriptors that the process holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended by itself, negative for a signal; None while it runs."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start and wait until it answers."""
        self.spawn()
        self.wait_until_serving()

    def spawn(self) -> None:
        """Start without waiting."""
        assert not self.is_running
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_until_serving(self) -> None:
        """Wait until it answers.

        Raises:
            RuntimeError: it ended instead; its log is in the message.
        """

        def serves_or_died() -> bool:
            return is_serving(self.port) or not self.is_running

        until(serves_or_died, f"serving; see {self.log}", START_DEADLINE_S)
        if not self.is_running:
            raise RuntimeError(f"the broker did not start:\n{self.log_text()[-3000:]}")

    def send_signal(self, how: signal.Signals) -> None:
        """Send a signal, and go on."""
        assert self._process is not None, "not running"
        self._process.send_signal(how)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; return the exit code."""
        return self._end(how)

    def wait(self) -> int:
        """Wait until it ends by itself; return the exit code."""
        assert self._process is not None, "not running"
        code = self._process.wait(START_DEADLINE_S)
        self._process = None
        return code

    def kill(self) -> None:
        """Let it die at once (SIGKILL)."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None, "not running"
        self._process.send_signal(how)
        try:
            return self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process = None

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def assert_log_is_clean(self) -> None:
        """Assert that no exception was reported."""
        text = self.log_text()
        assert "Traceback (most recent call last)" not in text, text[-5000:]

    def batches(self, topic: str, partition: int = 0) -> Iterator[bytes]:
        """Yield the batches of a partition, whole, from its files, in order."""
        for segment in sorted((self.data / f"{topic}-{partition}").glob("*.log")):
            yield from batches_in(segment.read_bytes())


class MakeServer(Protocol):
    """The ``make_server`` fixture: a broker in a folder of its own, not yet running."""

    def __call__(self, config: Mapping[str, str] | None = None) -> Server:
        """Make one with keys beyond the defaults."""
        ...


class ApacheKafka(Server):
    """The original, from the jars that the Java toolchain fetched."""

    def more_properties(self) -> dict[str, str]:
        self._controller_port = free_port()
        return {
            "process.roles": "broker,controller",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port},"
            f"CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "offsets.topic.replication.factor": "1",
            "group.initial.rebalance.delay.ms": "0",
        }

    def java(self, main: str, *arguments: str) -> list[str]:
        options = ["-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={LOG4J}"]
        return ["java", *options, "-cp", f"{JAVA_LIBS}/*", main, *arguments]

    def command(self) -> list[str]:
        if not (self.data / "meta.properties").exists():
            storage = ("format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(self._properties))
            format_it = self.java("kafka.tools.StorageTool", *storage)
            subprocess.run(format_it, check=True, capture_output=True)
        return self.java("kafka.Kafka", str(self._properties))

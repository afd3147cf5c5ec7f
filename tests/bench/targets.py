"""The brokers under measurement: ours, and a peer beside it."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from raftkafka.client.address import Address
from raftkafka.client.client import Client
from raftkafka.client.offsets import LATEST, list_offsets
from raftkafka.client.topics import create_topic, delete_topics
from raftkafka.types import TopicPartition
from tests.bench import machine
from tests.support.broker import JAVA_LIBS, LOG4J, ApacheKafka, Server
from tests.support.wire import LOOPBACK, until

KEYS = {"log.segment.delete.delay.ms": "1000", "log.retention.check.interval.ms": "2000"}
"""What both sides get, so that a finished run's files are gone before the next one."""

LOOP_HELD = re.compile(r"loop_held.*?held_ms\W+([\d.]+)")

MakeServer = Callable[[Path, Mapping[str, str]], Server]

_numbers = itertools.count(1)


class KafkaAtItsDefaults(ApacheKafka):
    """Apache Kafka with the heap and the collector that its start script gives it."""

    def java(self, main: str, *arguments: str) -> list[str]:
        """Return the command of one of Kafka's programs."""
        options = [
            *("-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
            *("-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"),
            *("-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={LOG4J}"),
        ]
        return ["java", *options, "-cp", f"{JAVA_LIBS}/*", main, *arguments]


class Target:
    """A broker that is measured. ``server`` is None if it was there before us."""

    def __init__(
        self,
        name: str,
        port: int,
        folder: Path,
        make_server: MakeServer | None = None,
        server: Server | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.server = server
        self._folder = folder
        self._make_server = make_server
        self._pid = None if server else machine.listener_pid(port)
        self._log_read_to = 0

    @property
    def is_ours(self) -> bool:
        """Whether it is a raftkafka broker that we started."""
        return self.server is not None and not isinstance(self.server, ApacheKafka)

    @property
    def bootstrap(self) -> str:
        """Where clients find it."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        if self.server is not None:
            return self.server.pid
        assert self._pid is not None
        return self._pid

    @property
    def cpu_s(self) -> float:
        """Its processor time so far."""
        return machine.cpu_s(self.pid)

    @property
    def rss_mb(self) -> float:
        """Its resident memory, in 10^6 bytes."""
        return machine.rss_bytes(self.pid) / 1e6

    @property
    def data(self) -> Path | None:
        """Its data folder, if we know it."""
        return self.server.data if self.server else None

    def client(self) -> Client:
        """Return an admin client."""
        return Client([Address(LOOPBACK, self.port)], client_id="bench", timeout_s=120.0)

    @contextmanager
    def topic(self, partitions: int, configs: Mapping[str, str] | None = None) -> Generator[str]:
        """A new topic, deleted at the end with its files."""
        name = f"bench-{next(_numbers)}"
        with self.client() as client:
            create_topic(client, name, partitions=partitions, configs=dict(configs or {}))
            wanted = {TopicPartition(name, index): LATEST for index in range(partitions)}
            until(lambda: _are_served(client, wanted), "the topic is served")
        try:
            yield name
        finally:
            self.delete([name])

    def delete(self, names: list[str]) -> None:
        """Delete topics, and wait until their files are gone."""
        with self.client() as client:
            delete_topics(client, names)
        data = self.data
        if data is not None:
            prefixes = tuple(f"{name}-" for name in names)
            until(lambda: not _begin_with(data, prefixes), "files of deleted topics are gone", 60.0)

    @contextmanager
    def another(self, config: Mapping[str, str] | None = None) -> Generator[Server]:
        """A broker of the same kind with an empty folder, prepared but not started.

        Raises:
            NotMeasured: we cannot start what was there before us.
        """
        if self._make_server is None:
            raise NotMeasured("it was not started from here")
        folder = self._folder / f"{self.name}-{next(_numbers)}"
        server = self._make_server(folder, {**KEYS, **(config or {})})
        server.command()  # Apache Kafka's formats its folder here
        try:
            yield server
        finally:
            end(server)
            shutil.rmtree(folder, ignore_errors=True)

    def last_words(self) -> str:
        """Return the end of its log if it ended by itself, else nothing."""
        if self.server is None or self.server.is_running:
            return ""
        return f"; it ended with {self.server.exit_code}:\n{self.server.log_text()[-3000:]}"

    def loop_held_ms(self) -> float:
        """Return the longest that our loop was held since the last call, as logged."""
        if self.server is None:
            return 0.0
        text = self.server.log_text()
        new, self._log_read_to = text[self._log_read_to :], len(text)
        return max((float(held) for held in LOOP_HELD.findall(new)), default=0.0)


class NotMeasured(Exception):
    """A row has no figure for this target, and why."""


def end(server: Server) -> None:
    """Stop a broker if it runs; kill it if it does not stop."""
    if server.is_running:
        server.stop()


def _are_served(client: Client, wanted: Mapping[TopicPartition, int]) -> bool:
    answers = list_offsets(client, wanted).values()
    return len(answers) == len(wanted) and not any(answer.error for answer in answers)


def _begin_with(data: Path, prefixes: tuple[str, ...]) -> bool:
    return any(path.name.startswith(prefixes) for path in data.iterdir())


@contextmanager
def started(
    name: str, make_server: MakeServer, folder: Path, config: Mapping[str, str] | None = None
) -> Generator[Target]:
    """A broker that we start, and stop at the end."""
    server = make_server(folder / name, {**KEYS, **(config or {})})
    try:
        server.start()
        yield Target(name, server.port, folder, make_server, server)
    finally:
        end(server)
        shutil.rmtree(folder / name, ignore_errors=True)

"""Many partitions: to create them, to start with them, to list them."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from raftkafka.client.address import Address
from raftkafka.client.client import Client
from raftkafka.client.topics import create_topic
from tests.bench.process_rows import ALL_TOPICS, time_to_metadata
from tests.bench.rows import Bench, Row, at_most, lower
from tests.bench.targets import NotMeasured
from tests.support.broker import ApacheKafka, Server
from tests.support.requests import METADATA, METADATA_VERSION
from tests.support.wire import LOOPBACK, frame, read_response, until

COUNTS = (10, 1_000, 10_000)
CREATED_ONE_BY_ONE = 20
ASKED = 15
LISTED = 5
DEADLINE_S = 120.0
TOPIC = "many"
TOPIC_PARTITIONS = 1_000
"""Of one topic; Apache Kafka takes no request whose records are more than 10,000."""
DESCRIBED_BYTES = 26
"""What a partition takes in an answer, at least: error, id, leader, one replica, one in sync."""


def run_create_one(bench: Bench) -> Mapping[str, float]:
    """Topics of one partition, one after the other on one connection."""
    names = [f"one-{time.time_ns()}-{n}" for n in range(CREATED_ONE_BY_ONE)]
    with bench.target.client() as client:
        client.metadata([])
        times = [timed(partial(create_topic, client, name, partitions=1)) for name in names]
    bench.target.delete(names)
    return {"p50": statistics.median(times) * 1e3}


def run_many(bench: Bench, *, count: int) -> Mapping[str, float]:
    """Create many partitions, stop cleanly, start again, and ask for all of them."""
    with bench.target.another() as server:
        server.start()
        with Client([Address(LOOPBACK, server.port)], timeout_s=DEADLINE_S) as client:
            begin = time.perf_counter()
            for n in range(-(-count // TOPIC_PARTITIONS)):
                create_topic(client, f"{TOPIC}{n}", partitions=min(count, TOPIC_PARTITIONS))
            answered_s = time.perf_counter() - begin
        until(lambda: folders(server.data) >= count, "every partition has a folder", DEADLINE_S)
        on_disk_s = time.perf_counter() - begin
        server.stop()
        restart_s = time_to_metadata(server)
        restart_s += timed(partial(wait_for_leaders, server, count))
        time.sleep(bench.settle_s)
        return {
            "create, answered": answered_s,
            "create, on disk": on_disk_s,
            "restart": restart_s,
            "RSS": server.rss_bytes / 1e6,
            "Metadata of all": metadata_of_all_ms(server.port, count),
        }


def folders(data: Path) -> int:
    """Return how many partitions of the topics are on the disk."""
    return sum(1 for path in data.iterdir() if path.name.startswith(TOPIC))


def wait_for_leaders(server: Server, count: int) -> None:
    """Wait until the broker says that every partition has a leader."""

    def led() -> bool:
        with Client([Address(LOOPBACK, server.port)], timeout_s=DEADLINE_S) as client:
            partitions = [it for topic in client.metadata(None).topics for it in topic.partitions]
        return sum(partition.leader_id >= 0 for partition in partitions) == count

    until(led, "every partition is led", DEADLINE_S)


def metadata_of_all_ms(port: int, count: int) -> float:
    """Return how long a client waits for the description of everything."""
    with socket.create_connection((LOOPBACK, port), 30.0) as connection:

        def ask() -> int:
            connection.sendall(frame(METADATA, METADATA_VERSION, ALL_TOPICS))
            return len(read_response(connection))

        if ask() < count * DESCRIBED_BYTES:
            raise RuntimeError("Metadata does not describe all partitions")
        return statistics.median(timed(ask) for _ in range(ASKED)) * 1e3


def run_topic_list(bench: Bench) -> Mapping[str, float]:
    """The command that lists topics, as a process."""
    server = bench.target.server
    if server is None:
        raise NotMeasured("its command is not known")
    bootstrap = ("--bootstrap-server", bench.target.bootstrap)
    if isinstance(server, ApacheKafka):
        command = server.java("org.apache.kafka.tools.TopicCommand", "--list", *bootstrap)
        command = ["-Xmx256M" if part == "-Xmx1g" else part for part in command if part != "-Xms1g"]
    else:
        command = [sys.executable, "-I", "-m", "raftkafka", "topic", "list", *bootstrap]
    run = partial(subprocess.run, command, check=True, capture_output=True, timeout=60.0)
    return {"time": statistics.median(timed(run) for _ in range(LISTED))}


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _row(count: int) -> Row:
    restart = (
        at_most("restart", "s", 3.0, 1.5) if count == max(COUNTS) else lower("restart", "s", 1.0)
    )
    figures = (
        lower("create, answered", "s", 1.0),
        lower("create, on disk", "s", 1.0),
        restart,
        lower("RSS", "MB", 1.0),
        lower("Metadata of all", "ms", 1.0),
    )
    return Row(f"{count:,} partitions", figures, partial(run_many, count=count))


ROWS = (
    Row("CreateTopics, 1 partition", (at_most("p50", "ms", 30.0, 10.0),), run_create_one),
    Row("topic list", (at_most("time", "s", 0.15, 0.15),), run_topic_list),
    *(_row(count) for count in COUNTS),
)

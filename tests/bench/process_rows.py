"""The process itself: how fast it starts, what it costs when idle, and per connection."""

from __future__ import annotations

import resource
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress

from tests.bench import machine
from tests.bench.rows import Bench, Row, at_most, higher, lower, make_batch
from tests.bench.wire_rows import FETCH_MAX_BYTES, VALUE_BYTES
from tests.support.broker import Server
from tests.support.requests import METADATA, METADATA_VERSION
from tests.support.wire import API_VERSIONS, LOOPBACK, call, frame, read_response

START_DEADLINE_S = 120.0
POLL_S = 0.001
NO_TOPICS = struct.pack(">i", 0)
ALL_TOPICS = struct.pack(">i", -1)


def run_start(bench: Bench) -> Mapping[str, float]:
    """An empty broker: started, left alone, and then given many idle connections."""
    with bench.target.another() as server:
        started_s = time_to_metadata(server)
        time.sleep(bench.settle_s)
        rss_bytes = server.rss_bytes
        before = machine.cpu_s(server.pid)
        idle_s = bench.seconds if bench.quick else max(bench.seconds, 10.0)
        time.sleep(idle_s)
        idle_cpu = (machine.cpu_s(server.pid) - before) / idle_s
        connection_bytes = rss_per_connection(server, 200 if bench.quick else 2000)
        return {
            "exec to Metadata": started_s,
            "idle RSS": rss_bytes / 1e6,
            "idle CPU": idle_cpu * 100,
            "RSS per idle connection": connection_bytes / 1024,
        }


def time_to_metadata(server: Server) -> float:
    """Start a broker; return the seconds until it answers Metadata with a broker in it."""
    begin = time.perf_counter()
    server.spawn()
    while time.perf_counter() - begin < START_DEADLINE_S:
        with suppress(OSError):
            if brokers_in(call(server.port, METADATA, METADATA_VERSION, NO_TOPICS)):
                return time.perf_counter() - begin
        if not server.is_running:
            raise RuntimeError(f"the broker did not start:\n{server.log_text()[-2000:]}")
        time.sleep(POLL_S)
    raise TimeoutError(f"no Metadata after {START_DEADLINE_S} s")


def brokers_in(metadata: bytes) -> int:
    """Return how many brokers a Metadata answer names."""
    (count,) = struct.unpack_from(">i", metadata)
    return int(count)


def rss_per_connection(server: Server, count: int) -> float:
    """Return the bytes that one connection more costs, once it has sent a request."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = server.rss_bytes
    with ExitStack() as connections:
        for _ in range(count):
            connection = socket.create_connection((LOOPBACK, server.port), 10.0)
            connections.enter_context(connection)
            connection.sendall(frame(API_VERSIONS, 0, b""))
            read_response(connection)
        return (server.rss_bytes - before) / count


def run_connects(bench: Bench) -> Mapping[str, float]:
    """Connect, ApiVersions, close, one after the other."""
    seconds = min(bench.seconds, 3.0)  # each leaves a port behind for a minute
    result = bench.generators.wire("connect", LOOPBACK, bench.target.port, seconds, seconds=seconds)
    return {"connections": result["connections_per_s"]}


def run_after_load(bench: Bench) -> Mapping[str, float]:
    """Memory after large and small requests in and out, on top of all that ran before."""
    target = bench.target
    large, small = make_batch(VALUE_BYTES, 1_000_000), make_batch(VALUE_BYTES)
    bench.warm()
    with target.topic(bench.partitions) as topic:
        bench.produce(topic, large, connections=4, depth=4)
        fetch = bench.fetch_arguments(topic, connections=4, max_bytes=FETCH_MAX_BYTES)
        bench.generators.wire(*fetch, seconds=bench.seconds)
        bench.produce(topic, small, connections=50, depth=8)
        return {"RSS": target.rss_mb}


ROWS = (
    Row(
        "an empty broker",
        (
            at_most("exec to Metadata", "s", 0.45, 0.35),
            at_most("idle RSS", "MB", 60.0, 45.0),
            at_most("idle CPU", "%", 0.5, 0.2),
            lower("RSS per idle connection", "KiB", 1.0),
        ),
        run_start,
    ),
    Row("connect, ApiVersions, close", (higher("connections", "/s", 1.0, 1.3),), run_connects),
)

LAST = (Row("after load", (lower("RSS", "MB", 1.0),), run_after_load),)

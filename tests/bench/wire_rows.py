"""Pre-encoded batches on the wire: what the broker itself can take, give, and answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.rows import Bench, Row, cpu_meter, higher, lower, make_batch

VALUE_BYTES = 200
LARGE = (("200 KB", 200_000), ("1 MB", 1_000_000))
CONNECTIONS = 4
DEPTH = 4
FETCH_MAX_BYTES = 1 << 20
FILL_BYTES_PER_S = 300_000_000

SMALL = (
    (1, 1, 1.2, 1.8),
    (1, 16, 4.0, 10.0),
    (50, 1, 1.2, 1.8),
    (50, 8, 2.5, 5.0),
    (1000, 1, 1.0, 1.3),
)
"""Connections, requests in flight on each; floor and goal of the requests per second."""


def run_produce(bench: Bench, *, batch_bytes: int) -> Mapping[str, float]:
    """Batches of one size, several in flight on several connections."""
    batch = make_batch(VALUE_BYTES, batch_bytes)
    bench.warm()
    with bench.target.topic(bench.partitions) as topic, cpu_meter(bench.target) as cpu:
        result = bench.produce(topic, batch, connections=CONNECTIONS, depth=DEPTH)
    return {"bytes": result["mb_per_s"], "CPU in": cpu.per_gb(result["bytes"])}


def run_fetch(bench: Bench, *, batch_bytes: int) -> Mapping[str, float]:
    """Read warm data over and over."""
    batch = make_batch(VALUE_BYTES, batch_bytes)
    bench.warm()
    with bench.target.topic(bench.partitions) as topic:
        bench.fill(topic, batch, int(bench.seconds * FILL_BYTES_PER_S))
        arguments = bench.fetch_arguments(topic, connections=CONNECTIONS, max_bytes=FETCH_MAX_BYTES)
        with cpu_meter(bench.target) as cpu:
            result = bench.generators.wire(*arguments, seconds=bench.seconds)
    return {
        "messages": result["records_per_s"] / 1e6,
        "bytes": result["mb_per_s"],
        "CPU out": cpu.per_gb(result["bytes"]),
    }


def run_small(bench: Bench, *, connections: int, depth: int) -> Mapping[str, float]:
    """One record a request."""
    batch = make_batch(VALUE_BYTES)
    with bench.target.topic(bench.partitions) as topic, cpu_meter(bench.target) as cpu:
        result = bench.produce(topic, batch, connections=connections, depth=depth)
    return {
        "requests": result["requests_per_s"] / 1e3,
        "p99": result["p99_ms"],
        "CPU": cpu.seconds / result["requests"] * 1e6,
    }


ROWS = (
    *(
        Row(
            f"wire produce, {name} batches",
            (higher("bytes", "MB/s", 1.0, 1.3), lower("CPU in", "s/GB", 0.6, 0.4)),
            partial(run_produce, batch_bytes=size),
        )
        for name, size in LARGE
    ),
    *(
        Row(
            f"wire fetch, {name} batches",
            (
                higher("messages", "M/s", 1.0, 1.3),
                higher("bytes", "MB/s"),
                lower("CPU out", "s/GB", 1.0, 0.7),
            ),
            partial(run_fetch, batch_bytes=size),
        )
        for name, size in LARGE
    ),
    *(
        Row(
            f"one record a request, {connections}x{depth}",
            (
                higher("requests", "k/s", floor, goal),
                lower("p99", "ms"),
                lower("CPU", "us/request"),
            ),
            partial(run_small, connections=connections, depth=depth),
        )
        for connections, depth, floor, goal in SMALL
    ),
)

"""How long a producer waits for its acknowledgement at a fixed rate (librdkafka, acks all)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.rows import Bench, Figure, Row, at_most, lower

VALUE_BYTES = 200


def run_latency(bench: Bench, *, rate: int, linger_ms: int) -> Mapping[str, float]:
    """One producer; latency counts from when a message was due."""
    seconds = max(bench.seconds, 2000 / rate) if not bench.quick else bench.seconds
    with bench.target.topic(bench.partitions) as topic:
        result = bench.generators.rdkafka(
            *("latency", bench.target.bootstrap, topic, bench.partitions),
            *(VALUE_BYTES, seconds, rate, linger_ms),
            seconds=seconds,
        )
    return {
        "p50": result["p50_ms"],
        "p99": result["p99_ms"],
        "p99.9": result["p999_ms"],
        "max": result["max_ms"],
    }


def _figures(p99: Figure) -> tuple[Figure, ...]:
    return (lower("p50", "ms"), p99, lower("p99.9", "ms"), lower("max", "ms"))


ROWS = (
    Row(
        "latency, 1,000/s, linger 0",
        _figures(lower("p99", "ms", 1.0, 0.5)),
        partial(run_latency, rate=1000, linger_ms=0),
    ),
    Row(
        "latency, 10,000/s, linger 0",
        _figures(at_most("p99", "ms", 5.0, 2.0)),
        partial(run_latency, rate=10_000, linger_ms=0),
    ),
    Row(
        "latency, 10,000/s, linger 5 ms",
        _figures(lower("p99", "ms", 1.0)),
        partial(run_latency, rate=10_000, linger_ms=5),
    ),
)

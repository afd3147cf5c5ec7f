"""librdkafka at full speed: producers and consumers, bound by the client more than by a broker."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.generators import Result
from tests.bench.rows import Bench, Row, cpu_meter, higher, lower, make_batch

BATCH_BYTES = 1_000_000
BATCH_RECORDS = 10_000
"""What librdkafka puts into a batch at most, by its defaults."""
FILL_BYTES_PER_S = 600_000_000
SIZES = (100, 200, 1024)
LZ4_VALUE_BYTES = 200
PRODUCER = (
    higher("messages", "k/s", floor=1.0, goal=1.05),
    lower("CPU in", "s/GB", floor=0.6, goal=0.4),
)
CONSUMER = (
    higher("messages", "k/s", floor=1.0, goal=1.05),
    lower("CPU out", "s/GB", floor=1.0, goal=0.7),
)


def run_producer(bench: Bench, *, value_bytes: int, codec: str = "none") -> Mapping[str, float]:
    """One producer, acks 1."""
    bench.warm()
    with bench.target.topic(bench.partitions) as topic, cpu_meter(bench.target) as cpu:
        result = produce(bench, topic, value_bytes, codec)
    return {
        "messages": result["messages_per_s"] / 1e3,
        "CPU in": cpu.per_gb(result["total_messages"] * value_bytes),
    }


def run_consumer(bench: Bench, *, value_bytes: int) -> Mapping[str, float]:
    """One consumer, from the beginning to the end, of batches as a busy producer makes them."""
    batch = make_batch(value_bytes, min(BATCH_BYTES, BATCH_RECORDS * value_bytes))
    bench.warm()
    with bench.target.topic(bench.partitions) as topic:
        bench.fill(topic, batch, int(bench.seconds * FILL_BYTES_PER_S))
        return consume(bench, topic)


def run_lz4_consumer(bench: Bench) -> Mapping[str, float]:
    """One consumer of what librdkafka compressed."""
    bench.warm()
    with bench.target.topic(bench.partitions) as topic:
        produce(bench, topic, LZ4_VALUE_BYTES, "lz4")
        return consume(bench, topic)


def produce(bench: Bench, topic: str, value_bytes: int, codec: str) -> Result:
    """Produce as fast as one client can, for the time of a measurement."""
    load = (bench.target.bootstrap, topic, bench.partitions, value_bytes, bench.seconds, codec)
    return bench.generators.rdkafka("produce", *load, seconds=bench.seconds)


def consume(bench: Bench, topic: str) -> Mapping[str, float]:
    """Read it all once."""
    seconds_max = 5 * bench.seconds + 5
    load = (bench.target.bootstrap, topic, bench.partitions, seconds_max)
    with cpu_meter(bench.target) as cpu:
        result = bench.generators.rdkafka("consume", *load, seconds=seconds_max)
    return {"messages": result["messages_per_s"] / 1e3, "CPU out": cpu.per_gb(result["bytes"])}


ROWS = (
    *(
        Row(f"producer, {size} B", PRODUCER, partial(run_producer, value_bytes=size))
        for size in SIZES
    ),
    *(
        Row(f"consumer, {size} B", CONSUMER, partial(run_consumer, value_bytes=size))
        for size in SIZES
    ),
    Row(
        f"producer, {LZ4_VALUE_BYTES} B, lz4",
        PRODUCER,
        partial(run_producer, value_bytes=LZ4_VALUE_BYTES, codec="lz4"),
    ),
    Row(f"consumer, {LZ4_VALUE_BYTES} B, lz4", CONSUMER, run_lz4_consumer),
)

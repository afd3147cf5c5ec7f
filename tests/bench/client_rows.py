"""librdkafka at full speed: producers and consumers, bound by the client more than by a broker."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from raftkafka.compression import Codec
from tests.bench.rows import Bench, Row, cpu_meter, higher, lower, make_batch

BATCH_BYTES = 1_000_000
BATCH_RECORDS = 10_000
"""What librdkafka puts into a batch at most, by its defaults."""
FILL_BYTES_PER_S = 600_000_000
SIZES = (100, 200, 1024)
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
        result = bench.generators.rdkafka(
            *("produce", bench.target.bootstrap, topic, bench.partitions),
            *(value_bytes, bench.seconds, codec),
            seconds=bench.seconds,
        )
    return {
        "messages": result["messages_per_s"] / 1e3,
        "CPU in": cpu.per_gb(result["total_messages"] * value_bytes),
    }


def run_consumer(
    bench: Bench, *, value_bytes: int, codec: Codec = Codec.NONE
) -> Mapping[str, float]:
    """One consumer, from the beginning to the end, of batches as a busy producer makes them."""
    batch = make_batch(value_bytes, min(BATCH_BYTES, BATCH_RECORDS * value_bytes), codec)
    bench.warm()
    with bench.target.topic(bench.partitions) as topic:
        bench.fill(topic, batch, int(bench.seconds * FILL_BYTES_PER_S))
        with cpu_meter(bench.target) as cpu:
            result = bench.generators.rdkafka(
                *("consume", bench.target.bootstrap, topic, bench.partitions, bench.seconds * 5),
                seconds=bench.seconds * 5,
            )
    return {
        "messages": result["messages_per_s"] / 1e3,
        "CPU out": cpu.per_gb(result["bytes"]),
    }


ROWS = (
    *(
        Row(f"producer, {size} B", PRODUCER, partial(run_producer, value_bytes=size))
        for size in SIZES
    ),
    *(
        Row(f"consumer, {size} B", CONSUMER, partial(run_consumer, value_bytes=size))
        for size in SIZES
    ),
    Row("producer, 200 B, lz4", PRODUCER, partial(run_producer, value_bytes=200, codec="lz4")),
    Row("consumer, 200 B, lz4", CONSUMER, partial(run_consumer, value_bytes=200, codec=Codec.LZ4)),
)

"""Full disks and long hours: old data, much data, and memory that must not grow."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Mapping
from functools import partial

from tests.bench import machine
from tests.bench.generators import GeneratorFailed, parse_result
from tests.bench.rows import Bench, Row, at_most, higher, lower, make_batch
from tests.bench.targets import NotMeasured
from tests.bench.wire_rows import VALUE_BYTES

OLD_BYTES_PER_S = 600_000_000
WRITERS = 8
WRITES_PER_S = 1000
READ_MAX_BYTES = 1 << 20
SOAK_S = 600.0
SOAK_STEPS_MIN = 6
SOAK_CONFIG = {"retention.bytes": str(256 << 20), "segment.bytes": str(64 << 20)}
GB = 1_000_000_000


def run_old_data(bench: Bench) -> Mapping[str, float]:
    """Writers at a fixed rate, alone, and beside a reader of what is not in memory any more."""
    data = bench.target.data
    if data is None:
        raise NotMeasured("its files are not known")
    one, large = make_batch(VALUE_BYTES), make_batch(VALUE_BYTES, 1_000_000)
    bench.warm()
    with bench.target.topic(bench.partitions) as old, bench.target.topic(bench.partitions) as new:
        write = partial(
            bench.produce, new, one, connections=WRITERS, depth=8, rate=WRITES_PER_S, acks=-1
        )
        bench.fill(old, large, int(bench.seconds * OLD_BYTES_PER_S))
        machine.drop_from_page_cache(data)
        write()  # the first requests of a topic open its files
        alone = write()
        arguments = bench.fetch_arguments(old, connections=2, max_bytes=READ_MAX_BYTES)
        with bench.generators.start_wire(*arguments) as reader:
            try:
                beside = write()
                output, _ = reader.communicate(timeout=30.0)
                read = parse_result(reader.returncode, output, "")
            finally:
                reader.kill()
    if not read["bytes"]:
        raise GeneratorFailed("nothing was read")
    return {
        "writers' p99 alone": alone["p99_ms"],
        "writers' p99 beside": beside["p99_ms"],
        "times": beside["p99_ms"] / max(alone["p99_ms"], 0.001),
        "read": read["mb_per_s"],
    }


def run_retained(bench: Bench, *, retained_bytes: int) -> Mapping[str, float]:
    """The main figures once more, with so much on the disk."""
    if shutil.disk_usage(bench.folder).free < 2 * retained_bytes:
        raise NotMeasured("there is not enough disk")
    one, middle = make_batch(VALUE_BYTES), make_batch(VALUE_BYTES, 200_000)
    with bench.target.topic(bench.partitions) as topic:
        bench.fill(topic, make_batch(VALUE_BYTES, 1_000_000), retained_bytes)
        large = bench.produce(topic, middle, connections=4, depth=4)
        small = bench.produce(topic, one, connections=50, depth=1)
        timed = bench.produce(topic, one, connections=8, depth=8, rate=WRITES_PER_S, acks=-1)
    return {
        "produce": large["mb_per_s"],
        "requests 50x1": small["requests_per_s"] / 1e3,
        "p99 at 1,000/s": timed["p99_ms"],
    }


def run_soak(bench: Bench) -> Mapping[str, float]:
    """Full load for ten minutes, with retention at work; memory at the end beside the beginning."""
    batch = make_batch(VALUE_BYTES, 200_000)
    soak_s = SOAK_S if not bench.quick else SOAK_STEPS_MIN * bench.seconds
    rss_mb: list[float] = []
    written = 0.0
    with bench.target.topic(bench.partitions, SOAK_CONFIG) as topic:
        begin = time.perf_counter()
        while (took_s := time.perf_counter() - begin) < soak_s or len(rss_mb) < SOAK_STEPS_MIN:
            written += bench.produce(topic, batch, connections=4, depth=4)["bytes"]
            # librdkafka finds its place again when retention takes what it reads
            load = (bench.target.bootstrap, topic, bench.partitions, bench.seconds)
            bench.generators.rdkafka("consume", *load, seconds=bench.seconds)
            rss_mb.append(bench.target.rss_mb)
    sixth = len(rss_mb) // SOAK_STEPS_MIN
    early, late = rss_mb[sixth : 3 * sixth], rss_mb[-2 * sixth :]
    return {
        "RSS": statistics.median(late),
        "RSS growth": statistics.median(late) - statistics.median(early),
        "written": written / took_s / 1e6,
    }


def _retained_row(gb: int) -> Row:
    figures = (
        higher("produce", "MB/s", 1.0),
        higher("requests 50x1", "k/s", 1.2),
        lower("p99 at 1,000/s", "ms", 1.0),
    )
    run = partial(run_retained, retained_bytes=gb * GB)
    return Row(f"{gb} GB retained", figures, run, is_long=True)


ROWS = (
    Row(
        "reading old data",
        (
            lower("writers' p99 alone", "ms"),
            lower("writers' p99 beside", "ms"),
            at_most("times", "", 2.0, 2.0),
            higher("read", "MB/s"),
        ),
        run_old_data,
    ),
    _retained_row(1),
    _retained_row(20),
    Row(
        "ten minutes of full load",
        (lower("RSS", "MB", 1.0), at_most("RSS growth", "MB", 8.0, 2.0), higher("written", "MB/s")),
        run_soak,
        is_long=True,
    ),
)

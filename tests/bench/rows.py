"""What a row of the table is, and what it gets to measure with."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from raftkafka.records import Record, build_batch
from tests.bench import machine
from tests.bench.generators import Generators, Result
from tests.bench.targets import Target
from tests.support.wire import LOOPBACK

WARM_BYTES_PER_S = 1 << 30
WARM_BYTES_MAX = 4 << 30
RECORD_OVERHEAD_BYTES = 8


class Better(Enum):
    """In which direction a figure improves."""

    HIGHER = "higher"
    LOWER = "lower"


class Against(Enum):
    """What floor and goal of a figure are compared with."""

    RATIO = "ratio"
    VALUE = "value"


@dataclass(frozen=True)
class Figure:
    """One measured number. Floor and goal: of the ratio to a peer, or of our value itself."""

    name: str
    unit: str
    better: Better
    floor: float | None = None
    goal: float | None = None
    against: Against = Against.RATIO


def higher(name: str, unit: str, floor: float | None = None, goal: float | None = None) -> Figure:
    """More is better; floor and goal are ratios to a peer."""
    return Figure(name, unit, Better.HIGHER, floor, goal)


def lower(name: str, unit: str, floor: float | None = None, goal: float | None = None) -> Figure:
    """Less is better; floor and goal are ratios to a peer."""
    return Figure(name, unit, Better.LOWER, floor, goal)


def at_most(name: str, unit: str, floor: float, goal: float) -> Figure:
    """Less is better; floor and goal are values."""
    return Figure(name, unit, Better.LOWER, floor, goal, Against.VALUE)


@dataclass(frozen=True)
class Bench:
    """One measurement of one target."""

    target: Target
    generators: Generators
    folder: Path
    seconds: float
    partitions: int
    quick: bool = False

    @property
    def settle_s(self) -> float:
        """How long a broker that just started is left alone before its memory is looked at."""
        return 0.2 if self.quick else 1.0

    def warm(self) -> None:
        """Have memory for what a load of this length writes."""
        wanted = min(int(self.seconds * WARM_BYTES_PER_S), WARM_BYTES_MAX)
        size_bytes = min(wanted, machine.spare_bytes(self.folder))
        machine.warm_page_cache(self.folder, size_bytes, seconds_max=2 * self.seconds)

    def produce(
        self,
        topic: str,
        batch: bytes,
        *,
        connections: int,
        depth: int,
        rate: float = 0,
        partitions: int | None = None,
        acks: int = 1,
    ) -> Result:
        """Send one batch over and over for the time of a measurement."""
        batch_file = self.generators.batch_file(batch)
        load = (topic, partitions or self.partitions, connections, depth, self.seconds, rate)
        return self.generators.wire(
            *("produce", LOOPBACK, self.target.port, *load, acks, batch_file, 0),
            seconds=self.seconds,
        )

    def fetch_arguments(self, topic: str, *, connections: int, max_bytes: int) -> list[object]:
        """Return what makes ``wire_load`` read all partitions over and over."""
        load = (topic, self.partitions, connections, 1, self.seconds, max_bytes)
        return ["fetch", LOOPBACK, self.target.port, *load]

    def fill(self, topic: str, batch: bytes, size_bytes: int) -> None:
        """Write so much, spread over the partitions."""
        count = max(self.partitions, size_bytes // len(batch))
        seconds = 30 + size_bytes / 1e8
        load = (topic, self.partitions, self.partitions, 4, seconds, 0, 1)
        batch_file = self.generators.batch_file(batch)
        self.generators.wire(
            "produce", LOOPBACK, self.target.port, *load, batch_file, count, seconds=seconds
        )


@dataclass(frozen=True)
class Row:
    """One row: ``run`` returns a value for each of the figures, by name."""

    name: str
    figures: tuple[Figure, ...]
    run: Callable[[Bench], Mapping[str, float]]
    is_long: bool = False
    """Takes many minutes or much disk; only on demand."""
    runs_once: bool = False
    """Repeats within itself what it measures; once for each target is enough."""


class CpuMeter:
    """Processor time of a target while something runs."""

    seconds: float = 0.0

    def per_gb(self, size_bytes: float) -> float:
        """Return the seconds per 10^9 bytes."""
        return self.seconds / (size_bytes / 1e9) if size_bytes else 0.0


@contextmanager
def cpu_meter(target: Target) -> Generator[CpuMeter]:
    """Measure the target's processor time until the block ends."""
    meter = CpuMeter()
    before = target.cpu_s
    yield meter
    meter.seconds = target.cpu_s - before


def make_batch(value_bytes: int, size_bytes: int = 0) -> bytes:
    """Return a batch of records of one size: as many as come nearest to ``size_bytes``, or one."""
    text = b"".join(b'"order":%d,"status":%d,' % (n * 7919, n * n) for n in range(2000))
    count = max(1, round(size_bytes / (value_bytes + RECORD_OVERHEAD_BYTES)))
    now_ms = time.time_ns() // 1_000_000  # older ones would be deleted for their age
    starts = (n * 31 % (len(text) - value_bytes) for n in range(count))
    return build_batch(
        [Record(n, now_ms, None, text[at : at + value_bytes]) for n, at in enumerate(starts)]
    )

"""What a lone voter's commits cost: ``python -m tests.bench.quorum_commits [--folder F] [--json]``.

Commit latency beside the same write and fdatasync by themselves, commits a second with many in
flight, the time from opening a folder to leading, and what idling costs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator

import trio

from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.settings import RaftSettings
from raftkafka.disk_driver import OsDisk

COMMITS = 2000
COMMAND = b"x" * 200
IN_FLIGHT = 1024
THROUGHPUT_COMMITS = 60_000
IDLE_S = 3.0


class Nothing:
    """A state machine that costs nothing."""

    term: int | None = None

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Take a command."""

    def snapshot(self) -> bytes:
        """Return nothing."""
        return b""

    def restore(self, snapshot: bytes) -> None:
        """Take nothing."""

    def on_leader(self, term: int | None) -> None:
        """Keep the term."""
        self.term = term


def percentiles(samples: list[float]) -> dict[str, float]:
    """Return p50, p99 and p99.9 of seconds, in milliseconds."""
    ordered = sorted(samples)
    places = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    return {
        name: round(ordered[int(share * (len(ordered) - 1))] * 1000, 3)
        for name, share in places.items()
    }


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Return how long each call took, in seconds."""
    samples: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        samples.append(time.perf_counter() - started)
    return samples


def bare_syncs(folder: str) -> dict[str, float]:
    """Measure the disk alone: one write and fdatasync after the other, in a zero-filled file."""
    descriptor = os.open(f"{folder}/bare", os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, bytes(1 << 20), 0)
    os.fsync(descriptor)
    places: Iterator[int] = iter(range(0, 1 << 20, 256))

    def write() -> None:
        os.pwrite(descriptor, COMMAND, next(places))
        os.fdatasync(descriptor)

    samples = timed(write, COMMITS)
    os.close(descriptor)
    return percentiles(samples)


async def measure(folder: str) -> dict[str, object]:
    """Return the figures of one voter in a fresh folder."""
    machine = Nothing()
    config = QuorumConfig(f"{folder}/meta", RaftSettings(1, frozenset({1})))
    quorum = Quorum(config, OsDisk(), random.Random(), machine)
    started = time.perf_counter()
    async with trio.open_nursery() as nursery:
        await nursery.start(quorum.run)
        figures: dict[str, object] = {"start_ms": round((time.perf_counter() - started) * 1e3, 2)}
        assert machine.term is not None
        term = machine.term
        samples: list[float] = []
        for _ in range(COMMITS):
            before = time.perf_counter()
            await quorum.propose(COMMAND, term)
            samples.append(time.perf_counter() - before)
        figures["commit_ms"] = percentiles(samples)
        figures["commits_per_s"] = round(await throughput(quorum, term))
        cpu = time.process_time()
        await trio.sleep(IDLE_S)
        figures["idle_cpu_percent"] = round((time.process_time() - cpu) / IDLE_S * 100, 3)
        nursery.cancel_scope.cancel()
    return figures


async def throughput(quorum: Quorum, term: int) -> float:
    """Return commits a second with many in flight."""
    left = iter(range(THROUGHPUT_COMMITS))

    async def propose() -> None:
        for _ in left:
            await quorum.propose(COMMAND, term)

    started = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(IN_FLIGHT):
            nursery.start_soon(propose)
    return THROUGHPUT_COMMITS / (time.perf_counter() - started)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="on the disk to measure; default: the temporary folder's")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = {"bare_sync_ms": bare_syncs(folder), **trio.run(measure, folder)}
    if options.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:18} {figure}")


if __name__ == "__main__":
    main()

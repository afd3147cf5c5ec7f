"""A lone voter as a process: prints what it has, then proposes numbers and prints each answer.

python -m tests.crash.quorum_process FOLDER FIRST

had N N N ...       everything applied at start
acknowledged N      one line each
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator

import trio

from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.settings import RaftSettings
from raftkafka.disk_driver import OsDisk

PROPOSERS = 16
SETTINGS = RaftSettings(1, frozenset({1}), snapshot_every_bytes=50_000, retained_entries=10)


class Numbers:
    """The state: all numbers, in order."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.term: int | None = None

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Keep a number."""
        del index, term
        self.numbers.append(int(command))

    def snapshot(self) -> Iterator[bytes]:
        """Return all, in chunks."""
        return iter([b"%d " % number for number in self.numbers])

    def restore(self, snapshot: bytes) -> None:
        """Take all."""
        self.numbers = [int(number) for number in snapshot.split()]

    def on_leader(self, term: int | None) -> None:
        """Keep the term."""
        self.term = term


def say(line: str) -> None:
    """Write a line past every buffer: what is said was said, whatever happens next."""
    os.write(1, line.encode() + b"\n")


async def main(folder: str, first: int) -> None:
    """Propose numbers until killed."""
    machine = Numbers()
    config = QuorumConfig(folder, SETTINGS, segment_bytes=8192)
    quorum = Quorum(config, OsDisk(), random.Random(), machine)
    numbers = iter(range(first, 1 << 60))

    async def propose() -> None:
        for number in numbers:
            assert machine.term is not None
            await quorum.propose(b"%d" % number, machine.term)
            say(f"acknowledged {number}")

    async with trio.open_nursery() as nursery:
        await nursery.start(quorum.run)
        say(f"had {' '.join(map(str, machine.numbers))}")
        for _ in range(PROPOSERS):
            nursery.start_soon(propose)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))

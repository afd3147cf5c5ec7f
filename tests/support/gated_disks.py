"""Disks whose blocking work waits at a gate: an fsync that hangs for as long as a test likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
import trio

from raftkafka.disk_driver import OsDisk, OsFile
from raftkafka.types import Randomness
from tests.sim.memory_disk import MemoryDisk, MemoryFile

T = TypeVar("T")


class Gate:
    """Open at first."""

    def __init__(self) -> None:
        self._open = trio.Event()
        self._open.set()
        self._let_through = 0
        self.waiting = 0
        """How much work waits."""

    def shut(self, *, after: int = 0) -> None:
        """Let what comes from now on wait, but for the first few."""
        self._open = trio.Event()
        self._let_through = after

    def open(self) -> None:
        """Let all through."""
        self._open.set()

    def let_through(self, count: int) -> None:
        """Let the next few through, and not those that wait."""
        self._let_through = count

    async def passed(self) -> None:
        """Return when the gate is open."""
        if self._let_through:
            self._let_through -= 1
        else:
            self.waiting += 1
            await self._open.wait()
            self.waiting -= 1


class GatedOsDisk(OsDisk):
    """The operating system's files behind a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    async def run(self, work: Callable[[], T]) -> T:
        """Run the work once the gate is open."""
        await self.gate.passed()
        return await super().run(work)


class GatedMemoryDisk(MemoryDisk):
    """A disk in memory behind a gate."""

    def __init__(
        self,
        random: Randomness,
        *,
        delay_max_s: float = 0.002,
        capacity_bytes: int = 1 << 40,
    ) -> None:
        super().__init__(random, delay_max_s=delay_max_s, capacity_bytes=capacity_bytes)
        self.gate = Gate()

    async def run(self, work: Callable[[], T]) -> T:
        """Run the work once the gate is open."""
        await self.gate.passed()
        return await super().run(work)


GatedDisk = GatedOsDisk | GatedMemoryDisk


def make_all_files_cold(patch: pytest.MonkeyPatch) -> None:
    """Let no file be in the page cache, so that reads go through the gate."""

    def is_warm(file: object, position: int, length: int) -> bool:
        return False

    patch.setattr(OsFile, "is_warm", is_warm)
    patch.setattr(MemoryFile, "is_warm", is_warm)

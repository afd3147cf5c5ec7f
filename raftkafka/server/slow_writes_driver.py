"""Writes to directories that are slow just now: by a thread, so that they hold up nobody else.

What a turn appended is copied, since its receive buffers are used again, and its answers wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import trio

from raftkafka.disk import Disk
from raftkafka.log.append_log import write_each
from raftkafka.log.pace import Pace
from replication.leader import PartitionLeader

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""With more than this the loop writes itself, which is what slows the clients down."""


class SlowWrites:
    """One task per slow directory, for as long as there is something to write."""

    def __init__(
        self,
        disk: Disk,
        nursery: trio.Nursery,
        on_written: Callable[[PartitionLeader], None],
        run_turn: Callable[[], None],
    ) -> None:
        self._disk = disk
        self._nursery = nursery
        self._on_written = on_written
        self._run_turn = run_turn
        self._waiting: dict[Pace, dict[PartitionLeader, None]] = {}

    def take(self, leader: PartitionLeader) -> bool:
        """Write soon what was appended to the leader's log; False if too much waits already."""
        logs = [waiting.log for leaders in self._waiting.values() for waiting in leaders]
        if sum(log.unwritten_bytes for log in logs) >= WAITING_BYTES_MAX:
            return False
        leader.log.keep_queue()
        pace = leader.log.pace
        leaders = self._waiting.get(pace)
        if leaders is None:
            leaders = self._waiting[pace] = {}
            self._nursery.start_soon(self._write_all, pace, leaders)
        leaders[leader] = None
        return True

    async def _write_all(self, pace: Pace, leaders: dict[PartitionLeader, None]) -> None:
        while leaders:
            taken = tuple(leaders)
            leaders.clear()
            await self._write(pace, taken)
        del self._waiting[pace]

    async def _write(self, pace: Pace, leaders: Sequence[PartitionLeader]) -> None:
        begun = [(leader, leader.log.begin_write()) for leader in leaders]
        writes = [write for _, write in begun if write is not None]
        began_s = trio.current_time()
        failures = iter(await self._disk.run(partial(write_each, writes)))
        pace.note(trio.current_time() - began_s, len(writes))
        for leader, write in begun:
            if write is not None:
                leader.log.finish_write(write, next(failures))
            self._on_written(leader)
        self._run_turn()

"""What follows a write: indexes, leader epochs and finished segments to disk, and ``flush.ms``.

A log tells of its first write and is looked at a second later, so that a log at rest costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from heapq import heappop, heappush
from itertools import count

import trio

from raftkafka.errors import KafkaError
from raftkafka.log.append_log import AppendLog
from raftkafka.log.flush_driver import Flusher
from raftkafka.log.log_config import UNLIMITED
from raftkafka.log.log_dir import LogDir, PartitionFolder
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.slices_driver import Slices

WRITE_BEHIND_S = 1.0


class WriteBehind:
    """Looks after the logs that were written to."""

    def __init__(
        self, flushers: Mapping[LogDir, Flusher], note_activity: Callable[[], None]
    ) -> None:
        self._flushers = flushers
        self._note_activity = note_activity
        self._written: dict[PartitionFolder, None] = {}
        self._wake = trio.Event()
        self._due: list[tuple[float, int, PartitionFolder]] = []
        """When ``flush.ms`` is over, as a heap; the number keeps ties in order."""
        self._sequence = count()
        self._timed: set[PartitionFolder] = set()
        self._timer = trio.Event()

    def watch(self, folder: PartitionFolder) -> None:
        """Look after the folder's log, which was just opened."""
        log = folder.log
        assert log is not None
        log.on_write = partial(self._on_write, folder)
        self._on_write(folder, log)
        if not folder.is_settled:
            # Killed before: what flush.ms promised is due at once.
            self._flushers[folder.directory].request(folder)

    def on_flushed(self, folder: PartitionFolder, log: PartitionLog) -> None:
        """Watch for what is written after the flush that just ended."""
        if log.config.flush_ms < UNLIMITED:
            log.on_write = partial(self._on_write, folder)
            self._time(folder, log)

    async def run(self) -> None:
        """Do it until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_behind)
            nursery.start_soon(self._flush_in_time)

    def _on_write(self, folder: PartitionFolder, _log: AppendLog) -> None:
        if not self._written:
            self._wake.set()
        self._written[folder] = None
        self._note_activity()
        if folder.log is not None:
            self._time(folder, folder.log)

    # ------------------------------------------------------------------ a second later

    async def _write_behind(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            await trio.sleep(WRITE_BEHIND_S)
            written, self._written = self._written, {}
            slices = Slices()
            for folder in written:
                log = folder.log
                if log is not None and log.failure is None:
                    log.on_write = partial(self._on_write, folder)
                    self._catch_up(folder, log)
                await slices.pause()

    def _catch_up(self, folder: PartitionFolder, log: PartitionLog) -> None:
        try:
            log.flush_indexes()
        except KafkaError:
            return  # the log has told its directory
        # Recovery need not read a full segment again, nor work out the leader epochs.
        if log.flushed_offset < log.segments.active.base_offset or log.epochs.changed:
            self._flushers[folder.directory].request_in_background(folder)

    # ------------------------------------------------------------------ flush.ms

    def _time(self, folder: PartitionFolder, log: PartitionLog) -> None:
        """Flush the log when ``flush.ms`` is over, if something of it is not flushed."""
        flush_ms = log.config.flush_ms
        if (
            flush_ms < UNLIMITED
            and log.flushed_offset < log.written_end_offset
            and folder not in self._timed
        ):
            self._timed.add(folder)
            due_s = trio.current_time() + flush_ms / 1000
            heappush(self._due, (due_s, next(self._sequence), folder))
            if self._due[0][2] is folder:
                self._timer.set()

    async def _flush_in_time(self) -> None:
        while True:
            self._timer = trio.Event()
            due_s = self._due[0][0] if self._due else float("inf")
            with trio.move_on_at(due_s):
                await self._timer.wait()
            while self._due and self._due[0][0] <= trio.current_time():
                folder = heappop(self._due)[2]
                self._timed.discard(folder)
                log = folder.log
                if log is not None and log.flushed_offset < log.written_end_offset:
                    self._flushers[folder.directory].request(folder)

"""Ranges that are not in the page cache are read by a worker thread before they are sent.

Else a consumer of old data would stop the loop, and with it everyone else, for each disk read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import structlog
import trio

from raftkafka.disk import Disk
from raftkafka.log.append_log import AppendLog
from raftkafka.log.segment import LogSlice
from raftkafka.server.connection import Connection

READ_BYTES = 1024 * 1024

Range = tuple[AppendLog, LogSlice]
"""What is to be sent, and the log that it is of."""

log = structlog.get_logger()


class ReadAhead:
    """Starts one task per answer that has cold ranges."""

    def __init__(self, disk: Disk, nursery: trio.Nursery, run_turn: Callable[[], None]) -> None:
        self._disk = disk
        self._nursery = nursery
        self._run_turn = run_turn

    def is_warm(self, ranges: Sequence[Range]) -> bool:
        """Whether sending all of these does not wait for the disk."""
        return all(s.file.is_warm(s.position, len(s)) for _, s in ranges)

    def then(
        self, ranges: Sequence[Range], connection: Connection, send: Callable[[], None]
    ) -> None:
        """Read the ranges in a thread, then call ``send`` and run a turn."""
        self._nursery.start_soon(self._read, ranges, connection, send)

    async def _read(
        self, ranges: Sequence[Range], connection: Connection, send: Callable[[], None]
    ) -> None:
        for log_, slice_ in ranges:
            try:
                await self._disk.run(partial(touch, slice_))
            except OSError as error:
                log.error("read_failed", file=slice_.file.path, error=str(error))
                log_.fail(error)
                connection.abort()
                return
        send()
        self._run_turn()


def touch(slice_: LogSlice) -> None:
    """Read a range and throw it away: it is in the page cache then."""
    end = slice_.position + len(slice_)
    for position in range(slice_.position, end, READ_BYTES):
        slice_.file.pread(min(READ_BYTES, end - position), position)

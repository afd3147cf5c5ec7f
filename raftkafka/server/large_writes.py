"""Large writes of one turn, two logs at a time: copying to the page cache fills a processor.

The turn waits for both, so nothing else sees the difference.
"""

from __future__ import annotations

from collections.abc import Sequence

from raftkafka.disk import Disk
from raftkafka.log.append_log import PendingWrite, write_each
from replication.leader import PartitionLeader

LARGE_BYTES = 256 * 1024
"""Copying less takes no longer than waking a thread."""


def write_large(disk: Disk, leaders: Sequence[PartitionLeader]) -> None:
    """Write what two or more logs have queued that is large; a log whose write fails is failed."""
    large = [leader for leader in leaders if _is_large(leader)]
    if len(large) < 2:
        return
    begun = [(leader, begin) for leader in large if (begin := leader.log.begin_write())]
    failures: dict[PartitionLeader, OSError | None] = {}

    def write_half(half: Sequence[tuple[PartitionLeader, PendingWrite]]) -> None:
        outcomes = write_each([pending for _, pending in half])
        failures.update(zip((leader for leader, _ in half), outcomes, strict=True))

    disk.run_both(lambda: write_half(begun[::2]), lambda: write_half(begun[1::2]))
    for leader, pending in begun:
        leader.log.finish_write(pending, failures[leader])


def _is_large(leader: PartitionLeader) -> bool:
    """Whether what the leader's log has queued is worth a thread."""
    return leader.log.unwritten_bytes >= LARGE_BYTES and not leader.log.is_being_written

"""What one turn appended: written together, one call per partition, before any answer leaves."""

from __future__ import annotations

from collections.abc import Callable

from raftkafka.disk import Disk
from raftkafka.errors import KafkaError
from raftkafka.log.pace import is_slow
from raftkafka.server.connection import Connection
from raftkafka.server.large_writes import write_large
from raftkafka.server.turn_clock import TurnClock
from replication.leader import PartitionLeader


class WriteQueue:
    """Leaders with queued batches, and the connections whose answers already speak of them."""

    def __init__(
        self, disk: Disk, clock: TurnClock, request_flush: Callable[[PartitionLeader], None]
    ) -> None:
        self.write_later: Callable[[PartitionLeader], bool] = lambda leader: False
        """Asked where a directory is slow: whether a thread writes, which tells ``written``."""
        self._disk = disk
        self._clock = clock
        self._request_flush = request_flush
        self._dirty: dict[PartitionLeader, None] = {}
        self._answered: list[tuple[PartitionLeader, Connection]] = []

    def add(self, leader: PartitionLeader, connection: Connection) -> None:
        """Note that ``connection`` appended to ``leader``'s log, which is not written yet."""
        self._dirty[leader] = None
        self._answered.append((leader, connection))

    def write(self) -> None:
        """Write every queued batch and move the high watermarks.

        A connection that was told of a write that then failed is cut: its answer, which is still
        unsent, would be a lie. The client finds the outcome unknown, which it is.
        """
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, {}
        answered, self._answered = self._answered, []
        began_s = self._clock.elapsed_s()
        at_once = [
            leader for leader in dirty if not (leader.log.pace.is_slow and self.write_later(leader))
        ]
        if len(at_once) > 1:
            write_large(self._disk, at_once)
        for leader in at_once:
            try:
                leader.log.write()
            except KafkaError:  # the log has told its directory
                for failed, connection in answered:
                    if failed is leader:
                        connection.abort()
            else:
                self.written(leader)
        round_s = self._clock.elapsed_s() - began_s
        if is_slow(round_s, len(dirty)):
            for leader in dirty:
                leader.log.pace.note(round_s, len(dirty))

    def written(self, leader: PartitionLeader) -> None:
        """The log's file has what was appended: show it, and flush it if it is time."""
        leader.advance()
        if leader.wants_flush:
            self._request_flush(leader)

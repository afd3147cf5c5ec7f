"""Makes the logs of new partitions, a few at a time: a large topic must not stop the loop."""

from __future__ import annotations

from collections import deque

import structlog
import trio

from metadata.delta import Delta
from raftkafka.disk import Disk
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.types import TopicPartition
from replication.replica_manager import ReplicaManager

SLICE_S = 0.004
GONE_AGAIN = (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.NOT_LEADER_OR_FOLLOWER)
"""A later delta took the partition away before its turn came."""
NOTES_AT_ONCE = 8
"""Epochs that are made durable at a time: the disk writes several in about the time of one."""

log = structlog.get_logger()


class ReplicaDriver:
    """Feeds the replica manager with deltas, and opens what each one brings.

    Whoever asks for a partition before its turn opens it by asking.
    """

    def __init__(self, replicas: ReplicaManager) -> None:
        self._replicas = replicas
        self._new: deque[TopicPartition] = deque()
        self._wake = trio.Event()

    def on_delta(self, delta: Delta) -> None:
        """Follow one committed step of the metadata."""
        self._replicas.apply(delta)
        self._new += (
            TopicPartition(name, number)
            for name, _, number in sorted(delta.partitions_changed)
            if self._replicas.must_make(name, number)
        )
        if self._new:
            self._wake.set()

    async def make_missing(self) -> None:
        """Make every log that the metadata wants and no directory has, as after a lost disk."""
        self._new += self._replicas.missing()
        await self._open_all()

    async def note_epochs(self, disk: Disk) -> None:
        """Open the logs led here, and make the epochs that are new to them durable (rule 9).

        A log without records has none that a later leader could take for another epoch's.
        """
        self._new += (partition for partition, _ in self._replicas.led())
        await self._open_all()
        to_note = (
            leader.log
            for leader in tuple(self._replicas.leaders())
            if leader.log.epochs.changed and leader.log.log_end_offset
        )

        async def note() -> None:
            for partition_log in to_note:
                await disk.run(partition_log.save_epochs)

        async with trio.open_nursery() as nursery:
            for _ in range(NOTES_AT_ONCE):
                nursery.start_soon(note)

    async def run(self) -> None:
        """Open new partitions as they come, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            await self._open_all()

    async def _open_all(self) -> None:
        slice_end = trio.current_time() + SLICE_S
        while self._new:
            partition = self._new.popleft()
            try:
                self._replicas.leader(*partition)
            except KafkaError as error:
                # whoever asks for it is told the same
                if error.code not in GONE_AGAIN:
                    log.warning("partition_not_opened", partition=str(partition), reason=str(error))
            if trio.current_time() >= slice_end:
                await trio.lowlevel.checkpoint()
                slice_end = trio.current_time() + SLICE_S

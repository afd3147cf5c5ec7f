"""Offsets by timestamp on trio: a thread opens large batches, the loop looks at them in slices."""

from __future__ import annotations

from raftkafka.disk import Disk
from raftkafka.errors import KafkaError
from raftkafka.log.lookup import FoundOffset, RecordScan
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.segment import DamagedLog
from raftkafka.log.slices_driver import Slices

RECORDS_A_STEP = 500
"""They take about a millisecond."""


class Lookups:
    """Finds records by their timestamps, in any log of a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def offset_for_timestamp(
        self, partition_log: PartitionLog, timestamp: int, upper_bound_offset: int
    ) -> FoundOffset | None:
        """Return the first record at or after ``timestamp``, if it is below the bound.

        Raises:
            KafkaError: CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE for a batch that cannot be
                opened; KAFKA_STORAGE_ERROR.
        """
        slices = Slices()
        start_offset = partition_log.log_start_offset
        while (scan := partition_log.scan_for_timestamp(timestamp, start_offset)) is not None:
            found = await self._run(partition_log, scan, slices)
            if scan.is_stale:
                start_offset = partition_log.log_start_offset
            elif found is not None:
                return found if found.offset < upper_bound_offset else None
            else:
                start_offset = scan.header.last_offset + 1
        return None

    async def max_timestamp(
        self, partition_log: PartitionLog, upper_bound_offset: int
    ) -> FoundOffset | None:
        """Return the record with the largest timestamp, if it is below the bound.

        Raises:
            KafkaError: see ``offset_for_timestamp``.
        """
        slices = Slices()
        while (scan := partition_log.scan_for_max_timestamp()) is not None:
            found = await self._run(partition_log, scan, slices)
            if not scan.is_stale:
                return found if found is not None and found.offset < upper_bound_offset else None
        return None

    async def _run(
        self, partition_log: PartitionLog, scan: RecordScan, slices: Slices
    ) -> FoundOffset | None:
        """Return what a scan finds, which says nothing if it is stale by now."""
        try:
            if scan.is_quick:
                scan.open()
            else:
                await self._disk.run(scan.open)
            await slices.pause()
            while not scan.is_done:
                scan.advance(RECORDS_A_STEP)
                await slices.pause()
        except (OSError, KafkaError) as error:
            if scan.is_stale:
                return None
            if isinstance(error, OSError | DamagedLog):
                partition_log.refuse_read(error)
            raise
        return scan.found

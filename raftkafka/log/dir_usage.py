"""How full the log directories are, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from raftkafka.disk import Disk
from raftkafka.log.recovery import LOG_SUFFIX
from raftkafka.types import TopicPartition

UNKNOWN_BYTES = -1


@dataclass(frozen=True, slots=True)
class DirUsage:
    """What DescribeLogDirs says of a directory."""

    path: str
    failure: OSError | None
    total_bytes: int = UNKNOWN_BYTES
    usable_bytes: int = UNKNOWN_BYTES
    size_bytes: dict[TopicPartition, int] = field(default_factory=dict[TopicPartition, int])


def measure(disk: Disk, path: str, folders: Mapping[TopicPartition, str]) -> DirUsage:
    """Look at a volume and at some partitions' folders. Long, if they are many.

    Raises:
        OSError: the disk refused.
    """
    total_bytes, usable_bytes = disk.free_bytes(path)
    sizes = {partition: _size_bytes(disk, folder) for partition, folder in folders.items()}
    return DirUsage(path, None, total_bytes, usable_bytes, sizes)


def _size_bytes(disk: Disk, folder: str) -> int:
    """Return what a partition's segments take; 0 if it is being deleted just now."""
    try:
        names = [name for name in disk.listdir(folder) if name.endswith(LOG_SUFFIX)]
        return sum(disk.size(f"{folder}/{name}") for name in names)
    except FileNotFoundError:
        return 0

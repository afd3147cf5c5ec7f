"""One log directory: the partitions in it, and its checkpoints. No log is opened here.

A deleted partition's folder is renamed at once and removed later. As long as it lies there, what
the checkpoints say about a partition of its name may be about the deleted one, and is not believed.

Source: Kafka ``LogManager`` (loadLogs, checkpoints), ``UnifiedLog`` (names of folders).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from raftkafka.disk import Disk, File, make_folder
from raftkafka.errors import DataFolderInUse
from raftkafka.log import checkpoints
from raftkafka.log.checkpoints import NO_BROKER_EPOCH, DamagedCheckpoint, LastStart
from raftkafka.log.log_config import LogConfig
from raftkafka.log.pace import Pace
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.segment import DamagedLog
from raftkafka.types import ZERO_ID, TopicId, TopicPartition

LOCK_FILE = ".lock"
METADATA_TOPIC = "__cluster_metadata"
DELETE_SUFFIX = "-delete"
NAME_BYTES_MAX = 255
STRAY_SUFFIX = "-stray"
"""Of a partition that the metadata does not know; kept for its owner to look at."""
FUTURE_SUFFIX = "-future"
"""Of Kafka's, while it moves a partition to another directory; not served."""
_UNIQUE_DIGITS = 32
_UNIQUE_LENGTH = len(".") + _UNIQUE_DIGITS + len(DELETE_SUFFIX)

V = TypeVar("V")
Offsets = dict[TopicPartition, int]


def folder_name(partition: TopicPartition) -> str:
    """Return the name of a partition's folder."""
    return f"{partition.topic}-{partition.partition}"


def parse_folder_name(name: str) -> TopicPartition | None:
    """Return the partition whose folder has this name, or None if it is not a partition's."""
    topic, _, number = name.rpartition("-")
    if not topic or not number.isascii() or not number.isdecimal() or topic == METADATA_TOPIC:
        return None
    partition = TopicPartition(topic, int(number))
    return partition if folder_name(partition) == name else None


def deleted_folder_stem(partition: TopicPartition) -> str:
    """Return what a deleted partition's folder name begins with: cut, so that the whole fits."""
    tail = f"-{partition.partition}"
    return partition.topic[: NAME_BYTES_MAX - _UNIQUE_LENGTH - len(tail)] + tail


def is_deleted_folder(name: str) -> bool:
    """Whether a folder of this name is a deleted partition's."""
    stem, _, unique = name.removesuffix(DELETE_SUFFIX).rpartition(".")
    return (
        name.endswith(DELETE_SUFFIX)
        and parse_folder_name(stem) is not None
        and len(unique) == _UNIQUE_DIGITS
        and all(digit in "0123456789abcdef" for digit in unique)
    )


@dataclass(slots=True, eq=False)
class PartitionFolder:
    """Where a partition's log is. The log is open only once somebody asked for it."""

    directory: LogDir
    partition: TopicPartition
    path: str
    topic_id: TopicId
    """``ZERO_ID`` if the folder does not say."""
    log: PartitionLog | None = None
    is_trusted: bool = False
    """Whether the files are known to hold all that was written: a stop or a recovery was clean."""
    settling: PartitionLog | None = None
    """The log while it is made durable at start: whoever opens it meanwhile takes this one."""
    is_settled: bool = True
    """Whether what was found here at start is durable; after a kill it may be in the cache only."""
    damage: DamagedLog | None = None
    damaged_files: set[str] = field(default_factory=set[str])
    """Segments that are reported to be damaged: once each, however many readers come upon it."""
    is_deleted: bool = False
    is_placed: bool = True
    """Whether its name, and whose it is, are durable; the first flush of its log sees to that."""
    quiet_until_ms: int = 0
    """While the log is not open and ``quiet_config`` holds, retention finds nothing before."""
    quiet_config: LogConfig | None = None


@dataclass(slots=True)
class Found:
    """What else was seen when a directory was read, for the log."""

    ignored: list[str] = field(default_factory=list[str])
    damaged: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(path, what is wrong) of checkpoints that count as missing."""


class LogDir:
    """A directory of ``log.dirs``. Methods that say so block: call them inside ``Disk.run``."""

    def __init__(self, disk: Disk, path: str) -> None:
        self.path = path.rstrip("/") or path
        self.failure: OSError | None = None
        """Why it is offline; for good, until the next start."""
        self.folders: dict[TopicPartition, PartitionFolder] = {}
        self.deleted_folders: list[str] = []
        """Paths of folders to remove, which an earlier life left."""
        self.pace = Pace()
        self.ended_clean = False
        """Whether the marker of a clean stop was found: the files hold all that was written."""
        self.lost_nothing = False
        """Whether all that was written is here: a clean stop, or the same boot of the kernel."""
        self.previous_broker_epoch = NO_BROKER_EPOCH
        self.found = Found()
        self.recovery_points: Offsets = {}
        self.log_starts: Offsets = {}
        self.high_watermarks: Offsets = {}
        self._offsets = {
            checkpoints.RECOVERY_POINTS: self.recovery_points,
            checkpoints.LOG_STARTS: self.log_starts,
            checkpoints.HIGH_WATERMARKS: self.high_watermarks,
        }
        self._stored: dict[str, Offsets] = {}
        """What the checkpoint files hold, by file name."""
        self._disk = disk
        self._lock: File | None = None

    @property
    def logs(self) -> list[PartitionLog]:
        """The logs that are open."""
        return [folder.log for folder in self.folders.values() if folder.log is not None]

    # ------------------------------------------------------------------ start and stop

    def take(self) -> None:
        """Make it if it is missing, and lock it. Blocking.

        Raises:
            DataFolderInUse: another process has it.
            OSError: it cannot be used.
        """
        make_folder(self._disk, self.path)
        self._lock = self._disk.lock(self._at(LOCK_FILE))
        if self._lock is None:
            raise DataFolderInUse(
                f"{self.path} is in use by another process: stop that broker, or give this one "
                "log.dirs of its own"
            )

    def release(self) -> None:
        """Let another process have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def load(self) -> None:
        """Read what is there, and remove the marker of a clean stop. Blocking.

        Raises:
            OSError: it cannot be used.
        """
        names = self._disk.listdir(self.path)
        self._load_end_of_last_life()
        for name in names:
            self._load_folder(name)
        self._load_checkpoints()
        if self.ended_clean:
            self._disk.remove(self._at(checkpoints.CLEAN_SHUTDOWN))
        # The marker is gone for good; and what a killed process named is named for good.
        self._disk.sync_folder(self.path)

    def mark_started(self, broker_epoch: int) -> None:
        """Note the boot of the kernel: while it lasts, a killed process loses nothing. Blocking."""
        start = LastStart(self._disk.boot_id(), broker_epoch)
        path = self._at(checkpoints.LAST_START)
        self._disk.replace(path, checkpoints.encode_last_start(start))

    def mark_clean(self, broker_epoch: int) -> None:
        """Note that all that was written is durable, as the last thing of a stop. Blocking."""
        path = self._at(checkpoints.CLEAN_SHUTDOWN)
        self._disk.replace(path, checkpoints.encode_clean_shutdown(broker_epoch))

    # ------------------------------------------------------------------ reading it

    def _load_end_of_last_life(self) -> None:
        try:
            marker = self._disk.read(self._at(checkpoints.CLEAN_SHUTDOWN))
        except FileNotFoundError:
            pass
        else:
            self.ended_clean = self.lost_nothing = True
            self.previous_broker_epoch = checkpoints.decode_clean_shutdown(marker)
            return
        start = self._read(checkpoints.LAST_START, checkpoints.decode_last_start, None)
        if start is not None and start.boot_id == self._disk.boot_id():
            self.lost_nothing = True
            self.previous_broker_epoch = start.broker_epoch

    def _load_folder(self, name: str) -> None:
        partition = parse_folder_name(name)
        path = self._at(name)
        if is_deleted_folder(name):
            self.deleted_folders.append(path)
        elif partition is not None:
            try:
                topic_id = self._load_topic_id(path)
            except NotADirectoryError:
                self.found.ignored.append(path)
                return
            folder = PartitionFolder(
                self,
                partition,
                path,
                topic_id,
                is_trusted=self.ended_clean,
                is_settled=self.ended_clean,
                is_placed=self.ended_clean,
            )
            self.folders[partition] = folder
        elif name.endswith((STRAY_SUFFIX, FUTURE_SUFFIX)):
            self.found.ignored.append(path)

    def _load_topic_id(self, path: str) -> TopicId:
        """Read whose folder it is; a file that a power loss left empty says nothing."""
        try:
            content = self._disk.read(f"{path}/{checkpoints.PARTITION_METADATA}")
            return checkpoints.decode_partition_metadata(content)
        except FileNotFoundError:
            return ZERO_ID
        except DamagedCheckpoint as damage:
            self.found.damaged.append((path, str(damage)))
            return ZERO_ID

    def _at(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _load_checkpoints(self) -> None:
        """Read the checkpoints, and write back at once what of them is believed."""
        doubtful = {path.rpartition("/")[2].rpartition(".")[0] for path in self.deleted_folders}
        believed = {p for p in self.folders if deleted_folder_stem(p) not in doubtful}
        for name, offsets in self._offsets.items():
            self._stored[name] = self._read(name, checkpoints.decode_offsets, {})
            offsets.update((p, o) for p, o in self._stored[name].items() if p in believed)
            self.store(self.changed(name))

    def _read(self, name: str, decode: Callable[[bytes], V], missing: V) -> V:
        path = self._at(name)
        try:
            return decode(self._disk.read(path))
        except FileNotFoundError:
            return missing
        except DamagedCheckpoint as damage:
            self.found.damaged.append((path, str(damage)))
            return missing

    # ------------------------------------------------------------------ partitions

    def make(self, partition: TopicPartition, topic_id: TopicId) -> PartitionFolder:
        """Make the folder of a new partition; durable with the first flush of its log.

        Raises:
            OSError: it cannot be made.
        """
        path = self._at(folder_name(partition))
        self._disk.mkdir(path)
        folder = PartitionFolder(self, partition, path, topic_id, is_trusted=True)
        self.write_topic_id(folder, topic_id)
        self.folders[partition] = folder
        return folder

    def write_topic_id(self, folder: PartitionFolder, topic_id: TopicId) -> None:
        """Say whose folder it is.

        Raises:
            OSError: it cannot be written.
        """
        file = self._disk.open(f"{folder.path}/{checkpoints.PARTITION_METADATA}", create=True)
        file.truncate(0)
        file.pwrite([checkpoints.encode_partition_metadata(topic_id)], 0)
        folder.topic_id = topic_id
        folder.is_placed = False

    def sync_place(self, folder: PartitionFolder) -> None:
        """Make a folder's name, and whose it is, durable. Blocking.

        Raises:
            OSError: the disk refused.
        """
        if folder.topic_id != ZERO_ID:
            self._disk.open(f"{folder.path}/{checkpoints.PARTITION_METADATA}").sync()
        self._disk.sync_folder(folder.path)
        self._disk.sync_folder(self.path)

    def set_aside(self, folder: PartitionFolder, unique: bytes, suffix: str) -> str:
        """Rename a partition's folder out of the way, and forget the partition.

        Args:
            folder: of the partition.
            unique: 16 random bytes.
            suffix: ``DELETE_SUFFIX`` or ``STRAY_SUFFIX``.

        Returns:
            The new path.

        Raises:
            OSError: it cannot be renamed.
        """
        folder.is_deleted = True
        del self.folders[folder.partition]
        for offsets in self._offsets.values():
            offsets.pop(folder.partition, None)
        stem = deleted_folder_stem(folder.partition)
        target = self._at(f"{stem}.{unique.hex()}{suffix}")
        self._disk.rename(folder.path, target)
        return target

    # ------------------------------------------------------------------ checkpoints

    def note_recovery_point(self, folder: PartitionFolder, partition_log: PartitionLog) -> None:
        """Take over from a log up to where it is durable."""
        self.recovery_points[folder.partition] = partition_log.flushed_offset

    def note_log_start(self, folder: PartitionFolder, partition_log: PartitionLog) -> None:
        """Take over from a log where it starts, if not with a segment (as Kafka)."""
        if partition_log.log_start_offset > partition_log.segments.base_offset:
            self.log_starts[folder.partition] = partition_log.log_start_offset
        else:
            self.log_starts.pop(folder.partition, None)

    def changed(self, *names: str) -> dict[str, Offsets]:
        """Return copies of those checkpoints (all by default) of which the files are behind."""
        return {
            name: dict(self._offsets[name])
            for name in names or self._offsets
            if self._offsets[name] != self._stored.get(name, {})
        }

    def store(self, changed: Mapping[str, Offsets]) -> None:
        """Write what ``changed`` returned. Blocking.

        Raises:
            OSError: the files are whole, and may be behind.
        """
        for name, offsets in changed.items():
            self._disk.replace(self._at(name), checkpoints.encode_offsets(offsets))
            self._stored[name] = offsets

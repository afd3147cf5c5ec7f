"""The log directories of one broker, and the logs in them: opened, flushed, kept, deleted, closed.

After a clean stop a log is opened when it is first asked for, so that a start does not grow with
the number of partitions; after any other, all are checked first.

Source: Kafka ``LogManager``.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog
import trio

from raftkafka.disk import Disk
from raftkafka.errors import DamagedDisk, ErrorCode, KafkaError
from raftkafka.log.append_log import AppendLog
from raftkafka.log.checkpoint_driver import CheckpointDriver
from raftkafka.log.checkpoints import NO_BROKER_EPOCH, RECOVERY_POINTS
from raftkafka.log.closing_driver import Closing
from raftkafka.log.dir_failure_driver import DirFailures
from raftkafka.log.dir_usage import DirUsage, measure
from raftkafka.log.flush_driver import Flusher
from raftkafka.log.folder_log import open_log, report_damage
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_dir import (
    NAME_BYTES_MAX,
    LogDir,
    PartitionFolder,
    folder_name,
)
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.lookup_driver import Lookups
from raftkafka.log.partition_log import PartitionLog
from raftkafka.log.recovery_driver import Recovery, Settling
from raftkafka.log.removal_driver import Removal
from raftkafka.log.retention_driver import Retention
from raftkafka.log.segment import DamagedLog
from raftkafka.log.slices_driver import Slices
from raftkafka.log.write_behind_driver import WriteBehind
from raftkafka.types import ZERO_ID, Randomness, TopicId, TopicPartition, uuid_text

CLOSE_DEADLINE_S = 30.0

log = structlog.get_logger()


def _ignore_flush(flushed: PartitionLog) -> None:
    del flushed


def _ignore_offline(path: str, partitions: list[TopicPartition]) -> None:
    del path, partitions


class LogDirs:
    """All logs. ``lock``, ``start``, ``run``, ``close``, in this order; the callbacks before."""

    def __init__(
        self,
        disk: Disk,
        settings: LogDirSettings,
        log_config: Callable[[str], LogConfig],
        *,
        wall_ms: Callable[[], int],
        random: Randomness,
    ) -> None:
        self.on_flushed: Callable[[PartitionLog], None] = _ignore_flush
        """Told after each flush of a log; ``flushed_offset`` has moved."""
        self.on_dir_offline: Callable[[str, list[TopicPartition]], None] = _ignore_offline
        """Told of a directory that failed, and of the partitions whose logs are gone with it."""
        self.high_watermarks: Callable[[], Mapping[TopicPartition, int]] = dict
        """Asked for the high watermarks of the partitions in use, now and then."""
        self.lookups = Lookups(disk)
        self._disk = disk
        self._settings = settings
        self._log_config = log_config
        self._directories = [LogDir(disk, path) for path in settings.paths]
        self._folders: dict[TopicPartition, PartitionFolder] = {}
        self._unread: list[str] = []
        """Directories that could not be read at start: nobody knows what is in them."""
        self._running = trio.CancelScope()
        self._ended: trio.Event | None = None

        self._failures = DirFailures(disk, self._directories, self._on_dir_offline)
        fail = self._failures.fail
        self._flushers = {
            directory: Flusher(disk, self._on_flushed, partial(fail, directory))
            for directory in self._directories
        }
        self._checkpoints = CheckpointDriver(
            disk, self._directories, self._folders, self._current_high_watermarks, fail
        )
        self._write_behind = WriteBehind(self._flushers, self._checkpoints.note_activity)
        self._removal = Removal(disk, self._checkpoints, random, fail)
        self._settling = Settling(disk, self._flushers, log_config, fail)
        self._retention = Retention(self, log_config, self._current_high_watermarks, wall_ms)
        self._closing = Closing(disk, log_config, self._failures, self._checkpoints)

    # ------------------------------------------------------------------ start

    async def lock(self) -> None:
        """Make the directories that are missing, and lock all.

        Raises:
            DataFolderInUse: another process has one.
            DamagedDisk: none can be used.
        """
        for directory in self._directories:
            await self._failures.attempt(directory, directory.take)
        self._failures.require_one()

    async def start(self) -> None:
        """Read the directories; after an unclean stop, check every log.

        Raises:
            DamagedDisk: none can be used, or two hold the same partition.
        """
        for directory in self._failures.online:
            await self._failures.attempt(directory, directory.load)
        self._unread = [d.path for d in self._directories if d.failure is not None]
        for directory in self._failures.online:
            self._take_over(directory)
        threads = self._settings.recovery_threads_per_dir
        recovery = Recovery(self._disk, self._log_config, self._failures.fail, threads)
        await recovery.run(self._failures.online)
        await self._checkpoints.store_all()
        self._failures.require_one()

    async def mark_started(self, broker_epoch: int) -> None:
        """Note that this incarnation is registered, after an unclean stop as such.

        From now on a killed process has lost nothing as long as the kernel lives (design: a clean
        stop is proven by the marker, or by the boot id). Not before: until the controller knows of
        the records that a power loss took, another start must not claim to have them.
        """
        for directory in self._failures.online:
            await self._failures.attempt(directory, partial(directory.mark_started, broker_epoch))

    @property
    def lost_nothing(self) -> bool:
        """Whether everything that the last incarnation wrote is proven to be here."""
        return all(
            directory.lost_nothing
            and not any(folder.damage for folder in directory.folders.values())
            for directory in self._directories
        )

    @property
    def previous_broker_epoch(self) -> int:
        """The epoch of that incarnation; -1 if something may be lost (KIP-966)."""
        epochs = {directory.previous_broker_epoch for directory in self._directories}
        return epochs.pop() if self.lost_nothing and len(epochs) == 1 else NO_BROKER_EPOCH

    @property
    def online_paths(self) -> list[str]:
        """The directories that can be used."""
        return [directory.path for directory in self._failures.online]

    def _take_over(self, directory: LogDir) -> None:
        """Report what was found in a directory, and list its partitions."""
        for path in directory.found.ignored:
            log.warning("log_folder_ignored", path=path)
        for path, reason in directory.found.damaged:
            log.error(
                "checkpoint_damaged", path=path, reason=reason, effect="as if it were not there"
            )
        for partition, folder in directory.folders.items():
            other = self._folders.setdefault(partition, folder)
            if other is not folder:
                raise DamagedDisk(
                    f"{partition} is both in {other.directory.path} and in {directory.path}: move "
                    "the older folder away"
                )
        if directory.deleted_folders:
            log.info(
                "deletions_resumed",
                directory=directory.path,
                folders=len(directory.deleted_folders),
            )
        for path in directory.deleted_folders:
            self._removal.remove_later(directory, path, 0)

    # ------------------------------------------------------------------ logs

    @property
    def folders(self) -> Iterable[PartitionFolder]:
        """Every partition's folder, opened or not."""
        return self._folders.values()

    def has(self, partition: TopicPartition, topic_id: TopicId) -> bool:
        """Whether a directory holds the log of this partition of this very topic."""
        folder = self._folders.get(partition)
        return folder is not None and folder.topic_id == topic_id

    def high_watermark(self, partition: TopicPartition) -> int:
        """Return the high watermark as of the last checkpoint, 0 if there is none."""
        folder = self._folders.get(partition)
        return 0 if folder is None else folder.directory.high_watermarks.get(partition, 0)

    def open(self, partition: TopicPartition, topic_id: TopicId, config: LogConfig) -> PartitionLog:
        """Return the log, making it if there is none of this topic id.

        A folder of another topic of that name is deleted (KAFKA-12257).

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR, its directory is offline or its data damaged;
                INVALID_TOPIC_EXCEPTION, its name is too long for a folder.
        """
        folder = self._folders.get(partition)
        if folder is not None and folder.topic_id == ZERO_ID:
            self._identify(folder, topic_id, config)
        elif folder is not None and folder.topic_id != topic_id:
            self.delete(partition)
        folder = self._folders.get(partition) or self._make(partition, topic_id)
        if folder.log is None or folder.directory.failure is not None:
            self.keep(folder, folder.settling or self.peek(folder, config))
            assert folder.log is not None
        return folder.log

    def _identify(self, folder: PartitionFolder, topic_id: TopicId, config: LogConfig) -> None:
        """Take a folder without a topic id to be this topic's, or delete it.

        After a clean stop it is of a Kafka before 2.8. After a power loss its records may be of
        another topic of the name, and none of them was flushed: the topic id goes to disk first.
        """
        if not folder.directory.ended_clean and self.peek(folder, config).size_bytes:
            log.warning("log_folder_unidentified", path=folder.path, effect="it is deleted")
            self.delete(folder.partition)
            return
        try:
            folder.directory.write_topic_id(folder, topic_id)
        except OSError as error:
            self._failures.fail(folder.directory, error)
            raise _storage_error(f"{folder.path}: {error}") from error
        log.warning("log_folder_adopted", path=folder.path, topic_id=uuid_text(topic_id))

    def peek(self, folder: PartitionFolder, config: LogConfig) -> PartitionLog:
        """Open a log without keeping it.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR, as for ``open``.
        """
        directory = folder.directory
        if directory.failure is not None:
            raise _storage_error(f"{directory.path} is offline: {directory.failure}")
        if folder.damage is not None:
            raise _storage_error(str(folder.damage))
        try:
            return open_log(self._disk, folder, config)
        except DamagedLog as damage:
            report_damage(folder, damage)
            raise
        except OSError as error:
            self._failures.fail(directory, error)
            raise _storage_error(f"{folder.path}: {error}") from error

    def keep(self, folder: PartitionFolder, partition_log: PartitionLog) -> None:
        """Look after an open log from now on."""
        if folder.log is partition_log:
            return
        folder.log = partition_log
        partition_log.on_failure = partial(self._on_log_failure, folder.directory)
        partition_log.pace = folder.directory.pace
        self._write_behind.watch(folder)

    def delete(self, partition: TopicPartition) -> None:
        """Remove the log: out of sight at once, from the disk later."""
        folder = self._folders.pop(partition, None)
        if folder is None:
            return
        folder.is_deleted = True
        if folder.log is None:
            delay_ms = self._log_config(partition.topic).file_delete_delay_ms
        else:
            delay_ms = folder.log.config.file_delete_delay_ms
            _disown(folder.log)
        self._removal.remove_folder(folder, delay_ms / 1000)

    async def set_strays_aside(
        self, is_wanted: Callable[[TopicPartition, TopicId], bool]
    ) -> list[TopicPartition]:
        """Rename the folders of partitions that the metadata does not put here, and keep them.

        Their topics were deleted while this broker was down; or the metadata is not theirs, and
        then nothing is lost (as Kafka does).
        """
        strays: list[TopicPartition] = []
        slices = Slices()
        for partition, folder in tuple(self._folders.items()):
            await slices.pause()
            if is_wanted(partition, folder.topic_id) or folder.log is not None:
                continue
            del self._folders[partition]
            strays.append(partition)
            self._removal.set_aside(folder)
        await self._checkpoints.store_all()  # nothing of them is about a new partition of the name
        return strays

    def _make(self, partition: TopicPartition, topic_id: TopicId) -> PartitionFolder:
        """Make a folder in the directory with the fewest partitions."""
        if len(folder_name(partition)) > NAME_BYTES_MAX:
            raise KafkaError(
                ErrorCode.INVALID_TOPIC_EXCEPTION, f"{partition}: too long for the name of a folder"
            )
        if self._unread:
            raise _storage_error(
                f"{partition} may be in {', '.join(self._unread)}, which cannot be read"
            )
        fewest = min(self._failures.online, key=lambda d: len(d.folders), default=None)
        directory = self._removal.free_name(partition) or fewest
        if directory is None or directory.failure is not None:
            raise _storage_error("no log directory is online for it")
        try:
            folder = directory.make(partition, topic_id)
        except OSError as error:
            self._failures.fail(directory, error)
            raise _storage_error(f"{directory.path}: {error}") from error
        self._folders[partition] = folder
        return folder

    async def truncate(self, partition_log: PartitionLog, offset: int) -> None:
        """Take back the records from ``offset`` on, as a follower does that diverged.

        The stored recovery point goes back first: what it covers may be missing only by damage.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR.
        """
        folder = self._folders[partition_log.topic_partition]
        directory = folder.directory
        async with self._checkpoints.writer(directory):
            if directory.recovery_points.get(folder.partition, 0) > offset:
                directory.recovery_points[folder.partition] = offset
                await self._checkpoints.store(directory, RECOVERY_POINTS)
            partition_log.truncate_to(offset)

    async def usage(self, is_wanted: Callable[[TopicPartition], bool]) -> list[DirUsage]:
        """Return how full the volumes are, and what the wanted partitions take of them."""
        usages: list[DirUsage] = []
        for directory in self._directories:
            folders = {p: f for p, f in directory.folders.items() if is_wanted(p)}
            paths = {p: f.path for p, f in folders.items()}
            usage = DirUsage(directory.path, directory.failure)
            if directory.failure is None:
                try:
                    usage = await self._disk.run(
                        partial(measure, self._disk, directory.path, paths)
                    )
                    # the file of an active segment is larger than what it holds
                    usage.size_bytes.update(
                        (p, f.log.size_bytes)
                        for p, f in folders.items()
                        if f.log is not None and f.log.config.preallocate
                    )
                except OSError as error:
                    self._failures.fail(directory, error)
                    usage = DirUsage(directory.path, error)
            usages.append(usage)
        return usages

    # ------------------------------------------------------------------ flush

    def request_flush(self, partition_log: PartitionLog) -> None:
        """Make the log durable as it is written now; ``on_flushed`` follows."""
        folder = self._folders.get(partition_log.topic_partition)
        if folder is not None and folder.log is partition_log:
            self._flushers[folder.directory].request(folder)

    def flush(self, folder: PartitionFolder) -> None:
        """Make a folder's log durable some time."""
        self._flushers[folder.directory].request_in_background(folder)

    def _on_flushed(self, folder: PartitionFolder, partition_log: PartitionLog) -> None:
        self._checkpoints.note_activity()
        self._write_behind.on_flushed(folder, partition_log)
        self.on_flushed(partition_log)

    def remove_later(self, directory: LogDir, path: str, delay_s: float) -> None:
        """Remove a deleted segment's file in ``delay_s``."""
        self._removal.remove_later(directory, path, delay_s)

    def _current_high_watermarks(self) -> Mapping[TopicPartition, int]:
        return self.high_watermarks()

    # ------------------------------------------------------------------ failure

    def _on_dir_offline(self, path: str, partitions: list[TopicPartition]) -> None:
        self.on_dir_offline(path, partitions)

    def _on_log_failure(self, directory: LogDir, _log: AppendLog, error: OSError) -> None:
        self._failures.fail(directory, error)

    # ------------------------------------------------------------------ run and close

    async def run(self) -> None:
        """Flush, check and tidy up until ``close`` or cancelled.

        Raises:
            DamagedDisk: the last directory failed.
        """
        ended = self._ended = trio.Event()
        try:
            with self._running:
                async with trio.open_nursery() as nursery:
                    for flusher in self._flushers.values():
                        nursery.start_soon(flusher.run)
                    nursery.start_soon(self._write_behind.run)
                    nursery.start_soon(self._checkpoints.run, self._settings)
                    nursery.start_soon(self._removal.run)
                    nursery.start_soon(self._retention.run, self._settings)
                    nursery.start_soon(self._failures.run)
                    for directory in self._failures.online:
                        nursery.start_soon(self._settling.run, directory)
        finally:
            ended.set()

    async def close(self, broker_epoch: int = NO_BROKER_EPOCH) -> bool:
        """Make everything durable, mark the stop as clean, and unlock.

        Args:
            broker_epoch: of this incarnation, for the next one to prove that it lost nothing.

        Returns:
            Whether all is marked. If not, it took too long, a disk failed or a log is damaged,
            and the next start checks the logs.
        """
        self._running.cancel()
        if self._ended is not None:
            await self._ended.wait()
        marked: list[bool] = []

        async def close(directory: LogDir) -> None:
            marked.append(await self._closing.close(directory, broker_epoch))

        with trio.move_on_after(CLOSE_DEADLINE_S, shield=True):
            self._removal.rename_all()
            await self._checkpoints.store_high_watermarks()
            async with trio.open_nursery() as nursery:
                for directory in self._failures.online:
                    nursery.start_soon(close, directory)
        for directory in self._directories:
            directory.release()
        return sum(marked) == len(self._directories)


def _disown(partition_log: PartitionLog) -> None:
    """Let nobody use a deleted log any more, nor send what was read from it."""
    partition_log.on_failure = partition_log.on_write = None
    partition_log.fail(OSError(errno.ENOENT, "the partition was deleted", partition_log.folder))
    for segment in partition_log.segments:
        segment.generation += 1


def _storage_error(message: str) -> KafkaError:
    return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, message)

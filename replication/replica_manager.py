"""The partitions of this broker: which it hosts, their leaders, and their end.

Roles start and end by metadata deltas only. A log is opened when it is first asked for, so that
a start does not grow with the number of partitions.

Source: Kafka 4.0 ``ReplicaManager.applyDelta``, ``getPartitionOrException``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from metadata.delta import Delta
from metadata.image import MetadataImage, PartitionImage, TopicImage
from metadata.records import TOPIC_CONFIG
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from raftkafka.types import ZERO_ID, TopicId, TopicPartition
from replication.leader import PartitionLeader
from replication.log_configs import LogConfigs


class LogStore(Protocol):
    """The log directories, as far as replicas need them."""

    def open(self, partition: TopicPartition, topic_id: TopicId, config: LogConfig) -> PartitionLog:
        """Return the log, making it if there is none of this topic id.

        Raises:
            KafkaError: KAFKA_STORAGE_ERROR, its directory is offline or its data damaged.
        """
        ...

    def has(self, partition: TopicPartition, topic_id: TopicId) -> bool:
        """Whether a directory holds the log of this partition of this very topic."""
        ...

    def delete(self, partition: TopicPartition) -> None:
        """Remove the log: out of sight at once, from the disk later."""
        ...

    def high_watermark(self, partition: TopicPartition) -> int:
        """Return the high watermark as of the last checkpoint, 0 if there is none."""
        ...


class ReplicaManager:
    """Hands out leaders; follows the metadata."""

    def __init__(
        self,
        node_id: int,
        logs: LogStore,
        log_configs: LogConfigs,
        image: MetadataImage,
    ) -> None:
        self._node_id = node_id
        self._logs = logs
        self._log_configs = log_configs
        self._image = image
        self._leaders: dict[str, dict[int, PartitionLeader]] = {}

    # ------------------------------------------------------------------ look-ups

    def leader(self, topic: str, partition: int) -> PartitionLeader:
        """Return the leader of a partition, opening its log if need be.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, or
                KAFKA_STORAGE_ERROR if its log cannot be used.
        """
        try:
            return self._leaders[topic][partition]
        except KeyError:
            return self._lead(topic, partition)

    def topic_name(self, topic_id: TopicId) -> str:
        """Return the name behind a topic id.

        Raises:
            KafkaError: UNKNOWN_TOPIC_ID.
        """
        topic = self._image.topics_by_id.get(topic_id)
        if topic is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        return topic.name

    def leaders(self) -> Iterator[PartitionLeader]:
        """Yield the leaders whose logs are open."""
        for parts in self._leaders.values():
            yield from parts.values()

    def high_watermarks(self) -> dict[TopicPartition, int]:
        """Return the high watermark of each open partition, for the checkpoint."""
        return {leader.topic_partition: leader.high_watermark for leader in self.leaders()}

    def is_hosted(self, partition: TopicPartition, topic_id: TopicId) -> bool:
        """Whether the metadata puts this partition, of this topic if that is known, here."""
        topic = self._image.topics.get(partition.topic)
        if topic is None or topic_id not in (topic.topic_id, ZERO_ID):
            return False
        found = topic.partitions.get(partition.partition)
        return found is not None and self._node_id in found.replicas

    def led(self) -> Iterator[tuple[TopicPartition, TopicId]]:
        """Yield every partition that the metadata lets this broker lead, open or not."""
        for topic in self._image.topics.values():
            for number, partition in topic.partitions.items():
                if partition.leader == self._node_id:
                    yield TopicPartition(topic.name, number), topic.topic_id

    def missing(self) -> Iterator[TopicPartition]:
        """Yield the partitions led here that no log directory has."""
        return (p for p, topic_id in self.led() if not self._logs.has(p, topic_id))

    def must_make(self, topic: str, number: int) -> bool:
        """Whether this broker leads the partition and no log directory has it yet."""
        found = self._image.topics.get(topic)
        partition = None if found is None else found.partitions.get(number)
        return (
            found is not None
            and partition is not None
            and partition.leader == self._node_id
            and not self._logs.has(TopicPartition(topic, number), found.topic_id)
        )

    def _lead(self, topic_name: str, number: int) -> PartitionLeader:
        topic = self._image.topics.get(topic_name)
        partition = None if topic is None else topic.partitions.get(number)
        if topic is None or partition is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        if partition.leader != self._node_id:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        return self._start(topic, number, partition)

    # ------------------------------------------------------------------ roles

    def _start(self, topic: TopicImage, number: int, partition: PartitionImage) -> PartitionLeader:
        """Begin to lead under the epoch of the metadata.

        Where the log holds records of earlier epochs, the driver has made the note of the new one
        durable before clients are served (rule 9).
        """
        topic_partition = TopicPartition(topic.name, number)
        config = self._log_configs.of(self._image, topic.name)
        log = self._logs.open(topic_partition, topic.topic_id, config)
        if log.epochs.latest < partition.leader_epoch:
            log.epochs.assign(partition.leader_epoch, log.log_end_offset)
        leader = PartitionLeader(
            self._node_id,
            log,
            leader_epoch=partition.leader_epoch,
            partition_epoch=partition.partition_epoch,
            replicas=frozenset(partition.replicas),
            isr=frozenset(partition.isr),
            high_watermark=self._logs.high_watermark(topic_partition),
        )
        self._leaders.setdefault(topic.name, {})[number] = leader
        return leader

    def _end(self, topic: str, number: int, error: ErrorCode) -> None:
        parts = self._leaders.get(topic)
        if parts is None or number not in parts:
            return
        parts.pop(number).end(error)
        if not parts:
            del self._leaders[topic]

    def on_flushed(self, partition: TopicPartition) -> None:
        """The partition's log is durable up to further on."""
        leader = self._leaders.get(partition.topic, {}).get(partition.partition)
        if leader is not None:
            leader.advance()

    def fail(self, partition: TopicPartition) -> None:
        """The partition's disk failed: whoever waits is told, and nobody is served."""
        self._end(partition.topic, partition.partition, ErrorCode.KAFKA_STORAGE_ERROR)

    # ------------------------------------------------------------------ deltas

    def apply(self, delta: Delta) -> None:
        """Follow one step of the metadata: end what it ends, renew what it changes."""
        self._image = delta.image
        for topic in delta.topics_deleted:
            self._drop(topic)
        for name, _, number in delta.partitions_changed:
            self._renew(name, number)
        for kind, name in delta.configs_changed:
            self._reconfigure([name] if kind == TOPIC_CONFIG else self._leaders)

    def _drop(self, topic: TopicImage) -> None:
        for number, partition in topic.partitions.items():
            if self._node_id in partition.replicas:
                self._end(topic.name, number, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
                self._logs.delete(TopicPartition(topic.name, number))

    def _renew(self, topic: str, number: int) -> None:
        """Keep the leader if its epoch goes on, with the new ISR; else end its role."""
        partition = self._image.partition(topic, number)
        leader = self._leaders.get(topic, {}).get(number)
        if partition is None or leader is None:
            return
        if partition.leader == self._node_id and partition.leader_epoch == leader.leader_epoch:
            leader.on_partition_changed(
                partition.partition_epoch, frozenset(partition.replicas), frozenset(partition.isr)
            )
        else:
            self._end(topic, number, ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def _reconfigure(self, topics: Iterable[str]) -> None:
        """Their configuration changed: a topic's own, or the broker's beneath them all."""
        for topic in topics:
            config = self._log_configs.of(self._image, topic)
            for leader in self._leaders.get(topic, {}).values():
                leader.log.config = config
                leader.advance()

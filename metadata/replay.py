"""Records onto an image: the only way in which metadata changes.

Replay never rejects. Whoever built the records made sure that they fit the image that they
follow; a record that does not fit is a bug, raises, and ends the process, because going on
would let this node's metadata part from the others'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, TypeVar

from metadata.delta import ChangedPartition, Delta
from metadata.image import (
    BrokerImage,
    ConfigResource,
    MetadataImage,
    PartitionImage,
    TopicImage,
    name_shape,
)
from metadata.records import (
    EPOCH_IS_INDEX,
    TOPIC_CONFIG,
    BrokerChangeRecord,
    ClusterRecord,
    ConfigRecord,
    ControllerRecord,
    PartitionChangeRecord,
    PartitionRecord,
    ProducerIdsRecord,
    Record,
    RegisterBrokerRecord,
    RemoveTopicRecord,
    TopicRecord,
    decode_batch,
)
from raftkafka.types import TopicId

DIGEST_BYTES = 16

Key = TypeVar("Key")
Value = TypeVar("Value")


def replay_command(image: MetadataImage, index: int, command: bytes) -> Delta:
    """Apply one committed command and run the digest on over it.

    Args:
        image: the state after all earlier commands.
        index: the command's index in the log.
        command: the bytes of a batch, as ``encode_batch`` made them.

    Raises:
        Exception: the batch cannot follow this image; the process must stop.
    """
    digest = blake2b(command, digest_size=DIGEST_BYTES, key=image.digest).digest()
    return replay(image, index, decode_batch(command), digest)


def replay(
    image: MetadataImage, index: int, records: Iterable[Record], digest: bytes = b""
) -> Delta:
    """Apply records in order; all of them together make one step."""
    step = _Step(image, index)
    for record in records:
        _REPLAY[type(record)](step, record)
    return step.finish(digest)


def changed_partition(old: PartitionImage, record: PartitionChangeRecord) -> PartitionImage:
    """Return a partition after one change."""
    leader = record.leader
    return PartitionImage(
        old.replicas if record.replicas is None else record.replicas,
        old.isr if record.isr is None else record.isr,
        old.leader if leader is None else leader,
        old.leader_epoch if leader is None else old.leader_epoch + 1,
        old.partition_epoch + 1,
        old.directories if record.directories is None else record.directories,
        old.elr if record.elr is None else record.elr,
        old.last_known_elr if record.last_known_elr is None else record.last_known_elr,
        old.adding if record.adding is None else record.adding,
        old.removing if record.removing is None else record.removing,
    )


class _TopicStep:
    """One topic in the making; its map of partitions is this step's own."""

    __slots__ = ("changed", "is_new", "name", "partitions", "unclean")

    def __init__(
        self, name: str, partitions: Mapping[int, PartitionImage], *, is_new: bool
    ) -> None:
        self.name = name
        self.partitions = dict(partitions)
        self.is_new = is_new
        self.changed: set[int] = set()
        self.unclean: set[int] = set()


class _Step:
    """The next image in the making. A map is copied when it is first written to."""

    def __init__(self, before: MetadataImage, index: int) -> None:
        self._before = before
        self._index = index
        self._scalars: dict[str, Any] = {}
        self._brokers: dict[int, BrokerImage] = {}
        self._topics: dict[TopicId, _TopicStep] = {}
        self._removed: dict[TopicId, TopicImage] = {}
        self._configs: dict[ConfigResource, dict[str, str]] = {}

    def cluster(self, record: ClusterRecord) -> None:
        self._scalars["cluster_id"] = record.cluster_id

    def controller(self, record: ControllerRecord) -> None:
        self._scalars["controller_id"] = record.controller_id
        self._scalars["controller_epoch"] = record.controller_epoch

    def producer_ids(self, record: ProducerIdsRecord) -> None:
        self._scalars["next_producer_id"] = record.next_producer_id

    def register_broker(self, record: RegisterBrokerRecord) -> None:
        epoch = record.broker_epoch
        self._brokers[record.broker_id] = BrokerImage(
            record.broker_id,
            self._index if epoch == EPOCH_IS_INDEX else epoch,
            record.incarnation_id,
            record.endpoints,
            record.directories,
            record.rack,
            record.fenced,
            record.in_controlled_shutdown,
            record.cluster_endpoint,
        )

    def change_broker(self, record: BrokerChangeRecord) -> None:
        old = self._brokers.get(record.broker_id) or self._before.brokers[record.broker_id]
        leaving, directories = record.in_controlled_shutdown, record.directories
        self._brokers[record.broker_id] = replace(
            old,
            fenced=old.fenced if record.fenced is None else record.fenced,
            in_controlled_shutdown=old.in_controlled_shutdown if leaving is None else leaving,
            directories=old.directories if directories is None else directories,
        )

    def topic(self, record: TopicRecord) -> None:
        self._topics[record.topic_id] = _TopicStep(record.name, {}, is_new=True)

    def remove_topic(self, record: RemoveTopicRecord) -> None:
        made = self._topics.pop(record.topic_id, None)
        if made is None or not made.is_new:
            self._removed[record.topic_id] = self._before.topics_by_id[record.topic_id]
        name = self._removed[record.topic_id].name if made is None else made.name
        self._configs[(TOPIC_CONFIG, name)] = {}

    def partition(self, record: PartitionRecord) -> None:
        topic = self._topic(record.topic_id)
        topic.changed.add(record.partition)
        topic.partitions[record.partition] = PartitionImage(
            record.replicas,
            record.isr,
            record.leader,
            record.leader_epoch,
            record.partition_epoch,
            record.directories,
            record.elr,
            record.last_known_elr,
            record.adding,
            record.removing,
        )

    def change_partition(self, record: PartitionChangeRecord) -> None:
        topic = self._topic(record.topic_id)
        topic.changed.add(record.partition)
        if record.unclean:
            topic.unclean.add(record.partition)
        old = topic.partitions[record.partition]
        topic.partitions[record.partition] = changed_partition(old, record)

    def config(self, record: ConfigRecord) -> None:
        resource = (record.resource_type, record.resource_name)
        values = self._configs.get(resource)
        if values is None:
            values = self._configs[resource] = dict(self._before.configs.get(resource, {}))
        if record.value is None:
            values.pop(record.key, None)
        else:
            values[record.key] = record.value

    def _topic(self, topic_id: TopicId) -> _TopicStep:
        topic = self._topics.get(topic_id)
        if topic is None:
            old = self._before.topics_by_id[topic_id]
            topic = self._topics[topic_id] = _TopicStep(old.name, old.partitions, is_new=False)
        return topic

    def finish(self, digest: bytes) -> Delta:
        """Return the step, with the image that it leads to."""
        before = self._before
        built = {
            topic_id: TopicImage(topic.name, topic_id, topic.partitions)
            for topic_id, topic in self._topics.items()
        }
        configs: dict[ConfigResource, Mapping[str, str] | None] = {
            resource: values or None for resource, values in self._configs.items()
        }
        image = replace(
            before,
            offset=self._index,
            digest=digest,
            brokers=_edited(before.brokers, self._brokers),
            configs=_edited(before.configs, configs),
            **self._topic_maps(built),
            **self._scalars,
        )
        return Delta(
            before,
            image,
            topics_created=tuple(built[key] for key, it in self._topics.items() if it.is_new),
            topics_deleted=tuple(self._removed.values()),
            partitions_changed=self._partitions(lambda topic: topic.changed),
            unclean_elections=self._partitions(lambda topic: topic.unclean),
            configs_changed=_changed(before.configs, configs),
            brokers_changed=_changed(before.brokers, self._brokers),
        )

    def _topic_maps(self, built: Mapping[TopicId, TopicImage]) -> dict[str, Any]:
        if not built and not self._removed:
            return {}
        topics = dict(self._before.topics)
        topics_by_id = dict(self._before.topics_by_id)
        names_by_shape = dict(self._before.names_by_shape)
        for topic_id, topic in self._removed.items():
            del topics[topic.name]
            del topics_by_id[topic_id]
            shape = name_shape(topic.name)
            if shape is not None:
                del names_by_shape[shape]
        for topic_id, topic in built.items():
            topics[topic.name] = topics_by_id[topic_id] = topic
            shape = name_shape(topic.name)
            if shape is not None:
                names_by_shape[shape] = topic.name
        return {"topics": topics, "topics_by_id": topics_by_id, "names_by_shape": names_by_shape}

    def _partitions(
        self, numbers: Callable[[_TopicStep], Iterable[int]]
    ) -> frozenset[ChangedPartition]:
        return frozenset(
            (topic.name, topic_id, number)
            for topic_id, topic in self._topics.items()
            for number in numbers(topic)
        )


def _edited(before: Mapping[Key, Value], edits: Mapping[Key, Value | None]) -> Mapping[Key, Value]:
    """Return ``before`` with the edits applied, where None removes; itself without edits."""
    if not edits:
        return before
    after = dict(before)
    for key, value in edits.items():
        if value is not None:
            after[key] = value
        else:
            after.pop(key, None)
    return after


def _changed(before: Mapping[Key, Value], edits: Mapping[Key, Value | None]) -> frozenset[Key]:
    return frozenset(key for key, value in edits.items() if before.get(key) != value)


_REPLAY: dict[type[Record], Callable[[_Step, Any], None]] = {
    ClusterRecord: _Step.cluster,
    ControllerRecord: _Step.controller,
    RegisterBrokerRecord: _Step.register_broker,
    BrokerChangeRecord: _Step.change_broker,
    TopicRecord: _Step.topic,
    RemoveTopicRecord: _Step.remove_topic,
    PartitionRecord: _Step.partition,
    PartitionChangeRecord: _Step.change_partition,
    ConfigRecord: _Step.config,
    ProducerIdsRecord: _Step.producer_ids,
}

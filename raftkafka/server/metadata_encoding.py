"""Metadata responses put together from topics that were encoded before.

Clients ask for the same topics over and over, and for thousands at once: each topic's bytes are
kept for as long as the topic and the brokers stay as they are, and partitions alike differ in
three numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from struct import Struct
from typing import NamedTuple

from metadata.image import BrokerImage, MetadataImage, PartitionImage, TopicImage
from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import encode_bytes
from raftkafka.protocol.messages.metadata import (
    MetadataResponse,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from raftkafka.server.cluster_view import NOT_ASKED, TOPIC_OPERATIONS, PartitionViews
from raftkafka.server.splicing import elements_of, with_elements
from raftkafka.types import NO_LEADER

LISTENER_NOT_FOUND_SINCE_VERSION = 6
LEADER_EPOCH_SINCE_VERSION = 7
FLEXIBLE_SINCE_VERSION = 9

BEHIND_TOPICS = (0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 5, 1, 1, 3)
"""Bytes of a response behind its topics, by version: operations, error, tags."""
BEHIND_PARTITIONS = (0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 5, 5, 5, 5)
"""Bytes of a topic behind its partitions, by version: operations, tags."""

_without_epoch = Struct(">hii")
_with_epoch = Struct(">hiii")


class Style(Enum):
    """How answers of different versions tell of replicas and leaders that are out of reach."""

    ONLY_THE_LIVE = 0
    """Version 0: they are left out, and the partition has an error."""
    NO_LISTENER_ERROR = 1
    """Versions 1 to 5: they are named; any leader out of reach is LEADER_NOT_AVAILABLE."""
    FULL = 2

    @staticmethod
    def of(version: int) -> Style:
        """Return the style of a version."""
        if version == 0:
            return Style.ONLY_THE_LIVE
        return Style.NO_LISTENER_ERROR if version < LISTENER_NOT_FOUND_SINCE_VERSION else Style.FULL


def with_topics(response: MetadataResponse, version: int, topics: list[bytes]) -> bytes:
    """Encode a response without topics, and put encoded ones in."""
    return _filled(encode_bytes(response, version), BEHIND_TOPICS[version], version, topics)


def encode_topic(topic: MetadataResponseTopic, version: int) -> bytes:
    """Encode one topic by itself."""
    empty = encode_bytes(MetadataResponse(), version)
    encoded = encode_bytes(MetadataResponse(topics=[topic]), version)
    return elements_of(encoded, empty, BEHIND_TOPICS[version])


def _filled(empty: bytes, behind: int, version: int, elements: list[bytes]) -> bytes:
    flexible = version >= FLEXIBLE_SINCE_VERSION
    return with_elements(empty, behind, elements, len(elements), flexible=flexible)


class _Kept(NamedTuple):
    """A topic's bytes, and the brokers that they rest on."""

    brokers: Mapping[int, BrokerImage]
    encoded: bytes


class _Alike(NamedTuple):
    """What partitions with the same leader and replicas have in common."""

    error: int
    leader: int
    rest: bytes
    """The bytes behind error, number, leader and leader epoch."""


class TopicEncoder:
    """Encodes topics of one image for one kind of request."""

    def __init__(
        self, image: MetadataImage, listener_name: str, version: int, *, with_operations: bool
    ) -> None:
        self._brokers = image.brokers
        self._version = version
        self._style = Style.of(version)
        self._operations = TOPIC_OPERATIONS if with_operations else NOT_ASKED
        self._key = (TopicEncoder, listener_name, version, with_operations)
        self._views = PartitionViews(image.brokers, listener_name)
        self._alike: dict[tuple[int, tuple[int, ...], tuple[int, ...]], _Alike] = {}

    def encode(self, topic: TopicImage) -> bytes:
        """Return the topic's bytes, made once for as long as it and the brokers last."""
        kept = topic.memo.get(self._key)
        if isinstance(kept, _Kept) and kept.brokers is self._brokers:
            return kept.encoded
        behind = BEHIND_PARTITIONS[self._version]
        empty = encode_topic(self._topic(topic, []), self._version)
        partitions = [
            self._partition(topic, number, topic.partitions[number])
            for number in sorted(topic.partitions)
        ]
        encoded = _filled(empty, behind, self._version, partitions)
        topic.memo[self._key] = _Kept(self._brokers, encoded)
        return encoded

    def _partition(self, topic: TopicImage, number: int, partition: PartitionImage) -> bytes:
        kind = (partition.leader, partition.replicas, partition.isr)
        alike = self._alike.get(kind)
        if alike is None:
            alike = self._alike[kind] = self._common_part(topic, partition)
        if self._version < LEADER_EPOCH_SINCE_VERSION:
            return _without_epoch.pack(alike.error, number, alike.leader) + alike.rest
        numbers = (alike.error, number, alike.leader, partition.leader_epoch)
        return _with_epoch.pack(*numbers) + alike.rest

    def _common_part(self, topic: TopicImage, partition: PartitionImage) -> _Alike:
        version, behind = self._version, BEHIND_PARTITIONS[self._version]
        described = self._described(partition)
        empty = encode_topic(self._topic(topic, []), version)
        encoded = encode_topic(self._topic(topic, [described]), version)
        alone = elements_of(encoded, empty, behind)
        numbers = _without_epoch if version < LEADER_EPOCH_SINCE_VERSION else _with_epoch
        return _Alike(described.error_code, described.leader_id, alone[numbers.size :])

    def _topic(
        self, topic: TopicImage, partitions: list[MetadataResponsePartition]
    ) -> MetadataResponseTopic:
        return MetadataResponseTopic(
            name=topic.name,
            topic_id=topic.topic_id,
            is_internal=topic.internal,
            partitions=partitions,
            topic_authorized_operations=self._operations,
        )

    def _described(self, partition: PartitionImage) -> MetadataResponsePartition:
        view = self._views.view(partition)
        error = ErrorCode.NONE
        replicas, isr = view.replicas, view.isr
        if self._style is Style.ONLY_THE_LIVE:
            replicas = [it for it in replicas if self._views.is_alive(it)]
            isr = [it for it in isr if self._views.is_alive(it)]
            if (replicas, isr) != (view.replicas, view.isr):
                error = ErrorCode.REPLICA_NOT_AVAILABLE
        if view.leader == NO_LEADER:
            error = ErrorCode.LEADER_NOT_AVAILABLE
            if view.leader_is_registered and self._style is Style.FULL:
                error = ErrorCode.LISTENER_NOT_FOUND
        return MetadataResponsePartition(
            error_code=error,
            leader_id=view.leader,
            leader_epoch=partition.leader_epoch,
            replica_nodes=replicas,
            isr_nodes=isr,
            offline_replicas=view.offline,
        )

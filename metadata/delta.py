"""What one step of the metadata changed, for those who act on changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from metadata.image import ConfigResource, MetadataImage, PartitionImage, TopicImage
from raftkafka.types import TopicId

Key = TypeVar("Key")
_NO_PARTITIONS: Mapping[int, PartitionImage] = {}

ChangedPartition = tuple[str, TopicId, int]
"""Topic name, topic id, partition."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The step from ``image_before`` to ``image``: one committed batch, or one snapshot.

    A topic that was deleted and made anew under its name is in both ``topics_deleted`` (the old
    id) and ``topics_created`` (the new one): take the deletions first. ``partitions_changed``
    names the partitions of ``image`` that are new or differ, those of created topics included;
    a deleted topic's are not listed. ``unclean_elections`` lists the partitions among them whose
    leader was taken from outside the ISR and the eligible replicas: records may be lost there.
    """

    image_before: MetadataImage
    image: MetadataImage
    topics_created: tuple[TopicImage, ...] = ()
    topics_deleted: tuple[TopicImage, ...] = ()
    partitions_changed: frozenset[ChangedPartition] = frozenset()
    unclean_elections: frozenset[ChangedPartition] = frozenset()
    configs_changed: frozenset[ConfigResource] = frozenset()
    brokers_changed: frozenset[int] = frozenset()

    @property
    def controller_changed(self) -> bool:
        """Whether another controller, or the same in a new term, took office."""
        return self.image_before.controller_epoch != self.image.controller_epoch


def difference(before: MetadataImage, after: MetadataImage) -> Delta:
    """Compare two images in full: for a snapshot, which does not say what it changed.

    Elections that happened in between are not told apart, so none is listed as unclean.
    """
    created = [
        topic for topic in after.topics.values() if topic.topic_id not in before.topics_by_id
    ]
    deleted = [
        topic for topic in before.topics.values() if topic.topic_id not in after.topics_by_id
    ]
    return Delta(
        before,
        after,
        topics_created=tuple(created),
        topics_deleted=tuple(deleted),
        partitions_changed=frozenset(_changed_partitions(before, after)),
        configs_changed=_changed_keys(before.configs, after.configs),
        brokers_changed=_changed_keys(before.brokers, after.brokers),
    )


def _changed_partitions(before: MetadataImage, after: MetadataImage) -> list[ChangedPartition]:
    changed: list[ChangedPartition] = []
    for topic in after.topics.values():
        old = before.topics_by_id.get(topic.topic_id)
        if old is topic:
            continue
        known = old.partitions if old is not None else _NO_PARTITIONS
        changed += [
            (topic.name, topic.topic_id, number)
            for number, state in topic.partitions.items()
            if known.get(number) != state
        ]
    return changed


def _changed_keys(before: Mapping[Key, object], after: Mapping[Key, object]) -> frozenset[Key]:
    return frozenset(
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    )

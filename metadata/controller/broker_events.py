"""What a broker's coming, going or losing a disk does to the partitions that it holds.

Source: ``generateLeaderAndIsrUpdates`` and ``handleDirectoriesOffline`` of Kafka's
``ReplicationControlManager``; KIP-858 (directories).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from metadata.controller.decision import Situation
from metadata.controller.elections import Assignment, Upset, assignment_of, settle
from metadata.controller.settings import min_isr, unclean_election_allowed
from metadata.image import MetadataImage, PartitionImage, TopicImage
from metadata.records import Record
from raftkafka.types import ZERO_ID

_NOBODY = frozenset[int]()


@dataclass(frozen=True, slots=True)
class BrokerEvent:
    """A broker as it is after an event, and what that means for its replicas.

    Args:
        broker_id: which one.
        is_active: whether it may lead from now on.
        directories: its log directories that are online from now on.
        directories_before: those that were; replicas in the ones that are gone are lost.
        leaves_isr: it leaves every ISR.
        lost_records: it has no claim to lead any more either.
        moves_replicas: replicas in directories that are gone are made anew elsewhere on it.
    """

    broker_id: int
    is_active: bool
    directories: frozenset[bytes]
    directories_before: frozenset[bytes] = frozenset()
    leaves_isr: bool = False
    lost_records: bool = False
    moves_replicas: bool = False


def settle_partitions(situation: Situation, event: BrokerEvent) -> Iterator[Record]:
    """Yield a change for each partition that the event touches, drawn lazily."""
    image, config = situation.image, situation.config
    gone = event.directories_before - event.directories
    touches_all = event.leaves_isr or event.lost_records or bool(gone)
    for topic in image.topics.values():
        touched = _touched(topic, event.broker_id, leaderless_only=not touches_all)
        if not touched:
            continue
        minimum = min_isr(image, config, topic.name)
        unclean_allowed = unclean_election_allowed(image, config, topic.name)
        for number in touched:
            partition = topic.partitions[number]
            upset = _upset(image, event, gone, partition, minimum, unclean_allowed)
            change = settle(topic.topic_id, number, partition, upset)
            if change is not None:
                yield change


def _touched(topic: TopicImage, broker_id: int, *, leaderless_only: bool) -> list[int]:
    return [
        number
        for number, partition in topic.partitions.items()
        if broker_id in partition.replicas and not (leaderless_only and partition.has_leader)
    ]


def _upset(
    image: MetadataImage,
    event: BrokerEvent,
    gone: frozenset[bytes],
    partition: PartitionImage,
    minimum: int,
    unclean_allowed: bool,
) -> Upset:
    broker_id = event.broker_id
    is_lost = bool(gone) and partition.directory(broker_id) in gone
    assignment = _moved(event, partition) if is_lost and event.moves_replicas else None
    directory = partition.directory(broker_id)
    has_replica = assignment is not None or directory == ZERO_ID or directory in event.directories

    def may_lead(candidate: int) -> bool:
        if candidate == broker_id:
            return event.is_active and has_replica
        return image.may_lead(partition, candidate)

    itself = frozenset((broker_id,))
    return Upset(
        may_lead,
        minimum,
        unclean_allowed,
        itself if event.leaves_isr or is_lost else _NOBODY,
        itself if event.lost_records or is_lost else _NOBODY,
        assignment=assignment,
    )


def _moved(event: BrokerEvent, partition: PartitionImage) -> Assignment:
    """Return the assignment with the broker's replica in its one directory, or in any."""
    directories = list(partition.directories)
    only = event.directories if len(event.directories) == 1 else (ZERO_ID,)
    directories[partition.replicas.index(event.broker_id)] = next(iter(only))
    return replace(assignment_of(partition), directories=tuple(directories))

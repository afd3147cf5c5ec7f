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
from metadata.image import MetadataImage, PartitionImage
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
        checks_directories: replicas that lie in other ones are lost.
        leaves_isr: it leaves every ISR.
        lost_records: it has no claim to lead any more either.
        moves_replicas: replicas in other directories are made anew in the online ones.
    """

    broker_id: int
    is_active: bool
    directories: frozenset[bytes]
    checks_directories: bool = False
    leaves_isr: bool = False
    lost_records: bool = False
    moves_replicas: bool = False

    def touches(self, partition: PartitionImage) -> bool:
        """Whether it can make a difference; cheap, for it is asked of every partition."""
        broker_id = self.broker_id
        return (
            (self.leaves_isr and broker_id in partition.isr)
            or (self.lost_records and broker_id in partition.elr)
            or (self.is_active and not partition.has_leader and broker_id in partition.replicas)
            or (self.checks_directories and not self.has_online(partition))
        )

    def has_online(self, partition: PartitionImage) -> bool:
        """Whether the broker's replica, if it has one, lies in an online or unknown directory."""
        directory = partition.directory(self.broker_id)
        return directory == ZERO_ID or directory in self.directories


def settle_partitions(situation: Situation, event: BrokerEvent) -> Iterator[Record]:
    """Yield a change for each partition that the event touches, drawn lazily."""
    image, config = situation.image, situation.config
    for topic in image.topics.values():
        touched = [number for number, it in topic.partitions.items() if event.touches(it)]
        if not touched:
            continue
        minimum = min_isr(image, config, topic.name)
        unclean_allowed = unclean_election_allowed(image, config, topic.name)
        for number in touched:
            partition = topic.partitions[number]
            upset = _upset(image, event, partition, minimum, unclean_allowed)
            change = settle(topic.topic_id, number, partition, upset)
            if change is not None:
                yield change


def _upset(
    image: MetadataImage,
    event: BrokerEvent,
    partition: PartitionImage,
    minimum: int,
    unclean_allowed: bool,
) -> Upset:
    broker_id = event.broker_id
    is_lost = event.checks_directories and not event.has_online(partition)
    assignment = _moved(event, partition) if is_lost and event.moves_replicas else None
    has_replica = assignment is not None or event.has_online(partition)

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

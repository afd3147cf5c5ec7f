"""The image as a client of one listener sees it: who is there, who leads, who is away.

Source: Kafka's ``KRaftMetadataCache``; ``AclEntry.supportedOperations``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from metadata.image import BrokerImage, MetadataImage, PartitionImage
from metadata.records import BrokerEndpoint
from raftkafka.types import NO_LEADER

NOT_ASKED = -(2**31)
"""Authorized operations when nobody asked for them."""


def _bits(*operations: int) -> int:
    return sum(1 << operation for operation in operations)


TOPIC_OPERATIONS = _bits(3, 4, 5, 6, 7, 8, 10, 11)
"""Read, write, create, delete, alter, describe, describe and alter configs (``AclOperation``)."""

CLUSTER_OPERATIONS = _bits(5, 7, 8, 9, 10, 11, 12)
"""Create, alter, describe, cluster action, describe and alter configs, idempotent write."""


def listening_brokers(
    image: MetadataImage, listener_name: str
) -> Iterator[tuple[BrokerImage, BrokerEndpoint]]:
    """Yield the brokers that have the listener, and where it is, by ascending id."""
    for broker_id in sorted(image.brokers):
        broker = image.brokers[broker_id]
        endpoint = broker.endpoint(listener_name)
        if endpoint is not None:
            yield broker, endpoint


def reachable_brokers(
    image: MetadataImage, listener_name: str
) -> Iterator[tuple[BrokerImage, BrokerEndpoint]]:
    """Yield those of the listening brokers that are not fenced."""
    return (it for it in listening_brokers(image, listener_name) if not it[0].fenced)


def controller_for_clients(image: MetadataImage, listener_name: str) -> int:
    """Return a broker that takes admin requests: the active controller if clients reach it.

    Any broker takes them and passes them on; -1 if there is none.
    """
    reachable = [broker.broker_id for broker, _ in reachable_brokers(image, listener_name)]
    if image.controller_id in reachable:
        return image.controller_id
    return reachable[0] if reachable else NO_LEADER


class PartitionView(NamedTuple):
    """One partition for a client; partitions alike in all of it share their lists."""

    leader: int
    leader_is_registered: bool
    replicas: list[int]
    isr: list[int]
    offline: list[int]


class PartitionViews:
    """Makes views of partitions, each kind once."""

    def __init__(self, brokers: Mapping[int, BrokerImage], listener_name: str) -> None:
        self._brokers = brokers
        self._reachable = {
            broker_id
            for broker_id, broker in brokers.items()
            if broker.endpoint(listener_name) is not None
        }
        self._made: dict[tuple[int, tuple[int, ...], tuple[int, ...]], PartitionView] = {}

    def view(self, partition: PartitionImage) -> PartitionView:
        """Return what a client sees: no leader, if it cannot reach the one there is."""
        kind = (partition.leader, partition.replicas, partition.isr)
        view = self._made.get(kind)
        if view is None:
            leader = partition.leader
            view = self._made[kind] = PartitionView(
                leader if leader in self._reachable else NO_LEADER,
                leader in self._brokers,
                list(partition.replicas),
                list(partition.isr),
                [it for it in partition.replicas if not self.is_alive(it)],
            )
        return view

    def is_alive(self, broker_id: int) -> bool:
        """Whether a client can be sent to the broker."""
        return broker_id in self._reachable and not self._brokers[broker_id].fenced

"""The cluster's metadata at one index of the log: brokers, topics, configuration.

An image never changes. ``metadata.replay`` makes the next one from it, and copies only what a
batch touches: the topic's own map of partitions, and maps of pointers (0.03 ms for the map of
10,000 topics), so everything else is shared. Whoever keeps an image, across however many
turns, keeps one consistent state.

Source: Kafka's ``MetadataImage`` and the images within it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from metadata.records import BrokerEndpoint
from raftkafka.types import NO_LEADER, ZERO_ID, TopicId

CONSUMER_OFFSETS = "__consumer_offsets"
TRANSACTION_STATE = "__transaction_state"
CLUSTER_METADATA = "__cluster_metadata"
INTERNAL_TOPICS = frozenset({CONSUMER_OFFSETS, TRANSACTION_STATE})

ConfigResource = tuple[int, str]
"""A resource type (``records.TOPIC_CONFIG``, ``BROKER_CONFIG``) and a name."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BrokerImage:
    """One registered broker process."""

    broker_id: int
    broker_epoch: int
    incarnation_id: bytes
    endpoints: tuple[BrokerEndpoint, ...]
    directories: tuple[bytes, ...]
    rack: str | None
    fenced: bool
    in_controlled_shutdown: bool
    cluster_endpoint: BrokerEndpoint | None = None

    @property
    def is_active(self) -> bool:
        """Whether it may lead partitions and join ISRs."""
        return not self.fenced and not self.in_controlled_shutdown

    def has_online(self, directory: bytes) -> bool:
        """Whether a replica that lies there can be used; nothing is said against an unknown one."""
        return directory == ZERO_ID or directory in self.directories

    def endpoint(self, listener_name: str) -> BrokerEndpoint | None:
        """Return where this broker is reached through the listener of that name."""
        for endpoint in self.endpoints:
            if endpoint.name == listener_name:
                return endpoint
        return None


@dataclass(frozen=True, slots=True)
class PartitionImage:
    """One partition: who holds it, who leads it, and who may lead it next (KIP-966)."""

    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int
    partition_epoch: int
    directories: tuple[bytes, ...] = ()
    elr: tuple[int, ...] = ()
    last_known_elr: tuple[int, ...] = ()
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

    @property
    def has_leader(self) -> bool:
        """Whether anybody leads it."""
        return self.leader != NO_LEADER

    @property
    def is_reassigned(self) -> bool:
        """Whether it is on its way to other replicas."""
        return bool(self.adding or self.removing)

    def directory(self, broker_id: int) -> bytes:
        """Return the log directory of one of its replicas; the null uuid if nobody said."""
        if not self.directories or broker_id not in self.replicas:
            return ZERO_ID
        return self.directories[self.replicas.index(broker_id)]


@dataclass(frozen=True, slots=True)
class TopicImage:
    """One topic; its partitions are numbered from 0 without gaps.

    ``memo`` keeps what was derived from this very topic, for as long as it stays as it is.
    """

    name: str
    topic_id: TopicId
    partitions: Mapping[int, PartitionImage]
    memo: dict[object, object] = field(
        default_factory=dict[object, object], compare=False, repr=False
    )

    @property
    def internal(self) -> bool:
        """Whether the brokers keep their own records in it."""
        return self.name in INTERNAL_TOPICS


@dataclass(frozen=True, slots=True)
class MetadataImage:
    """All metadata as of log index ``offset``.

    ``digest`` runs over every command that led here, so two nodes with the same offset have the
    same digest, or one of them is wrong. ``names_by_shape`` finds the topic whose name differs
    from a given one only in ``.`` and ``_`` (names without either are not in it).
    """

    offset: int = 0
    digest: bytes = b""
    cluster_id: str | None = None
    controller_id: int = -1
    controller_epoch: int = -1
    brokers: Mapping[int, BrokerImage] = field(default_factory=dict[int, BrokerImage])
    topics: Mapping[str, TopicImage] = field(default_factory=dict[str, TopicImage])
    topics_by_id: Mapping[TopicId, TopicImage] = field(default_factory=dict[TopicId, TopicImage])
    names_by_shape: Mapping[str, str] = field(default_factory=dict[str, str])
    configs: Mapping[ConfigResource, Mapping[str, str]] = field(
        default_factory=dict[ConfigResource, Mapping[str, str]]
    )
    next_producer_id: int = 0

    def is_active(self, broker_id: int) -> bool:
        """Whether the broker is registered, unfenced and not on its way out."""
        broker = self.brokers.get(broker_id)
        return broker is not None and broker.is_active

    def may_lead(self, partition: PartitionImage, broker_id: int) -> bool:
        """Whether the broker is active, and its replica of the partition can be used."""
        broker = self.brokers.get(broker_id)
        return (
            broker is not None
            and broker.is_active
            and broker.has_online(partition.directory(broker_id))
        )

    def config(self, resource_type: int, name: str) -> Mapping[str, str]:
        """Return what was set for one resource; empty if nothing was."""
        return self.configs.get((resource_type, name), _NOTHING)

    def partition(self, topic: str, partition: int) -> PartitionImage | None:
        """Look up one partition by name and number."""
        found = self.topics.get(topic)
        return None if found is None else found.partitions.get(partition)


EMPTY = MetadataImage()


def name_shape(topic: str) -> str | None:
    """Return the form in which clashing names are equal; None if this one cannot clash.

    Metric names turn dots into underscores, so Kafka takes ``a.b`` and ``a_b`` for one name.
    """
    return topic.replace(".", "_") if "." in topic or "_" in topic else None

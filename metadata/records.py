"""The records that the quorum commits, and their form in its journal.

A record is a CBOR array ``[type, version, field, …]``; a batch, the unit that is committed or
lost as a whole, is an array of records. Trailing fields that hold their defaults are left out.
A reader takes the fields that it knows: more than those (a newer writer) are ignored, missing
ones (an older writer) get their defaults. So a field may be added at the end, with a default
that means what its absence meant; anything else needs a new type number.

Shapes follow Kafka's metadata records (KIP-500 and its successors), not their encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, NamedTuple

import cbor2

from raftkafka.types import TopicId

TOPIC_CONFIG = 2
BROKER_CONFIG = 4
"""Resource types of ``ConfigRecord``, numbered as on Kafka's wire."""

EPOCH_IS_INDEX = -1
"""As a broker epoch: the log index of the entry that carries the record."""


class BrokerEndpoint(NamedTuple):
    """Where a broker is reached through one of its listeners."""

    name: str
    host: str
    port: int
    security_protocol: str


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """Names the cluster; the first record that is ever committed."""

    cluster_id: str


@dataclass(frozen=True, slots=True)
class ControllerRecord:
    """A controller took office. Its epoch is the Raft term, so it only grows."""

    controller_id: int
    controller_epoch: int


@dataclass(frozen=True, slots=True)
class RegisterBrokerRecord:
    """A broker process made itself known, in place of any former one of that id.

    ``incarnation_id`` (16 bytes) names the process, ``directories`` (16 bytes each) its log
    directories that are online. ``cluster_endpoint`` is where other brokers reach it; a lone
    node has none.
    """

    broker_id: int
    incarnation_id: bytes
    endpoints: tuple[BrokerEndpoint, ...]
    directories: tuple[bytes, ...]
    rack: str | None = None
    broker_epoch: int = EPOCH_IS_INDEX
    fenced: bool = True
    in_controlled_shutdown: bool = False
    cluster_endpoint: BrokerEndpoint | None = None


@dataclass(frozen=True, slots=True)
class BrokerChangeRecord:
    """A registered broker changed state; None leaves a field as it is."""

    broker_id: int
    broker_epoch: int
    fenced: bool | None = None
    in_controlled_shutdown: bool | None = None
    directories: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A topic exists; its partitions follow."""

    name: str
    topic_id: TopicId


@dataclass(frozen=True, slots=True)
class RemoveTopicRecord:
    """A topic, its partitions and its configuration are gone."""

    topic_id: TopicId


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """The whole state of a partition (brokers by id, directories by 16-byte id).

    ``directories`` runs along ``replicas``; empty means that nobody assigned any.
    """

    topic_id: TopicId
    partition: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int = 0
    partition_epoch: int = 0
    directories: tuple[bytes, ...] = ()
    elr: tuple[int, ...] = ()
    last_known_elr: tuple[int, ...] = ()
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionChangeRecord:
    """A step in a partition's life; None leaves a field as it is.

    Each one adds one to the partition epoch. One that names a ``leader`` (the present one, or
    -1 for none, count too) also adds one to the leader epoch.
    """

    topic_id: TopicId
    partition: int
    isr: tuple[int, ...] | None = None
    leader: int | None = None
    elr: tuple[int, ...] | None = None
    last_known_elr: tuple[int, ...] | None = None
    replicas: tuple[int, ...] | None = None
    directories: tuple[bytes, ...] | None = None
    adding: tuple[int, ...] | None = None
    removing: tuple[int, ...] | None = None
    unclean: bool = False


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """One configuration key of a resource was set, or with value None removed."""

    resource_type: int
    resource_name: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class ProducerIdsRecord:
    """Producer ids below ``next_producer_id`` have been given out, the last block to a broker."""

    broker_id: int
    broker_epoch: int
    next_producer_id: int


Record = (
    ClusterRecord
    | ControllerRecord
    | RegisterBrokerRecord
    | BrokerChangeRecord
    | TopicRecord
    | RemoveTopicRecord
    | PartitionRecord
    | PartitionChangeRecord
    | ConfigRecord
    | ProducerIdsRecord
)


class UnknownRecord(Exception):
    """A record of a type that this version does not know: applying the rest would diverge."""


# Type number, version, class. Numbers are for ever; a version grows with each added field.
_TYPES: tuple[tuple[int, int, type[Record]], ...] = (
    (1, 0, ClusterRecord),
    (2, 0, ControllerRecord),
    (3, 1, RegisterBrokerRecord),
    (4, 0, BrokerChangeRecord),
    (5, 0, TopicRecord),
    (6, 0, RemoveTopicRecord),
    (7, 0, PartitionRecord),
    (8, 0, PartitionChangeRecord),
    (9, 0, ConfigRecord),
    (10, 0, ProducerIdsRecord),
)


class _Form:
    """How one class of records is laid out."""

    __slots__ = ("defaults", "head", "make", "read_fields", "width")

    def __init__(self, number: int, version: int, cls: type[Record]) -> None:
        shape = fields(cls)
        self.head = (number, version)
        self.make: Callable[..., Record] = cls
        self.width = len(shape)
        self.defaults = tuple(field.default for field in shape)
        read = attrgetter(*(field.name for field in shape))
        # attrgetter of a single name yields the bare value.
        self.read_fields: Callable[[Record], Sequence[Any]] = (
            read if self.width > 1 else lambda record: (read(record),)
        )


_CLUSTER_ENDPOINT = 8
"""Position of that field in a ``RegisterBrokerRecord``."""

_FORM_OF = {cls: _Form(number, version, cls) for number, version, cls in _TYPES}
_FORM_NUMBERED: dict[object, _Form] = {form.head[0]: form for form in _FORM_OF.values()}


def encode_batch(records: Iterable[Record]) -> bytes:
    """Return the bytes of a batch; equal records give equal bytes."""
    return cbor2.dumps([_to_row(record) for record in records])


def decode_batch(command: bytes) -> list[Record]:
    """Read a batch.

    Raises:
        UnknownRecord: a record of a type that only a newer version knows.
        Exception: not a batch.
    """
    rows: list[list[Any]] = cbor2.loads(command)
    return [_from_row(row) for row in rows]


def _to_row(record: Record) -> list[Any]:
    form = _FORM_OF[type(record)]
    row = [*form.head, *form.read_fields(record)]
    kept = form.width
    while row[kept + 1] == form.defaults[kept - 1]:  # a required field has none, and is kept
        kept -= 1
    del row[kept + 2 :]
    return row


def _from_row(row: list[Any]) -> Record:
    number, _, *values = row
    form = _FORM_NUMBERED.get(number)
    if form is None:
        raise UnknownRecord(f"record type {number} is not known to this version")
    del values[form.width :]
    if form.make is RegisterBrokerRecord:
        values[2] = [BrokerEndpoint(*endpoint) for endpoint in values[2]]
        if len(values) > _CLUSTER_ENDPOINT and values[_CLUSTER_ENDPOINT] is not None:
            values[_CLUSTER_ENDPOINT] = BrokerEndpoint(*values[_CLUSTER_ENDPOINT])
    for position, value in enumerate(values):
        if value.__class__ is list:
            values[position] = tuple(value)
    return form.make(*values)

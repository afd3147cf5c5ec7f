"""Brokers come, become ready, leave, and are gone; their partitions follow in the same step.

Rules 16 to 19 of replication. Order of the records: replicas leave ISRs before their broker is
fenced, and join after it is unfenced, so no image shows a fenced broker in an ISR.

Source: Kafka's ``ClusterControlManager.registerBroker`` and the ``handleBroker…`` methods of
``ReplicationControlManager``. Unlike there, a new incarnation takes the place of an unfenced one
without a session time-out between: the old process is gone when its successor registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from metadata.controller.decision import Decision, Situation
from metadata.controller.elections import Upset, settle
from metadata.controller.settings import effective_min_isr, unclean_election_allowed
from metadata.image import BrokerImage, MetadataImage
from metadata.records import (
    BrokerChangeRecord,
    BrokerEndpoint,
    Record,
    RegisterBrokerRecord,
)
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.types import ZERO_ID, uuid_text


@dataclass(frozen=True, slots=True)
class BrokerRegistration:
    """A broker process makes itself known.

    Args:
        broker_id: the node id.
        incarnation_id: 16 bytes that name this process.
        endpoints: where clients reach it, by listener.
        directories: ids of its online log directories.
        rack: its rack, if it has one.
        clean_stop: it is proven that the former process of this id left all that it had
            acknowledged on its disks, and nothing was found damaged.
        ready: it has read the metadata to its end already, being in the process of the active
            controller. Then it starts unfenced, unless it takes over and lost records.
    """

    broker_id: int
    incarnation_id: bytes
    endpoints: tuple[BrokerEndpoint, ...]
    directories: tuple[bytes, ...]
    rack: str | None = None
    clean_stop: bool = False
    ready: bool = False


def register_broker(situation: Situation, registration: BrokerRegistration) -> Decision[None]:
    """Put a broker process in the place of its predecessor, if there was one.

    Its epoch is the log index of the decision. Registering the same incarnation again amends
    what it said about itself and keeps its epoch and state.

    A successor that lost records leaves every ISR and has no claim to lead, until it is
    unfenced and nobody else is left; one that is not ready leaves the ISRs too. One that is
    ready and lost nothing just goes on: the records up to its log's end are its own, so not even
    the leader epoch changes.

    Raises:
        KafkaError: INVALID_REGISTRATION.
    """
    _check_directories(situation.image, registration)
    broker_id = registration.broker_id
    known = situation.image.brokers.get(broker_id)
    goes_on = registration.ready and (known is None or registration.clean_stop)
    record = RegisterBrokerRecord(
        broker_id,
        registration.incarnation_id,
        registration.endpoints,
        registration.directories,
        registration.rack,
        fenced=not goes_on,
    )
    if known is not None and known.incarnation_id == registration.incarnation_id:
        return Decision([_amended(record, known)], None)
    if goes_on or known is None:
        return Decision(chain([record], _settled(situation, broker_id, joined=goes_on)), None)
    left = frozenset((broker_id,))
    lost = frozenset[int]() if registration.clean_stop else left
    changes = _settled(situation, broker_id, left_isr=left, lost_records=lost, joined=False)
    return Decision(chain(changes, [record]), None)


def unfence_broker(situation: Situation, broker_id: int, broker_epoch: int) -> Decision[None]:
    """Let a broker that caught up take part; leaderless partitions may fall to it.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED.
    """
    broker = check_broker_epoch(situation.image, broker_id, broker_epoch)
    if not broker.fenced:
        return Decision([], None)
    record = BrokerChangeRecord(broker_id, broker.broker_epoch, fenced=False)
    changes = _settled(situation, broker_id, joined=True)
    return Decision(chain([record], changes), None)


def fence_broker(situation: Situation, broker_id: int, broker_epoch: int) -> Decision[None]:
    """Take a broker out of every ISR, and stop showing it to clients.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED.
    """
    broker = check_broker_epoch(situation.image, broker_id, broker_epoch)
    if broker.fenced:
        return Decision([], None)
    left = frozenset((broker_id,))
    changes = _settled(situation, broker_id, left_isr=left, joined=False)
    record = BrokerChangeRecord(broker_id, broker.broker_epoch, fenced=True)
    return Decision(chain(changes, [record]), None)


def check_broker_epoch(image: MetadataImage, broker_id: int, broker_epoch: int) -> BrokerImage:
    """Return the broker, whose present process the request comes from.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED.
    """
    broker = image.brokers.get(broker_id)
    if broker is None:
        text = f"Broker ID {broker_id} is not registered."
        raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, text)
    if broker.broker_epoch != broker_epoch:
        text = f"Expected broker epoch {broker.broker_epoch}, but got broker epoch {broker_epoch}"
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH, text)
    return broker


def _settled(
    situation: Situation,
    broker_id: int,
    *,
    joined: bool,
    left_isr: frozenset[int] = frozenset(),
    lost_records: frozenset[int] = frozenset(),
) -> Iterator[Record]:
    """Yield a change for each partition that the broker's coming or going touches."""
    image, config = situation.image, situation.config

    def may_lead(candidate: int) -> bool:
        return joined if candidate == broker_id else image.is_active(candidate)

    for topic in image.topics.values():
        touched = [
            number
            for number, partition in topic.partitions.items()
            if broker_id in partition.replicas
            and (left_isr or lost_records or not partition.has_leader)
        ]
        if not touched:
            continue
        unclean_allowed = unclean_election_allowed(image, config, topic.name)
        for number in touched:
            partition = topic.partitions[number]
            upset = Upset(
                may_lead,
                effective_min_isr(image, config, topic.name, len(partition.replicas)),
                unclean_allowed,
                left_isr,
                lost_records,
            )
            change = settle(topic.topic_id, number, partition, upset)
            if change is not None:
                yield change


def _amended(record: RegisterBrokerRecord, known: BrokerImage) -> RegisterBrokerRecord:
    return replace(
        record,
        broker_epoch=known.broker_epoch,
        fenced=known.fenced,
        in_controlled_shutdown=known.in_controlled_shutdown,
    )


def _check_directories(image: MetadataImage, registration: BrokerRegistration) -> None:
    directories = registration.directories
    if not directories:
        raise _invalid("No directories specified in request")
    if len(set(directories)) < len(directories):
        raise _invalid("Duplicate directory ID in request")
    for directory in directories:
        if directory == ZERO_ID:
            raise _invalid("Reserved directory ID in request")
        for broker in image.brokers.values():
            if broker.broker_id != registration.broker_id and directory in broker.directories:
                raise _invalid(
                    f"Broker {broker.broker_id} is already registered with directory "
                    f"{uuid_text(directory)}"
                )


def _invalid(text: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REGISTRATION, text)

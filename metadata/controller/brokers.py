"""Brokers come, become ready, leave, and are gone; their partitions follow in the same step.

Rules 16 to 18 of replication. Order of the records: replicas leave ISRs before their broker is
fenced, and join after it is unfenced, so no image shows a fenced broker in an ISR.

Source: Kafka's ``ClusterControlManager.registerBroker`` and the ``handleBroker…`` methods of
``ReplicationControlManager``. Unlike there, a new incarnation does not wait for a session
time-out when its predecessor is known to be gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from metadata.controller.broker_events import BrokerEvent, settle_partitions
from metadata.controller.decision import Decision, Situation
from metadata.image import BrokerImage, MetadataImage
from metadata.records import BrokerChangeRecord, BrokerEndpoint, RegisterBrokerRecord
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
        cluster_endpoint: where other brokers reach it; None for a lone node.
        previous_broker_epoch: which process that proof is of. If it is not the one that is
            registered (a folder was copied, or is an old one), nothing is proven. None: the
            caller knows that it is the same.
        directories_failed: some of its log directories are not online. Replicas that lay there
            wait for them; otherwise they are made anew in the directories that there are.
    """

    broker_id: int
    incarnation_id: bytes
    endpoints: tuple[BrokerEndpoint, ...]
    directories: tuple[bytes, ...]
    rack: str | None = None
    clean_stop: bool = False
    ready: bool = False
    cluster_endpoint: BrokerEndpoint | None = None
    previous_broker_epoch: int | None = None
    directories_failed: bool = False

    def lost_nothing_since(self, known: BrokerImage) -> bool:
        """Whether all that the registered process of this id acknowledged is still there."""
        previous = self.previous_broker_epoch
        return self.clean_stop and (previous is None or previous == known.broker_epoch)


def register_broker(situation: Situation, registration: BrokerRegistration) -> Decision[None]:
    """Put a broker process in the place of its predecessor, if there was one.

    Its epoch is the log index of the decision. Registering the same incarnation again amends
    what it said about itself and keeps its epoch and state.

    A successor that lost records leaves every ISR and has no claim to lead, until it is
    unfenced and nobody else is left; one that is not ready leaves the ISRs too. One that is
    ready and lost nothing just goes on: the records up to its log's end are its own, so not even
    the leader epoch changes. Replicas in directories that it has no longer are lost.

    Raises:
        KafkaError: INVALID_REGISTRATION; DUPLICATE_BROKER_REGISTRATION, another process of that
            id lives, or it is not certain yet that it does not.
    """
    _check_directories(situation.image, registration)
    broker_id = registration.broker_id
    known = situation.image.brokers.get(broker_id)
    if known is not None and known.incarnation_id == registration.incarnation_id:
        return Decision([_amended(_record(registration, fenced=known.fenced), known)], None)
    if situation.heartbeats.blocks(broker_id, registration.incarnation_id):
        raise KafkaError(
            ErrorCode.DUPLICATE_BROKER_REGISTRATION,
            "Another broker is registered with that broker id. If the broker was recently "
            "restarted this should self-resolve once the heartbeat manager expires the broker's "
            "session.",
        )
    lost_nothing = known is None or registration.lost_nothing_since(known)
    goes_on = registration.ready and lost_nothing
    record = _record(registration, fenced=not goes_on)
    event = BrokerEvent(
        broker_id,
        is_active=goes_on,
        directories=frozenset(registration.directories),
        checks_directories=known is not None,
        leaves_isr=known is not None and not goes_on,
        lost_records=not lost_nothing,
        moves_replicas=not registration.directories_failed,
    )
    changes = settle_partitions(situation, event)
    if goes_on or known is None:
        return Decision(chain([record], changes), None)
    return Decision(chain(changes, [record]), None)


def unfence_broker(situation: Situation, broker_id: int, broker_epoch: int) -> Decision[None]:
    """Let a broker that caught up take part; leaderless partitions may fall to it.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED.
    """
    broker = check_broker_epoch(situation.image, broker_id, broker_epoch)
    if not broker.fenced:
        return Decision([], None)
    record = BrokerChangeRecord(
        broker_id, broker.broker_epoch, fenced=False, in_controlled_shutdown=False
    )
    event = BrokerEvent(broker_id, is_active=True, directories=frozenset(broker.directories))
    return Decision(chain([record], settle_partitions(situation, event)), None)


def fence_broker(situation: Situation, broker_id: int, broker_epoch: int) -> Decision[None]:
    """Take a broker out of every ISR, and stop showing it to clients.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED.
    """
    broker = check_broker_epoch(situation.image, broker_id, broker_epoch)
    if broker.fenced:
        return Decision([], None)
    record = BrokerChangeRecord(broker_id, broker.broker_epoch, fenced=True)
    changes = settle_partitions(situation, leaving(broker))
    return Decision(chain(changes, [record]), None)


def leaving(broker: BrokerImage) -> BrokerEvent:
    """Return the event of a broker that stops taking part, its disks as they are."""
    return BrokerEvent(
        broker.broker_id,
        is_active=False,
        directories=frozenset(broker.directories),
        leaves_isr=True,
    )


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


def _record(registration: BrokerRegistration, *, fenced: bool) -> RegisterBrokerRecord:
    return RegisterBrokerRecord(
        registration.broker_id,
        registration.incarnation_id,
        registration.endpoints,
        registration.directories,
        registration.rack,
        fenced=fenced,
        cluster_endpoint=registration.cluster_endpoint,
    )


def _amended(record: RegisterBrokerRecord, known: BrokerImage) -> RegisterBrokerRecord:
    return replace(
        record,
        broker_epoch=known.broker_epoch,
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

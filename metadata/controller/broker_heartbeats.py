"""What a broker's heartbeat brings about: unfencing, failed directories, controlled shutdown.

Rules 18 and 19 of replication. A heartbeat does one thing at a time; the broker sends it again,
with what still holds.

Source: Kafka's ``ReplicationControlManager.processBrokerHeartbeat``, ``handleDirectoriesOffline``
and ``BrokerHeartbeatManager.calculateNextBrokerState``; KIP-631, KIP-841, KIP-858.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from metadata.controller.broker_events import BrokerEvent, settle_partitions
from metadata.controller.brokers import (
    check_broker_epoch,
    fence_broker,
    leaving,
    unfence_broker,
)
from metadata.controller.decision import Decision, Situation
from metadata.image import BrokerImage
from metadata.records import BrokerChangeRecord


@dataclass(frozen=True, slots=True)
class BrokerHeartbeat:
    """A broker tells that it lives, and what it wants.

    Args:
        broker_id: who.
        broker_epoch: which process.
        metadata_offset: up to where it has applied the metadata.
        wants_fence: it is not ready to serve, or wants to stop serving.
        wants_shutdown: it is on its way out.
        offline_directories: ids of its log directories that failed since it registered.
    """

    broker_id: int
    broker_epoch: int
    metadata_offset: int
    wants_fence: bool = False
    wants_shutdown: bool = False
    offline_directories: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """How the controller sees the broker, once the decision is committed.

    ``may_stop``: nothing is lost or delayed for anybody if the process exits now.
    """

    is_caught_up: bool
    is_fenced: bool
    may_stop: bool


def take_heartbeat(situation: Situation, heartbeat: BrokerHeartbeat) -> Decision[HeartbeatAnswer]:
    """Move a broker on to what its heartbeat asks for, as far as that can be had.

    The driver tells ``Heartbeats.heard`` first.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED.
    """
    broker_id, epoch = heartbeat.broker_id, heartbeat.broker_epoch
    broker = check_broker_epoch(situation.image, broker_id, epoch)
    answer = HeartbeatAnswer(
        heartbeat.metadata_offset >= broker.broker_epoch, broker.fenced, may_stop=False
    )
    failed = frozenset(heartbeat.offline_directories).intersection(broker.directories)
    if failed:
        return _directories_failed(situation, broker, failed, answer)
    if heartbeat.wants_shutdown:
        return _shutdown(situation, broker, answer)
    if heartbeat.wants_fence:
        fenced = fence_broker(situation, broker_id, epoch)
        return Decision(fenced.records, replace(answer, is_fenced=True))
    if broker.fenced and answer.is_caught_up:
        unfenced = unfence_broker(situation, broker_id, epoch)
        return Decision(unfenced.records, replace(answer, is_fenced=False))
    return Decision([], answer)


def _shutdown(
    situation: Situation, broker: BrokerImage, answer: HeartbeatAnswer
) -> Decision[HeartbeatAnswer]:
    """Take the broker out of ISRs and leaderships; fence it when everybody knows (rule 19)."""
    if broker.fenced:
        return Decision([], replace(answer, may_stop=True))
    if not broker.in_controlled_shutdown:
        record = BrokerChangeRecord(
            broker.broker_id, broker.broker_epoch, in_controlled_shutdown=True
        )
        changes = settle_partitions(situation, leaving(broker))
        return Decision(chain([record], changes), answer)
    if not situation.heartbeats.may_stop(broker.broker_id):
        return Decision([], answer)
    fenced = fence_broker(situation, broker.broker_id, broker.broker_epoch)
    return Decision(fenced.records, replace(answer, is_fenced=True, may_stop=True))


def _directories_failed(
    situation: Situation,
    broker: BrokerImage,
    failed: frozenset[bytes],
    answer: HeartbeatAnswer,
) -> Decision[HeartbeatAnswer]:
    """Take the replicas in failed directories out of ISRs and leaderships.

    What was not flushed there may be lost, so they have no claim to lead any more.
    """
    left = tuple(it for it in broker.directories if it not in failed)
    event = BrokerEvent(
        broker.broker_id,
        is_active=broker.is_active,
        directories=frozenset(left),
        checks_directories=True,
    )
    record = BrokerChangeRecord(broker.broker_id, broker.broker_epoch, directories=left)
    return Decision(chain(settle_partitions(situation, event), [record]), answer)

"""Internal topics get the replicas that they should have, as brokers join.

The first brokers of a cluster create them with as many replicas as there are brokers then.
Kafka leaves it at that; here the controller raises them up to what is configured.
"""

from __future__ import annotations

from collections.abc import Iterator

from metadata.controller.decision import Decision, Situation
from metadata.controller.reassignments import reassigned
from metadata.image import CONSUMER_OFFSETS, TRANSACTION_STATE
from metadata.placement import with_more_replicas
from metadata.records import PartitionChangeRecord
from raftkafka.config import BrokerConfig


def raise_internal_topics(situation: Situation) -> Decision[None]:
    """Add replicas to partitions of internal topics that have fewer than is configured.

    Partitions that are on their way already are left alone. To be decided on when a broker was
    unfenced; without need, it makes no record.
    """
    return Decision(_raised(situation), None)


def _raised(situation: Situation) -> Iterator[PartitionChangeRecord]:
    image = situation.image
    brokers = list(image.brokers.values())
    active = sum(1 for broker in brokers if broker.is_active)
    for name, wanted in _replication_factors(situation.config).items():
        topic = image.topics.get(name)
        if topic is None:
            continue
        for number, partition in topic.partitions.items():
            replication_factor = min(wanted, active)
            if partition.is_reassigned or len(partition.replicas) >= replication_factor:
                continue
            target = with_more_replicas(brokers, partition.replicas, replication_factor, number)
            change = reassigned(situation, topic, number, target)
            if change is not None:
                yield change


def _replication_factors(config: BrokerConfig) -> dict[str, int]:
    return {
        CONSUMER_OFFSETS: config.offsets_topic_replication_factor,
        TRANSACTION_STATE: config.transaction_state_log_replication_factor,
    }

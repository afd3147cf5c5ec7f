"""Which log directory of its broker a replica lies in, as the broker itself says.

A broker with one directory need not say. One with several tells where it made a replica, so that
the controller knows what a failed directory takes along.

Source: Kafka's ``ReplicationControlManager.handleAssignReplicasToDirs``; KIP-858.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from metadata.controller.brokers import check_broker_epoch
from metadata.controller.decision import Decision, Situation
from metadata.image import PartitionImage
from metadata.records import PartitionChangeRecord
from raftkafka.types import ZERO_ID, TopicId

Replicas = Mapping[bytes, Sequence[tuple[TopicId, int]]]
"""Topic ids and partitions, by the directory that they lie in."""


def assign_directories(
    situation: Situation, broker_id: int, broker_epoch: int, replicas: Replicas
) -> Decision[None]:
    """Note where replicas of a broker lie.

    What is not a replica of it (any more), or lies in no directory of it that is online, is left
    out: the broker learns of that by the metadata, and may have been overtaken.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED.
    """
    broker = check_broker_epoch(situation.image, broker_id, broker_epoch)
    online = {it: replicas[it] for it in replicas if it in broker.directories}
    return Decision(_assigned(situation, broker_id, online), None)


def _assigned(
    situation: Situation, broker_id: int, replicas: Replicas
) -> Iterator[PartitionChangeRecord]:
    topics = situation.image.topics_by_id
    told: dict[tuple[TopicId, int], bytes] = {}
    for directory, partitions in replicas.items():
        told |= dict.fromkeys(partitions, directory)
    for (topic_id, number), directory in told.items():
        topic = topics.get(topic_id)
        partition = None if topic is None else topic.partitions.get(number)
        if partition is None or broker_id not in partition.replicas:
            continue
        if partition.directory(broker_id) != directory:
            directories = _with(partition, broker_id, directory)
            yield PartitionChangeRecord(topic_id, number, directories=directories)


def _with(partition: PartitionImage, broker_id: int, directory: bytes) -> tuple[bytes, ...]:
    directories = list(partition.directories or (ZERO_ID,) * len(partition.replicas))
    directories[partition.replicas.index(broker_id)] = directory
    return tuple(directories)

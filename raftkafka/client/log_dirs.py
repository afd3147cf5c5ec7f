"""Which log directory of its broker holds a replica, and which one shall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster, describe_log_dirs
from raftkafka.client.errors import error_code
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopic,
)
from raftkafka.types import TopicPartition


class PartitionReplica(NamedTuple):
    """One broker's replica of a partition."""

    node_id: int
    partition: TopicPartition

    def __str__(self) -> str:
        return f"{self.partition}-{self.node_id}"


class Place(NamedTuple):
    """Where a replica lies, and where it is copied to; None: nowhere."""

    current: str | None = None
    future: str | None = None


def find_replicas(
    client: Client, replicas: Iterable[PartitionReplica]
) -> dict[PartitionReplica, Place]:
    """Return where replicas lie; what a broker that is down holds is not known.

    Raises:
        ClientError: no broker answers, or a live one does not.
    """
    found = dict.fromkeys(sorted(replicas), Place())
    if not found:
        return found
    alive = {broker.node_id for broker in describe_cluster(client).brokers}
    topics = {replica.partition.topic for replica in found}
    involved = sorted({replica.node_id for replica in found} & alive)
    for node_id, log_dirs in describe_log_dirs(client, involved, topics=topics).items():
        for log_dir in log_dirs:
            for partition, held in log_dir.replicas.items():
                replica = PartitionReplica(node_id, partition)
                if replica in found:
                    part = {"future" if held.is_future else "current": log_dir.path}
                    found[replica] = found[replica]._replace(**part)
    return found


def move_replicas(
    client: Client, targets: Mapping[PartitionReplica, str]
) -> dict[PartitionReplica, ErrorCode]:
    """Ask each replica's broker to keep it in this log directory; return what became of that.

    Raises:
        ClientError: there is no such broker, it does not answer, or cannot do this.
    """
    outcomes: dict[PartitionReplica, ErrorCode] = {}
    for node_id in sorted({replica.node_id for replica in targets}):
        dirs: dict[str, AlterReplicaLogDir] = {}
        for replica, path in targets.items():
            if replica.node_id == node_id:
                topic, number = replica.partition
                entry = dirs.setdefault(path, AlterReplicaLogDir(path=path))
                entry.topics.append(AlterReplicaLogDirTopic(name=topic, partitions=[number]))
        request = AlterReplicaLogDirsRequest(dirs=list(dirs.values()))
        answer = client.broker(node_id).ask(request, AlterReplicaLogDirsResponse)
        for result in answer.results:
            for each in result.partitions:
                partition = TopicPartition(result.topic_name, each.partition_index)
                outcomes[PartitionReplica(node_id, partition)] = error_code(each.error_code)
    return outcomes

"""The cluster itself: its id, its brokers, their log directories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from raftkafka.client.client import Client
from raftkafka.client.errors import ClientError, check, error_code
from raftkafka.errors import ErrorCode
from raftkafka.types import TopicPartition


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and where clients reach it."""

    node_id: int
    host: str
    port: int
    rack: str | None
    is_fenced: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """Brokers by id. ``controller_id`` is None while there is no active controller."""

    cluster_id: str | None
    controller_id: int | None
    brokers: tuple[Broker, ...]


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica in a log directory; ``lag`` in offsets."""

    size_bytes: int
    lag: int
    is_future: bool


@dataclass(frozen=True, slots=True)
class LogDir:
    """A log directory of one broker, its replicas and its disk (-1: not said)."""

    path: str
    error: ErrorCode
    total_bytes: int
    usable_bytes: int
    replicas: dict[TopicPartition, Replica] = field(default_factory=dict[TopicPartition, Replica])


def describe_cluster(client: Client, *, include_fenced: bool = False) -> Cluster:
    """Return the cluster as its brokers see it.

    Raises:
        ClientError: no broker answers, or it cannot tell fenced brokers.
    """
    from raftkafka.protocol.messages.cluster import (
        DescribeClusterRequest,
        DescribeClusterResponse,
    )

    connection = client.any_broker()
    if connection.version_for(DescribeClusterRequest) is None and not include_fenced:
        metadata = client.metadata([])
        cluster_id, controller_id = metadata.cluster_id, metadata.controller_id
        brokers = [Broker(b.node_id, b.host, b.port, b.rack) for b in metadata.brokers]
    else:
        request = DescribeClusterRequest(include_fenced_brokers=include_fenced)
        answer = connection.ask(
            request, DescribeClusterResponse, at_least=2 if include_fenced else 0
        )
        check(answer.error_code, answer.error_message)
        cluster_id, controller_id = answer.cluster_id, answer.controller_id
        brokers = [Broker(b.broker_id, b.host, b.port, b.rack, b.is_fenced) for b in answer.brokers]
    brokers.sort(key=lambda broker: broker.node_id)
    return Cluster(cluster_id, controller_id if controller_id >= 0 else None, tuple(brokers))


def describe_log_dirs(
    client: Client, node_ids: Sequence[int], *, topics: Iterable[str] | None = None
) -> dict[int, list[LogDir]]:
    """Return the log directories of the named brokers, by path; ``topics`` picks replicas.

    Raises:
        ClientError: no such broker, or it does not answer.
    """
    from raftkafka.protocol.messages.log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse

    wanted = None if topics is None else set(topics)
    found: dict[int, list[LogDir]] = {}
    for node_id in node_ids:
        request = DescribeLogDirsRequest(topics=None)
        answer = client.broker(node_id).ask(request, DescribeLogDirsResponse)
        if answer.error_code:
            raise ClientError(f"broker {node_id}: {error_code(answer.error_code).name}")
        found[node_id] = [
            LogDir(
                result.log_dir,
                error_code(result.error_code),
                result.total_bytes,
                result.usable_bytes,
                {
                    TopicPartition(topic.name, replica.partition_index): Replica(
                        replica.partition_size, replica.offset_lag, replica.is_future_key
                    )
                    for topic in result.topics
                    if wanted is None or topic.name in wanted
                    for replica in topic.partitions
                },
            )
            for result in sorted(answer.results, key=lambda result: result.log_dir)
        ]
    return found

"""Topics: list, describe, create, grow, delete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from raftkafka.client.client import Client
from raftkafka.client.connection import Connection
from raftkafka.client.errors import RequestFailed, check
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.metadata import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsRequestCursor,
    DescribeTopicPartitionsRequestTopic,
    DescribeTopicPartitionsResponse,
    MetadataResponseTopic,
)
from raftkafka.types import NO_LEADER, TopicId

DESCRIBE_PAGE_PARTITIONS = 2000


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition. ``elr`` and ``last_known_elr`` are None where the broker knows no ELR."""

    partition: int
    leader: int | None
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    offline: tuple[int, ...] = ()
    elr: tuple[int, ...] | None = None
    last_known_elr: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and its partitions, in order."""

    name: str
    topic_id: TopicId
    is_internal: bool
    partitions: tuple[Partition, ...]

    @property
    def replication_factor(self) -> int:
        """Replicas of the first partition, as Kafka's tools count."""
        return len(self.partitions[0].replicas) if self.partitions else 0


def list_topics(client: Client) -> list[Topic]:
    """Return all topics by name, without ELR.

    Raises:
        ClientError: no broker, or it refused.
    """
    metadata = client.metadata(None)
    return sorted(
        (_from_metadata(topic) for topic in metadata.topics), key=lambda topic: topic.name
    )


def describe_topics(
    client: Client, names: Sequence[str], *, page_partitions: int = DESCRIBE_PAGE_PARTITIONS
) -> list[Topic]:
    """Return the named topics, in order of name, with ELR where the broker knows it.

    Raises:
        RequestFailed: one of them does not exist, or is not for us.
    """
    if not names:
        return []
    broker = client.any_broker()
    if broker.version_for(DescribeTopicPartitionsRequest) is None:
        metadata = client.metadata(names)
        for topic in metadata.topics:
            _check_topic(topic.name or "", topic.error_code)
        topics = [_from_metadata(topic) for topic in metadata.topics]
    else:
        topics = _describe_in_pages(broker, sorted(names), page_partitions)
    return sorted(topics, key=lambda topic: topic.name)


def create_topic(
    client: Client,
    name: str,
    *,
    partitions: int = -1,
    replication_factor: int = -1,
    assignment: Sequence[Sequence[int]] = (),
    configs: dict[str, str] | None = None,
    validate_only: bool = False,
) -> None:
    """Create one topic; -1 is the broker's default.

    Args:
        client: the cluster.
        name: of the topic.
        partitions: how many; with an ``assignment`` it says so itself.
        replication_factor: likewise.
        assignment: for each partition the brokers, the preferred leader first.
        configs: by Kafka's names.
        validate_only: check, but create nothing.

    Raises:
        RequestFailed: as the broker says.
    """
    from raftkafka.protocol.messages.topics import (
        CreatableReplicaAssignment,
        CreatableTopic,
        CreatableTopicConfig,
        CreateTopicsRequest,
        CreateTopicsResponse,
    )

    topic = CreatableTopic(
        name=name,
        num_partitions=-1 if assignment else partitions,
        replication_factor=-1 if assignment else replication_factor,
        assignments=[
            CreatableReplicaAssignment(partition_index=index, broker_ids=list(brokers))
            for index, brokers in enumerate(assignment)
        ],
        configs=[
            CreatableTopicConfig(name=key, value=value) for key, value in (configs or {}).items()
        ],
    )
    request = CreateTopicsRequest(
        topics=[topic], timeout_ms=client.timeout_ms, validate_only=validate_only
    )
    answer = client.ask_controller(
        request, CreateTopicsResponse, lambda answer: (t.error_code for t in answer.topics)
    )
    for result in answer.topics:
        check(result.error_code, result.error_message)


def create_partitions(
    client: Client,
    totals: dict[str, int],
    *,
    assignments: dict[str, Sequence[Sequence[int]]] | None = None,
) -> None:
    """Give topics more partitions.

    Args:
        client: the cluster.
        totals: by topic, the number that it shall have.
        assignments: by topic, the brokers of each partition to add.

    Raises:
        RequestFailed: as the broker says, for the first topic that failed.
    """
    from raftkafka.protocol.messages.topics import (
        CreatePartitionsAssignment,
        CreatePartitionsRequest,
        CreatePartitionsResponse,
        CreatePartitionsTopic,
    )

    topics = [
        CreatePartitionsTopic(
            name=name,
            count=total,
            assignments=[
                CreatePartitionsAssignment(broker_ids=list(brokers))
                for brokers in (assignments or {}).get(name, ())
            ]
            or None,
        )
        for name, total in totals.items()
    ]
    answer = client.ask_controller(
        CreatePartitionsRequest(topics=topics, timeout_ms=client.timeout_ms),
        CreatePartitionsResponse,
        lambda answer: (result.error_code for result in answer.results),
    )
    for result in answer.results:
        check(result.error_code, result.error_message)


def delete_topics(client: Client, names: Iterable[str]) -> None:
    """Delete topics.

    Raises:
        RequestFailed: as the broker says, for the first topic that failed.
    """
    from raftkafka.protocol.messages.topics import (
        DeleteTopicsRequest,
        DeleteTopicsResponse,
        DeleteTopicState,
    )

    names = list(names)
    request = DeleteTopicsRequest(
        topics=[DeleteTopicState(name=name) for name in names],
        topic_names=names,
        timeout_ms=client.timeout_ms,
    )
    answer = client.ask_controller(
        request, DeleteTopicsResponse, lambda answer: (r.error_code for r in answer.responses)
    )
    for result in answer.responses:
        _check_topic(result.name or "", result.error_code, result.error_message)


def _check_topic(name: str, code: int, message: str | None = None) -> None:
    if code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        raise RequestFailed(code, f"topic {name!r} does not exist")
    check(code, message)


def _describe_in_pages(broker: Connection, names: list[str], page_partitions: int) -> list[Topic]:
    request = DescribeTopicPartitionsRequest(
        topics=[DescribeTopicPartitionsRequestTopic(name=name) for name in names],
        response_partition_limit=page_partitions,
    )
    found: dict[str, Topic] = {}
    while True:
        answer = broker.ask(request, DescribeTopicPartitionsResponse)
        for topic in answer.topics:
            name = topic.name or ""
            _check_topic(name, topic.error_code)
            earlier = found[name].partitions if name in found else ()
            partitions = tuple(
                Partition(
                    partition.partition_index,
                    None if partition.leader_id == NO_LEADER else partition.leader_id,
                    partition.leader_epoch,
                    tuple(partition.replica_nodes),
                    tuple(partition.isr_nodes),
                    tuple(partition.offline_replicas),
                    tuple(partition.eligible_leader_replicas or ()),
                    tuple(partition.last_known_elr or ()),
                )
                for partition in topic.partitions
            )
            found[name] = Topic(name, topic.topic_id, topic.is_internal, earlier + partitions)
        cursor = answer.next_cursor
        if cursor is None:
            return list(found.values())
        request.topics = [topic for topic in request.topics if topic.name >= cursor.topic_name]
        request.cursor = DescribeTopicPartitionsRequestCursor(
            topic_name=cursor.topic_name, partition_index=cursor.partition_index
        )


def _from_metadata(topic: MetadataResponseTopic) -> Topic:
    partitions = [
        Partition(
            partition.partition_index,
            None if partition.leader_id == NO_LEADER else partition.leader_id,
            partition.leader_epoch,
            tuple(partition.replica_nodes),
            tuple(partition.isr_nodes),
            tuple(partition.offline_replicas),
        )
        for partition in topic.partitions
    ]
    partitions.sort(key=lambda partition: partition.partition)
    return Topic(topic.name or "", topic.topic_id, topic.is_internal, tuple(partitions))

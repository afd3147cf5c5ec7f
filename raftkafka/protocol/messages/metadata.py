"""Metadata and DescribeTopicPartitions: brokers, topics, and who leads each partition."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    boolean,
    int16,
    int32,
    optional,
    string,
    uuid,
)


class MetadataRequestTopic(Struct):
    """A topic, by name or by id."""

    topic_id: bytes = uuid("10+", ignorable=True)
    name: str | None = string(null="10+")


class MetadataRequest(Request, api=3, versions="0-13", flexible="9+"):
    """Ask for topics: None for all (in version 0 an empty list), possibly creating them."""

    topics: list[MetadataRequestTopic] | None = array(MetadataRequestTopic, null="1+")
    allow_auto_topic_creation: bool = boolean("4+", default=True)
    include_cluster_authorized_operations: bool = boolean("8-10")
    include_topic_authorized_operations: bool = boolean("8+")


class MetadataResponseBroker(Struct):
    """A broker and where clients reach it."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string("1+", null=ALL, default=None, ignorable=True)


class MetadataResponsePartition(Struct):
    """Who leads, replicates and is in sync in one partition."""

    error_code: int = int16()
    partition_index: int = int32()
    leader_id: int = int32()
    leader_epoch: int = int32("7+", default=-1, ignorable=True)
    replica_nodes: list[int] = array(int32)
    isr_nodes: list[int] = array(int32)
    offline_replicas: list[int] = array(int32, "5+", ignorable=True)


class MetadataResponseTopic(Struct):
    """A topic and its partitions."""

    error_code: int = int16()
    name: str | None = string(null="12+")
    topic_id: bytes = uuid("10+", ignorable=True)
    is_internal: bool = boolean("1+", ignorable=True)
    partitions: list[MetadataResponsePartition] = array(MetadataResponsePartition)
    topic_authorized_operations: int = int32("8+", default=-(2**31))


class MetadataResponse(Response, api=3, versions="0-13", flexible="9+"):
    """The brokers, the controller, and the topics."""

    throttle_time_ms: int = int32("3+", ignorable=True)
    brokers: list[MetadataResponseBroker] = array(MetadataResponseBroker)
    cluster_id: str | None = string("2+", null=ALL, default=None, ignorable=True)
    controller_id: int = int32("1+", default=-1, ignorable=True)
    topics: list[MetadataResponseTopic] = array(MetadataResponseTopic)
    cluster_authorized_operations: int = int32("8-10", default=-(2**31))
    error_code: int = int16("13+", ignorable=True)


class DescribeTopicPartitionsRequestTopic(Struct):
    """A topic, by name."""

    name: str = string()


class DescribeTopicPartitionsRequestCursor(Struct):
    """The partition where this page starts."""

    topic_name: str = string()
    partition_index: int = int32()


class DescribeTopicPartitionsRequest(Request, api=75, versions="0", flexible="0+"):
    """Ask for topics page by page (KIP-966)."""

    topics: list[DescribeTopicPartitionsRequestTopic] = array(DescribeTopicPartitionsRequestTopic)
    response_partition_limit: int = int32(default=2000)
    cursor: DescribeTopicPartitionsRequestCursor | None = optional(
        DescribeTopicPartitionsRequestCursor
    )


class DescribeTopicPartitionsResponsePartition(Struct):
    """The replicas of one partition, and those that may still lead (KIP-966)."""

    error_code: int = int16()
    partition_index: int = int32()
    leader_id: int = int32()
    leader_epoch: int = int32(default=-1)
    replica_nodes: list[int] = array(int32)
    isr_nodes: list[int] = array(int32)
    eligible_leader_replicas: list[int] | None = array(int32, null=ALL, default=None)
    last_known_elr: list[int] | None = array(int32, null=ALL, default=None)
    offline_replicas: list[int] = array(int32)


class DescribeTopicPartitionsResponseTopic(Struct):
    """A topic and its partitions."""

    error_code: int = int16()
    name: str | None = string(null=ALL)
    topic_id: bytes = uuid()
    is_internal: bool = boolean()
    partitions: list[DescribeTopicPartitionsResponsePartition] = array(
        DescribeTopicPartitionsResponsePartition
    )
    topic_authorized_operations: int = int32(default=-(2**31))


class DescribeTopicPartitionsResponseCursor(Struct):
    """The partition where the next page starts."""

    topic_name: str = string()
    partition_index: int = int32()


class DescribeTopicPartitionsResponse(Response, api=75, versions="0", flexible="0+"):
    """One page of partitions."""

    throttle_time_ms: int = int32()
    topics: list[DescribeTopicPartitionsResponseTopic] = array(DescribeTopicPartitionsResponseTopic)
    next_cursor: DescribeTopicPartitionsResponseCursor | None = optional(
        DescribeTopicPartitionsResponseCursor
    )

"""DescribeCluster, DescribeQuorum, UpdateFeatures."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    boolean,
    int8,
    int16,
    int32,
    int64,
    string,
    uint16,
    uuid,
)


class DescribeClusterRequest(Request, api=60, versions="0-2", flexible="0+"):
    """Ask for the brokers or the controllers (KIP-700)."""

    include_cluster_authorized_operations: bool = boolean()
    endpoint_type: int = int8("1+", default=1)
    include_fenced_brokers: bool = boolean("2+")


class DescribeClusterBroker(Struct):
    """A node and where to reach it."""

    broker_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(null=ALL, default=None)
    is_fenced: bool = boolean("2+")


class DescribeClusterResponse(Response, api=60, versions="0-2", flexible="0+"):
    """The cluster and its nodes."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL, default=None)
    endpoint_type: int = int8("1+", default=1)
    cluster_id: str = string()
    controller_id: int = int32(default=-1)
    brokers: list[DescribeClusterBroker] = array(DescribeClusterBroker)
    cluster_authorized_operations: int = int32(default=-(2**31))


class DescribeQuorumRequestPartition(Struct):
    """Its one partition."""

    partition_index: int = int32()


class DescribeQuorumRequestTopic(Struct):
    """The metadata topic."""

    topic_name: str = string()
    partitions: list[DescribeQuorumRequestPartition] = array(DescribeQuorumRequestPartition)


class DescribeQuorumRequest(Request, api=55, versions="0-2", flexible="0+"):
    """Ask for the state of the metadata quorum (KIP-595)."""

    topics: list[DescribeQuorumRequestTopic] = array(DescribeQuorumRequestTopic)


class DescribeQuorumReplica(Struct):
    """How far one voter or observer has followed."""

    replica_id: int = int32()
    replica_directory_id: bytes = uuid("2+")
    log_end_offset: int = int64()
    last_fetch_timestamp: int = int64("1+", default=-1, ignorable=True)
    last_caught_up_timestamp: int = int64("1+", default=-1, ignorable=True)


class DescribeQuorumResponsePartition(Struct):
    """The state of its one partition."""

    partition_index: int = int32()
    error_code: int = int16()
    error_message: str | None = string("2+", null=ALL, ignorable=True)
    leader_id: int = int32()
    leader_epoch: int = int32()
    high_watermark: int = int64()
    current_voters: list[DescribeQuorumReplica] = array(DescribeQuorumReplica)
    observers: list[DescribeQuorumReplica] = array(DescribeQuorumReplica)


class DescribeQuorumResponseTopic(Struct):
    """The metadata topic."""

    topic_name: str = string()
    partitions: list[DescribeQuorumResponsePartition] = array(DescribeQuorumResponsePartition)


class DescribeQuorumListener(Struct):
    """One listener of a node."""

    name: str = string()
    host: str = string()
    port: int = uint16()


class DescribeQuorumNode(Struct):
    """A node of the quorum and its listeners."""

    node_id: int = int32()
    listeners: list[DescribeQuorumListener] = array(DescribeQuorumListener)


class DescribeQuorumResponse(Response, api=55, versions="0-2", flexible="0+"):
    """The leader, the voters and the observers."""

    error_code: int = int16()
    error_message: str | None = string("2+", null=ALL, ignorable=True)
    topics: list[DescribeQuorumResponseTopic] = array(DescribeQuorumResponseTopic)
    nodes: list[DescribeQuorumNode] = array(DescribeQuorumNode, "2+")


class FeatureUpdateKey(Struct):
    """One feature and its new version."""

    feature: str = string()
    max_version_level: int = int16()
    allow_downgrade: bool = boolean("0")
    upgrade_type: int = int8("1+", default=1)


class UpdateFeaturesRequest(Request, api=57, versions="0-2", flexible="0+"):
    """Raise or lower the versions of features (KIP-584)."""

    timeout_ms: int = int32(default=60000)
    feature_updates: list[FeatureUpdateKey] = array(FeatureUpdateKey)
    validate_only: bool = boolean("1+")


class UpdatableFeatureResult(Struct):
    """One feature that was changed, or the error."""

    feature: str = string()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)


class UpdateFeaturesResponse(Response, api=57, versions="0-2", flexible="0+"):
    """What became of each feature."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    results: list[UpdatableFeatureResult] = array(UpdatableFeatureResult, "0-1", ignorable=True)

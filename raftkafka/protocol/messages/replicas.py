"""ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments."""

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
    string,
)


class ElectLeadersTopic(Struct):
    """The partitions of one topic."""

    topic: str = string()
    partitions: list[int] = array(int32)


class ElectLeadersRequest(Request, api=43, versions="0-2", flexible="2+"):
    """Elect leaders: preferred, or any live replica (KIP-460)."""

    election_type: int = int8("1+")
    topic_partitions: list[ElectLeadersTopic] | None = array(ElectLeadersTopic, null=ALL)
    timeout_ms: int = int32(default=60000)


class ElectLeadersPartitionResult(Struct):
    """One partition that has its leader, or the error."""

    partition_id: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)


class ElectLeadersTopicResult(Struct):
    """The results of one topic."""

    topic: str = string()
    partition_result: list[ElectLeadersPartitionResult] = array(ElectLeadersPartitionResult)


class ElectLeadersResponse(Response, api=43, versions="0-2", flexible="2+"):
    """What became of each partition."""

    throttle_time_ms: int = int32()
    error_code: int = int16("1+")
    replica_election_results: list[ElectLeadersTopicResult] = array(ElectLeadersTopicResult)


class ReassignablePartition(Struct):
    """The brokers to move one partition to; None stops the move."""

    partition_index: int = int32()
    replicas: list[int] | None = array(int32, null=ALL, default=None)


class ReassignableTopic(Struct):
    """The partitions of one topic."""

    name: str = string()
    partitions: list[ReassignablePartition] = array(ReassignablePartition)


class AlterPartitionReassignmentsRequest(Request, api=45, versions="0-1", flexible="0+"):
    """Move partitions to other brokers, or stop moving (KIP-455)."""

    timeout_ms: int = int32(default=60000)
    allow_replication_factor_change: bool = boolean("1+", default=True)
    topics: list[ReassignableTopic] = array(ReassignableTopic)


class ReassignablePartitionResponse(Struct):
    """One partition whose move was accepted, or the error."""

    partition_index: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)


class ReassignableTopicResponse(Struct):
    """The results of one topic."""

    name: str = string()
    partitions: list[ReassignablePartitionResponse] = array(ReassignablePartitionResponse)


class AlterPartitionReassignmentsResponse(Response, api=45, versions="0-1", flexible="0+"):
    """What became of each partition."""

    throttle_time_ms: int = int32()
    allow_replication_factor_change: bool = boolean("1+", default=True, ignorable=True)
    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    responses: list[ReassignableTopicResponse] = array(ReassignableTopicResponse)


class ListPartitionReassignmentsTopic(Struct):
    """The partitions of one topic."""

    name: str = string()
    partition_indexes: list[int] = array(int32)


class ListPartitionReassignmentsRequest(Request, api=46, versions="0", flexible="0+"):
    """Ask for the moves that go on (KIP-455)."""

    timeout_ms: int = int32(default=60000)
    topics: list[ListPartitionReassignmentsTopic] | None = array(
        ListPartitionReassignmentsTopic, null=ALL, default=None
    )


class OngoingPartitionReassignment(Struct):
    """The replicas of one partition, those that come and those that go."""

    partition_index: int = int32()
    replicas: list[int] = array(int32)
    adding_replicas: list[int] = array(int32)
    removing_replicas: list[int] = array(int32)


class OngoingTopicReassignment(Struct):
    """The moves of one topic."""

    name: str = string()
    partitions: list[OngoingPartitionReassignment] = array(OngoingPartitionReassignment)


class ListPartitionReassignmentsResponse(Response, api=46, versions="0", flexible="0+"):
    """The moves that go on."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    topics: list[OngoingTopicReassignment] = array(OngoingTopicReassignment)

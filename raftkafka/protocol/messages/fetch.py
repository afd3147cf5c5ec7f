"""Fetch: read record batches, as a consumer or as a follower."""

from __future__ import annotations

from raftkafka.protocol.messages.shared import LeaderIdAndEpoch, NodeEndpoint
from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    SizedRecords,
    Struct,
    array,
    int8,
    int16,
    int32,
    int64,
    optional,
    records,
    string,
    uuid,
)
from raftkafka.types import Buffer


class FetchReplicaState(Struct):
    """The broker id and epoch of a follower (KIP-903)."""

    replica_id: int = int32(default=-1)
    replica_epoch: int = int64(default=-1)


class FetchPartition(Struct):
    """Where to read in one partition."""

    partition: int = int32()
    current_leader_epoch: int = int32("9+", default=-1, ignorable=True)
    fetch_offset: int = int64()
    last_fetched_epoch: int = int32("12+", default=-1)
    log_start_offset: int = int64("5+", default=-1, ignorable=True)
    partition_max_bytes: int = int32()
    replica_directory_id: bytes = uuid("17+", tag=0, ignorable=True)
    high_watermark: int = int64("18+", default=2**63 - 1, tag=1, ignorable=True)


class FetchTopic(Struct):
    """The partitions to read of one topic."""

    topic: str = string("4-12", ignorable=True)
    topic_id: bytes = uuid("13+", ignorable=True)
    partitions: list[FetchPartition] = array(FetchPartition)


class FetchForgottenTopic(Struct):
    """Partitions that leave the fetch session (KIP-227)."""

    topic: str = string("7-12", ignorable=True)
    topic_id: bytes = uuid("13+", ignorable=True)
    partitions: list[int] = array(int32)


class FetchRequest(Request, api=1, versions="4-18", flexible="12+"):
    """Read from partitions; by topic name up to version 12, by topic id from 13 (KIP-516)."""

    cluster_id: str | None = string("12+", null=ALL, default=None, tag=0, ignorable=True)
    replica_id: int = int32("4-14", default=-1)
    replica_state: FetchReplicaState | None = optional(FetchReplicaState, "15+", tag=1)
    max_wait_ms: int = int32()
    min_bytes: int = int32()
    max_bytes: int = int32(default=2**31 - 1)
    isolation_level: int = int8()
    session_id: int = int32("7+", ignorable=True)
    session_epoch: int = int32("7+", default=-1, ignorable=True)
    topics: list[FetchTopic] = array(FetchTopic)
    forgotten_topics_data: list[FetchForgottenTopic] = array(FetchForgottenTopic, "7+")
    rack_id: str = string("11+", ignorable=True)


class FetchDivergingEpoch(Struct):
    """Where the log of the reader parts from the leader's (KIP-595)."""

    epoch: int = int32(default=-1)
    end_offset: int = int64(default=-1)


class FetchSnapshotId(Struct):
    """The snapshot to load instead (KIP-630)."""

    end_offset: int = int64(default=-1)
    epoch: int = int32(default=-1)


class FetchAbortedTransaction(Struct):
    """A transaction whose records a committed reader drops."""

    producer_id: int = int64()
    first_offset: int = int64()


class FetchPartitionData(Struct):
    """Batches of one partition; the first may begin before the offset that was asked for."""

    partition_index: int = int32()
    error_code: int = int16()
    high_watermark: int = int64()
    last_stable_offset: int = int64(default=-1)
    log_start_offset: int = int64("5+", default=-1, ignorable=True)
    diverging_epoch: FetchDivergingEpoch | None = optional(FetchDivergingEpoch, "12+", tag=0)
    current_leader: LeaderIdAndEpoch | None = optional(LeaderIdAndEpoch, "12+", tag=1)
    snapshot_id: FetchSnapshotId | None = optional(FetchSnapshotId, "12+", tag=2)
    aborted_transactions: list[FetchAbortedTransaction] | None = array(
        FetchAbortedTransaction, null=ALL
    )
    preferred_read_replica: int = int32("11+", default=-1)
    records: Buffer | SizedRecords | None = records(null=ALL)


class FetchResponseTopic(Struct):
    """The partitions of one topic."""

    topic: str = string("4-12", ignorable=True)
    topic_id: bytes = uuid("13+", ignorable=True)
    partitions: list[FetchPartitionData] = array(FetchPartitionData)


class FetchResponse(Response, api=1, versions="4-18", flexible="12+"):
    """Batches, by topic and partition."""

    throttle_time_ms: int = int32()
    error_code: int = int16("7+", ignorable=True)
    session_id: int = int32("7+")
    responses: list[FetchResponseTopic] = array(FetchResponseTopic)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, "16+", tag=0)

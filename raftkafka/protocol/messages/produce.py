"""Produce: append record batches."""

from __future__ import annotations

from raftkafka.protocol.messages.shared import LeaderIdAndEpoch, NodeEndpoint
from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    int16,
    int32,
    int64,
    optional,
    records,
    string,
    uuid,
)


class PartitionProduceData(Struct):
    """The batches of one partition; one batch in practice."""

    index: int = int32()
    records: memoryview | None = records(null=ALL)


class TopicProduceData(Struct):
    """The batches of one topic."""

    name: str = string("3-12", ignorable=True)
    topic_id: bytes = uuid("13+", ignorable=True)
    partition_data: list[PartitionProduceData] = array(PartitionProduceData)


class ProduceRequest(Request, api=0, versions="3-13", flexible="9+"):
    """Append batches; by topic name up to version 12, by topic id from 13 (KIP-516)."""

    transactional_id: str | None = string(null=ALL, default=None)
    acks: int = int16()
    timeout_ms: int = int32()
    topic_data: list[TopicProduceData] = array(TopicProduceData)


class BatchIndexAndErrorMessage(Struct):
    """One record that was refused, and why (KIP-467)."""

    batch_index: int = int32()
    batch_index_error_message: str | None = string(null=ALL, default=None)


class PartitionProduceResponse(Struct):
    """Where the batch went, or why it did not."""

    index: int = int32()
    error_code: int = int16()
    base_offset: int = int64()
    log_append_time_ms: int = int64(default=-1)
    log_start_offset: int = int64("5+", default=-1, ignorable=True)
    record_errors: list[BatchIndexAndErrorMessage] = array(
        BatchIndexAndErrorMessage, "8+", ignorable=True
    )
    error_message: str | None = string("8+", null=ALL, default=None, ignorable=True)
    current_leader: LeaderIdAndEpoch | None = optional(LeaderIdAndEpoch, "10+", tag=0)


class TopicProduceResponse(Struct):
    """The results of one topic."""

    name: str = string("3-12", ignorable=True)
    topic_id: bytes = uuid("13+", ignorable=True)
    partition_responses: list[PartitionProduceResponse] = array(PartitionProduceResponse)


class ProduceResponse(Response, api=0, versions="3-13", flexible="9+"):
    """What became of each partition; with acks=0 none is sent."""

    responses: list[TopicProduceResponse] = array(TopicProduceResponse)
    throttle_time_ms: int = int32()
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, "10+", tag=0)

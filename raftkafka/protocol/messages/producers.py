"""InitProducerId and DescribeProducers: idempotent producers."""

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
    int64,
    string,
)


class InitProducerIdRequest(Request, api=22, versions="0-6", flexible="2+"):
    """Ask for a producer id, or raise the epoch of one (KIP-98, KIP-360)."""

    transactional_id: str | None = string(null=ALL)
    transaction_timeout_ms: int = int32()
    producer_id: int = int64("3+", default=-1)
    producer_epoch: int = int16("3+", default=-1)
    enable2_pc: bool = boolean("6+")
    keep_prepared_txn: bool = boolean("6+")


class InitProducerIdResponse(Response, api=22, versions="0-6", flexible="2+"):
    """The producer id and its epoch."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    producer_id: int = int64(default=-1)
    producer_epoch: int = int16()
    ongoing_txn_producer_id: int = int64("6+", default=-1)
    ongoing_txn_producer_epoch: int = int16("6+", default=-1)


class DescribeProducersRequestTopic(Struct):
    """The partitions of one topic."""

    name: str = string()
    partition_indexes: list[int] = array(int32)


class DescribeProducersRequest(Request, api=61, versions="0", flexible="0+"):
    """Ask which producers write to partitions (KIP-664)."""

    topics: list[DescribeProducersRequestTopic] = array(DescribeProducersRequestTopic)


class DescribedProducer(Struct):
    """What the log knows of one producer."""

    producer_id: int = int64()
    producer_epoch: int = int32()
    last_sequence: int = int32(default=-1)
    last_timestamp: int = int64(default=-1)
    coordinator_epoch: int = int32()
    current_txn_start_offset: int = int64(default=-1)


class DescribeProducersResponsePartition(Struct):
    """The producers of one partition."""

    partition_index: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL, default=None)
    active_producers: list[DescribedProducer] = array(DescribedProducer)


class DescribeProducersResponseTopic(Struct):
    """The partitions of one topic."""

    name: str = string()
    partitions: list[DescribeProducersResponsePartition] = array(DescribeProducersResponsePartition)


class DescribeProducersResponse(Response, api=61, versions="0", flexible="0+"):
    """The producers by partition."""

    throttle_time_ms: int = int32()
    topics: list[DescribeProducersResponseTopic] = array(DescribeProducersResponseTopic)

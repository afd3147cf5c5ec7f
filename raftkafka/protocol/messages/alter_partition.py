"""AlterPartition: a leader asks the controller for another ISR. Never for clients."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    Request,
    Response,
    Struct,
    array,
    int8,
    int16,
    int32,
    int64,
    uuid,
)


class AlterPartitionBroker(Struct):
    """A member of the ISR, and the process that the leader means by it."""

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)


class AlterPartitionData(Struct):
    """The ISR that one partition shall have."""

    partition_index: int = int32()
    leader_epoch: int = int32()
    new_isr: list[int] = array(int32, "2")
    new_isr_with_epochs: list[AlterPartitionBroker] = array(AlterPartitionBroker, "3+")
    leader_recovery_state: int = int8()
    partition_epoch: int = int32()


class AlterPartitionTopic(Struct):
    """The partitions of one topic."""

    topic_id: bytes = uuid()
    partitions: list[AlterPartitionData] = array(AlterPartitionData)


class AlterPartitionRequest(Request, api=56, versions="2-3", flexible="0+"):
    """Change ISRs of partitions that the sender leads (KIP-497, KIP-841, KIP-903)."""

    broker_id: int = int32()
    broker_epoch: int = int64(default=-1)
    topics: list[AlterPartitionTopic] = array(AlterPartitionTopic)


class AlterPartitionResult(Struct):
    """The state of one partition after the change, or the error."""

    partition_index: int = int32()
    error_code: int = int16()
    leader_id: int = int32()
    leader_epoch: int = int32()
    isr: list[int] = array(int32)
    leader_recovery_state: int = int8(ignorable=True)
    partition_epoch: int = int32()


class AlterPartitionTopicResult(Struct):
    """The results of one topic."""

    topic_id: bytes = uuid()
    partitions: list[AlterPartitionResult] = array(AlterPartitionResult)


class AlterPartitionResponse(Response, api=56, versions="2-3", flexible="0+"):
    """What became of each partition."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    topics: list[AlterPartitionTopicResult] = array(AlterPartitionTopicResult)

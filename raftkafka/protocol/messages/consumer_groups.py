"""Groups that the coordinator assigns for (KIP-848)."""

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
    nested,
    optional,
    string,
    uuid,
)


class ConsumerGroupHeartbeatOwnedTopic(Struct):
    """The partitions of one topic that the member owns."""

    topic_id: bytes = uuid()
    partitions: list[int] = array(int32)


class ConsumerGroupHeartbeatRequest(Request, api=68, versions="0-1", flexible="0+"):
    """Join, stay in or leave a group; fields are None where nothing changed."""

    group_id: str = string()
    member_id: str = string()
    member_epoch: int = int32()
    instance_id: str | None = string(null=ALL, default=None)
    rack_id: str | None = string(null=ALL, default=None)
    rebalance_timeout_ms: int = int32(default=-1)
    subscribed_topic_names: list[str] | None = array(string, null=ALL, default=None)
    subscribed_topic_regex: str | None = string("1+", null=ALL, default=None)
    server_assignor: str | None = string(null=ALL, default=None)
    topic_partitions: list[ConsumerGroupHeartbeatOwnedTopic] | None = array(
        ConsumerGroupHeartbeatOwnedTopic, null=ALL, default=None
    )


class ConsumerGroupHeartbeatAssignedTopic(Struct):
    """The partitions of one topic."""

    topic_id: bytes = uuid()
    partitions: list[int] = array(int32)


class ConsumerGroupHeartbeatAssignment(Struct):
    """What the member is to own."""

    topic_partitions: list[ConsumerGroupHeartbeatAssignedTopic] = array(
        ConsumerGroupHeartbeatAssignedTopic
    )


class ConsumerGroupHeartbeatResponse(Response, api=68, versions="0-1", flexible="0+"):
    """The member's epoch, and its assignment where that changed."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL, default=None)
    member_id: str | None = string(null=ALL, default=None)
    member_epoch: int = int32()
    heartbeat_interval_ms: int = int32()
    assignment: ConsumerGroupHeartbeatAssignment | None = optional(ConsumerGroupHeartbeatAssignment)


class ConsumerGroupDescribeRequest(Request, api=69, versions="0-1", flexible="0+"):
    """Ask for the state of groups."""

    group_ids: list[str] = array(string)
    include_authorized_operations: bool = boolean()


class DescribedConsumerGroupTopic(Struct):
    """The partitions of one topic."""

    topic_id: bytes = uuid()
    topic_name: str = string()
    partitions: list[int] = array(int32)


class DescribedConsumerGroupAssignment(Struct):
    """Partitions by topic."""

    topic_partitions: list[DescribedConsumerGroupTopic] = array(DescribedConsumerGroupTopic)


class DescribedConsumerGroupMember(Struct):
    """One member, what it owns and what it is to own."""

    member_id: str = string()
    instance_id: str | None = string(null=ALL, default=None)
    rack_id: str | None = string(null=ALL, default=None)
    member_epoch: int = int32()
    client_id: str = string()
    client_host: str = string()
    subscribed_topic_names: list[str] = array(string)
    subscribed_topic_regex: str | None = string(null=ALL, default=None)
    assignment: DescribedConsumerGroupAssignment = nested(DescribedConsumerGroupAssignment)
    target_assignment: DescribedConsumerGroupAssignment = nested(DescribedConsumerGroupAssignment)
    member_type: int = int8("1+", default=-1, ignorable=True)


class DescribedConsumerGroup(Struct):
    """The state of one group and its members."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL, default=None)
    group_id: str = string()
    group_state: str = string()
    group_epoch: int = int32()
    assignment_epoch: int = int32()
    assignor_name: str = string()
    members: list[DescribedConsumerGroupMember] = array(DescribedConsumerGroupMember)
    authorized_operations: int = int32(default=-(2**31))


class ConsumerGroupDescribeResponse(Response, api=69, versions="0-1", flexible="0+"):
    """The state of each group."""

    throttle_time_ms: int = int32()
    groups: list[DescribedConsumerGroup] = array(DescribedConsumerGroup)

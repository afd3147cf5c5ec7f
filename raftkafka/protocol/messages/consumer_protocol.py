"""What consumers tell each other inside JoinGroup and SyncGroup; opaque to a broker."""

from __future__ import annotations

from raftkafka.protocol.schema import ALL, Message, Struct, array, binary, int32, string


class ConsumerProtocolOwnedTopic(Struct):
    """The partitions of one topic that it owns."""

    topic: str = string()
    partitions: list[int] = array(int32)


class ConsumerProtocolSubscription(Message, versions="0-3"):
    """What a consumer subscribes to and owns."""

    topics: list[str] = array(string)
    user_data: bytes | None = binary(null=ALL, default=None)
    owned_partitions: list[ConsumerProtocolOwnedTopic] = array(
        ConsumerProtocolOwnedTopic, "1+", ignorable=True
    )
    generation_id: int = int32("2+", default=-1, ignorable=True)
    rack_id: str | None = string("3+", null=ALL, default=None, ignorable=True)


class ConsumerProtocolAssignedTopic(Struct):
    """The partitions of one topic that it is given."""

    topic: str = string()
    partitions: list[int] = array(int32)


class ConsumerProtocolAssignment(Message, versions="0-3"):
    """What a consumer is given."""

    assigned_partitions: list[ConsumerProtocolAssignedTopic] = array(ConsumerProtocolAssignedTopic)
    user_data: bytes | None = binary(null=ALL, default=None)

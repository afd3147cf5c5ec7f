"""Membership of classic groups: JoinGroup, SyncGroup, Heartbeat, LeaveGroup."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    binary,
    boolean,
    int16,
    int32,
    string,
)


class JoinGroupRequestProtocol(Struct):
    """One protocol and what the member says in it."""

    name: str = string()
    metadata: bytes = binary()


class JoinGroupRequest(Request, api=11, versions="0-9", flexible="6+"):
    """Join or rejoin a group, with the protocols that the member can use."""

    group_id: str = string()
    session_timeout_ms: int = int32()
    rebalance_timeout_ms: int = int32("1+", default=-1, ignorable=True)
    member_id: str = string()
    group_instance_id: str | None = string("5+", null=ALL, default=None)
    protocol_type: str = string()
    protocols: list[JoinGroupRequestProtocol] = array(JoinGroupRequestProtocol)
    reason: str | None = string("8+", null=ALL, default=None, ignorable=True)


class JoinGroupResponseMember(Struct):
    """One member, as the leader sees it."""

    member_id: str = string()
    group_instance_id: str | None = string("5+", null=ALL, default=None, ignorable=True)
    metadata: bytes = binary()


class JoinGroupResponse(Response, api=11, versions="0-9", flexible="6+"):
    """The generation; the leader is told the members too."""

    throttle_time_ms: int = int32("2+", ignorable=True)
    error_code: int = int16()
    generation_id: int = int32(default=-1)
    protocol_type: str | None = string("7+", null=ALL, default=None, ignorable=True)
    protocol_name: str | None = string(null="7+")
    leader: str = string()
    skip_assignment: bool = boolean("9+")
    member_id: str = string()
    members: list[JoinGroupResponseMember] = array(JoinGroupResponseMember)


class SyncGroupRequestAssignment(Struct):
    """The assignment of one member."""

    member_id: str = string()
    assignment: bytes = binary()


class SyncGroupRequest(Request, api=14, versions="0-5", flexible="4+"):
    """Ask for the assignment; the leader brings those of all."""

    group_id: str = string()
    generation_id: int = int32()
    member_id: str = string()
    group_instance_id: str | None = string("3+", null=ALL, default=None)
    protocol_type: str | None = string("5+", null=ALL, default=None, ignorable=True)
    protocol_name: str | None = string("5+", null=ALL, default=None, ignorable=True)
    assignments: list[SyncGroupRequestAssignment] = array(SyncGroupRequestAssignment)


class SyncGroupResponse(Response, api=14, versions="0-5", flexible="4+"):
    """The assignment of the asking member."""

    throttle_time_ms: int = int32("1+", ignorable=True)
    error_code: int = int16()
    protocol_type: str | None = string("5+", null=ALL, default=None, ignorable=True)
    protocol_name: str | None = string("5+", null=ALL, default=None, ignorable=True)
    assignment: bytes = binary()


class HeartbeatRequest(Request, api=12, versions="0-4", flexible="4+"):
    """Say that the member is alive."""

    group_id: str = string()
    generation_id: int = int32()
    member_id: str = string()
    group_instance_id: str | None = string("3+", null=ALL, default=None)


class HeartbeatResponse(Response, api=12, versions="0-4", flexible="4+"):
    """Whether the generation still stands."""

    throttle_time_ms: int = int32("1+", ignorable=True)
    error_code: int = int16()


class LeaveGroupRequestMember(Struct):
    """One member that leaves, by either id."""

    member_id: str = string()
    group_instance_id: str | None = string(null=ALL, default=None)
    reason: str | None = string("5+", null=ALL, default=None, ignorable=True)


class LeaveGroupRequest(Request, api=13, versions="0-5", flexible="4+"):
    """Leave a group; from version 3 several members at once (KIP-345)."""

    group_id: str = string()
    member_id: str = string("0-2")
    members: list[LeaveGroupRequestMember] = array(LeaveGroupRequestMember, "3+")


class LeaveGroupResponseMember(Struct):
    """One member that left, or the error."""

    member_id: str = string()
    group_instance_id: str | None = string(null=ALL)
    error_code: int = int16()


class LeaveGroupResponse(Response, api=13, versions="0-5", flexible="4+"):
    """What became of each member."""

    throttle_time_ms: int = int32("1+", ignorable=True)
    error_code: int = int16()
    members: list[LeaveGroupResponseMember] = array(LeaveGroupResponseMember, "3+")

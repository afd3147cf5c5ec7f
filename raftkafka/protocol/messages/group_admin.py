"""DescribeGroups, ListGroups, DeleteGroups."""

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


class DescribeGroupsRequest(Request, api=15, versions="0-6", flexible="5+"):
    """Ask for the state of groups."""

    groups: list[str] = array(string)
    include_authorized_operations: bool = boolean("3+")


class DescribedGroupMember(Struct):
    """One member, what it said and what it was given."""

    member_id: str = string()
    group_instance_id: str | None = string("4+", null=ALL, default=None, ignorable=True)
    client_id: str = string()
    client_host: str = string()
    member_metadata: bytes = binary()
    member_assignment: bytes = binary()


class DescribedGroup(Struct):
    """The state of one group and its members."""

    error_code: int = int16()
    error_message: str | None = string("6+", null=ALL, default=None)
    group_id: str = string()
    group_state: str = string()
    protocol_type: str = string()
    protocol_data: str = string()
    members: list[DescribedGroupMember] = array(DescribedGroupMember)
    authorized_operations: int = int32("3+", default=-(2**31))


class DescribeGroupsResponse(Response, api=15, versions="0-6", flexible="5+"):
    """The state of each group."""

    throttle_time_ms: int = int32("1+", ignorable=True)
    groups: list[DescribedGroup] = array(DescribedGroup)


class ListGroupsRequest(Request, api=16, versions="0-5", flexible="3+"):
    """Ask for the groups, filtered by state (KIP-518) and by type (KIP-848)."""

    states_filter: list[str] = array(string, "4+")
    types_filter: list[str] = array(string, "5+")


class ListedGroup(Struct):
    """One group."""

    group_id: str = string()
    protocol_type: str = string()
    group_state: str = string("4+", ignorable=True)
    group_type: str = string("5+", ignorable=True)


class ListGroupsResponse(Response, api=16, versions="0-5", flexible="3+"):
    """The groups that this broker coordinates."""

    throttle_time_ms: int = int32("1+", ignorable=True)
    error_code: int = int16()
    groups: list[ListedGroup] = array(ListedGroup)


class DeleteGroupsRequest(Request, api=42, versions="0-2", flexible="2+"):
    """Delete groups without members."""

    groups_names: list[str] = array(string)


class DeletableGroupResult(Struct):
    """One group that was deleted, or the error."""

    group_id: str = string()
    error_code: int = int16()


class DeleteGroupsResponse(Response, api=42, versions="0-2", flexible="2+"):
    """What became of each group."""

    throttle_time_ms: int = int32()
    results: list[DeletableGroupResult] = array(DeletableGroupResult)

"""DescribeAcls, CreateAcls, DeleteAcls."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    int8,
    int16,
    int32,
    string,
)


class DescribeAclsRequest(Request, api=29, versions="1-3", flexible="2+"):
    """Ask for the ACLs that match a filter; None matches all."""

    resource_type_filter: int = int8()
    resource_name_filter: str | None = string(null=ALL)
    pattern_type_filter: int = int8(default=3)
    principal_filter: str | None = string(null=ALL)
    host_filter: str | None = string(null=ALL)
    operation: int = int8()
    permission_type: int = int8()


class AclDescription(Struct):
    """Who may, or may not, do what from where."""

    principal: str = string()
    host: str = string()
    operation: int = int8()
    permission_type: int = int8()


class DescribeAclsResource(Struct):
    """The ACLs of one resource."""

    resource_type: int = int8()
    resource_name: str = string()
    pattern_type: int = int8(default=3)
    acls: list[AclDescription] = array(AclDescription)


class DescribeAclsResponse(Response, api=29, versions="1-3", flexible="2+"):
    """The ACLs found."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    resources: list[DescribeAclsResource] = array(DescribeAclsResource)


class AclCreation(Struct):
    """One ACL to create."""

    resource_type: int = int8()
    resource_name: str = string()
    resource_pattern_type: int = int8(default=3)
    principal: str = string()
    host: str = string()
    operation: int = int8()
    permission_type: int = int8()


class CreateAclsRequest(Request, api=30, versions="1-3", flexible="2+"):
    """Create ACLs."""

    creations: list[AclCreation] = array(AclCreation)


class AclCreationResult(Struct):
    """One ACL that was created, or the error."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)


class CreateAclsResponse(Response, api=30, versions="1-3", flexible="2+"):
    """What became of each ACL, in the order of the request."""

    throttle_time_ms: int = int32()
    results: list[AclCreationResult] = array(AclCreationResult)


class DeleteAclsFilter(Struct):
    """One filter; None matches all."""

    resource_type_filter: int = int8()
    resource_name_filter: str | None = string(null=ALL)
    pattern_type_filter: int = int8(default=3)
    principal_filter: str | None = string(null=ALL)
    host_filter: str | None = string(null=ALL)
    operation: int = int8()
    permission_type: int = int8()


class DeleteAclsRequest(Request, api=31, versions="1-3", flexible="2+"):
    """Delete the ACLs that match filters."""

    filters: list[DeleteAclsFilter] = array(DeleteAclsFilter)


class DeleteAclsMatchingAcl(Struct):
    """One ACL that was deleted, or the error."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    resource_type: int = int8()
    resource_name: str = string()
    pattern_type: int = int8(default=3)
    principal: str = string()
    host: str = string()
    operation: int = int8()
    permission_type: int = int8()


class DeleteAclsFilterResult(Struct):
    """The ACLs that one filter matched."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    matching_acls: list[DeleteAclsMatchingAcl] = array(DeleteAclsMatchingAcl)


class DeleteAclsResponse(Response, api=31, versions="1-3", flexible="2+"):
    """What became of each filter, in the order of the request."""

    throttle_time_ms: int = int32()
    filter_results: list[DeleteAclsFilterResult] = array(DeleteAclsFilterResult)

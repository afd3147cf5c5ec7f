"""DescribeClientQuotas and AlterClientQuotas."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    boolean,
    float64,
    int8,
    int16,
    int32,
    string,
)


class DescribeClientQuotasComponent(Struct):
    """What one part of the entity has to match."""

    entity_type: str = string()
    match_type: int = int8()
    match: str | None = string(null=ALL)


class DescribeClientQuotasRequest(Request, api=48, versions="0-1", flexible="1+"):
    """Ask for the quotas that match a filter (KIP-546)."""

    components: list[DescribeClientQuotasComponent] = array(DescribeClientQuotasComponent)
    strict: bool = boolean()


class DescribeClientQuotasEntity(Struct):
    """One part of an entity; None is the default one."""

    entity_type: str = string()
    entity_name: str | None = string(null=ALL)


class DescribeClientQuotasValue(Struct):
    """One quota."""

    key: str = string()
    value: float = float64()


class DescribeClientQuotasEntry(Struct):
    """The quotas of one entity."""

    entity: list[DescribeClientQuotasEntity] = array(DescribeClientQuotasEntity)
    values: list[DescribeClientQuotasValue] = array(DescribeClientQuotasValue)


class DescribeClientQuotasResponse(Response, api=48, versions="0-1", flexible="1+"):
    """The quotas found; None beside an error."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    entries: list[DescribeClientQuotasEntry] | None = array(DescribeClientQuotasEntry, null=ALL)


class AlterClientQuotasEntity(Struct):
    """One part of an entity; None is the default one."""

    entity_type: str = string()
    entity_name: str | None = string(null=ALL)


class AlterClientQuotasOp(Struct):
    """One quota to set or to remove."""

    key: str = string()
    value: float = float64()
    remove: bool = boolean()


class AlterClientQuotasEntry(Struct):
    """The changes to one entity."""

    entity: list[AlterClientQuotasEntity] = array(AlterClientQuotasEntity)
    ops: list[AlterClientQuotasOp] = array(AlterClientQuotasOp)


class AlterClientQuotasRequest(Request, api=49, versions="0-1", flexible="1+"):
    """Set and remove quotas (KIP-546)."""

    entries: list[AlterClientQuotasEntry] = array(AlterClientQuotasEntry)
    validate_only: bool = boolean()


class AlterClientQuotasResultEntity(Struct):
    """One part of an entity; None is the default one."""

    entity_type: str = string()
    entity_name: str | None = string(null=ALL)


class AlterClientQuotasResult(Struct):
    """One entity that was changed, or the error."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    entity: list[AlterClientQuotasResultEntity] = array(AlterClientQuotasResultEntity)


class AlterClientQuotasResponse(Response, api=49, versions="0-1", flexible="1+"):
    """What became of each entity."""

    throttle_time_ms: int = int32()
    entries: list[AlterClientQuotasResult] = array(AlterClientQuotasResult)

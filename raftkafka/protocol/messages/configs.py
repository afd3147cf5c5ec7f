"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources."""

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
    string,
)


class DescribeConfigsResource(Struct):
    """A resource and the keys to show; None shows all."""

    resource_type: int = int8()
    resource_name: str = string()
    configuration_keys: list[str] | None = array(string, null=ALL)


class DescribeConfigsRequest(Request, api=32, versions="1-4", flexible="4+"):
    """Ask for the configurations of topics, brokers and other resources."""

    resources: list[DescribeConfigsResource] = array(DescribeConfigsResource)
    include_synonyms: bool = boolean()
    include_documentation: bool = boolean("3+")


class DescribeConfigsSynonym(Struct):
    """One place that the value could come from, in order of precedence."""

    name: str = string()
    value: str | None = string(null=ALL)
    source: int = int8()


class DescribeConfigsConfig(Struct):
    """One key, its value in effect and where that comes from."""

    name: str = string()
    value: str | None = string(null=ALL)
    read_only: bool = boolean()
    config_source: int = int8(default=-1)
    is_sensitive: bool = boolean()
    synonyms: list[DescribeConfigsSynonym] = array(DescribeConfigsSynonym)
    config_type: int = int8("3+", ignorable=True)
    documentation: str | None = string("3+", null=ALL, ignorable=True)


class DescribeConfigsResult(Struct):
    """The configurations of one resource, or the error."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    resource_type: int = int8()
    resource_name: str = string()
    configs: list[DescribeConfigsConfig] = array(DescribeConfigsConfig)


class DescribeConfigsResponse(Response, api=32, versions="1-4", flexible="4+"):
    """The configurations of each resource."""

    throttle_time_ms: int = int32()
    results: list[DescribeConfigsResult] = array(DescribeConfigsResult)


class AlterConfigsConfig(Struct):
    """One key and its value."""

    name: str = string()
    value: str | None = string(null=ALL)


class AlterConfigsResource(Struct):
    """A resource and its whole new configuration."""

    resource_type: int = int8()
    resource_name: str = string()
    configs: list[AlterConfigsConfig] = array(AlterConfigsConfig)


class AlterConfigsRequest(Request, api=33, versions="0-2", flexible="2+"):
    """Replace all configurations of resources at once; superseded by the incremental one."""

    resources: list[AlterConfigsResource] = array(AlterConfigsResource)
    validate_only: bool = boolean()


class AlterConfigsResult(Struct):
    """One resource that was changed, or the error."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    resource_type: int = int8()
    resource_name: str = string()


class AlterConfigsResponse(Response, api=33, versions="0-2", flexible="2+"):
    """What became of each resource."""

    throttle_time_ms: int = int32()
    responses: list[AlterConfigsResult] = array(AlterConfigsResult)


class IncrementalAlterConfigsConfig(Struct):
    """One key, the operation, and its operand."""

    name: str = string()
    config_operation: int = int8()
    value: str | None = string(null=ALL)


class IncrementalAlterConfigsResource(Struct):
    """A resource and the keys to change."""

    resource_type: int = int8()
    resource_name: str = string()
    configs: list[IncrementalAlterConfigsConfig] = array(IncrementalAlterConfigsConfig)


class IncrementalAlterConfigsRequest(Request, api=44, versions="0-1", flexible="1+"):
    """Set, delete, append to or subtract from single keys (KIP-339)."""

    resources: list[IncrementalAlterConfigsResource] = array(IncrementalAlterConfigsResource)
    validate_only: bool = boolean()


class IncrementalAlterConfigsResult(Struct):
    """One resource that was changed, or the error."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    resource_type: int = int8()
    resource_name: str = string()


class IncrementalAlterConfigsResponse(Response, api=44, versions="0-1", flexible="1+"):
    """What became of each resource."""

    throttle_time_ms: int = int32()
    responses: list[IncrementalAlterConfigsResult] = array(IncrementalAlterConfigsResult)


class ListConfigResourcesRequest(Request, api=74, versions="0-1", flexible="0+"):
    """Ask which resources have configurations (KIP-1142; version 0: KIP-1000)."""

    resource_types: list[int] = array(int8, "1+")


class ListedConfigResource(Struct):
    """One resource."""

    resource_name: str = string()
    resource_type: int = int8("1+", default=16, ignorable=True)


class ListConfigResourcesResponse(Response, api=74, versions="0-1", flexible="0+"):
    """The resources that have configurations."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    config_resources: list[ListedConfigResource] = array(ListedConfigResource)

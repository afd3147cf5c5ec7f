"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs.

A broker answers for its own configuration, and checks what shall be set on itself before the
controller commits it.

Source: Kafka's ``ConfigHelper`` and ``ConfigAdminManager``; KIP-133, KIP-226, KIP-339, KIP-412.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from metadata.controller.configs import operated, replacement
from metadata.records import BROKER_CONFIG, TOPIC_CONFIG
from metadata.topic_names import check_topic_name
from raftkafka.config.describe import (
    Described,
    describe_broker,
    describe_cluster_default,
    describe_topic,
)
from raftkafka.config.resolve import BrokerLevels
from raftkafka.config.validate import check_broker_configs
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.configs import (
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResponse,
    AlterConfigsResult,
    DescribeConfigsConfig,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
    IncrementalAlterConfigsResponse,
    IncrementalAlterConfigsResult,
)
from raftkafka.server.answers import Encoded
from raftkafka.server.context import BrokerView, RequestContext
from raftkafka.server.splicing import in_slices

BROKER_LOGGER = 8
"""The resource type of log4j's loggers (KIP-412). There are none here."""

ALTER_DEADLINE_S = 30.0

DESCRIBE_CONFIGS_FLEXIBLE_SINCE = 4
SLICE_RESOURCES = 20
"""Resources that are described and encoded at once, each with thirty keys and more."""

R = TypeVar("R")


def handle_describe_configs(
    context: RequestContext, request: DescribeConfigsRequest
) -> DescribeConfigsResponse | Coroutine[Any, Any, Encoded]:
    """Show what holds for each resource, and why; errors are for each resource alone."""
    describer = _Describer(context.broker, request)
    if len(request.resources) <= SLICE_RESOURCES:
        return DescribeConfigsResponse(results=describer.results(request.resources))
    slices = (
        request.resources[start : start + SLICE_RESOURCES]
        for start in range(0, len(request.resources), SLICE_RESOURCES)
    )
    return in_slices(
        DescribeConfigsResponse(),
        context.api_version,
        (
            (len(resources), DescribeConfigsResponse(results=describer.results(resources)))
            for resources in slices
        ),
        flexible=context.api_version >= DESCRIBE_CONFIGS_FLEXIBLE_SINCE,
    )


class _Describer:
    """Describes the resources of one request; what several of them share is described once."""

    def __init__(self, broker: BrokerView, request: DescribeConfigsRequest) -> None:
        self._image = broker.image
        self._node_id = broker.config.node_id
        self._levels = broker_levels(broker)
        self._with_synonyms = request.include_synonyms
        self._with_documentation = request.include_documentation
        self._shared: dict[str, list[DescribeConfigsConfig]] = {}

    def results(self, resources: list[DescribeConfigsResource]) -> list[DescribeConfigsResult]:
        """Describe resources in order."""
        return [self._result(resource) for resource in resources]

    def _result(self, resource: DescribeConfigsResource) -> DescribeConfigsResult:
        result = DescribeConfigsResult(
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
            error_message=None,
        )
        try:
            configs = self._configs(resource)
        except KafkaError as error:
            result.error_code, result.error_message = error.code, error.message
            return result
        wanted = resource.configuration_keys
        result.configs = [it for it in configs if not wanted or it.name in wanted]
        return result

    def _configs(self, resource: DescribeConfigsResource) -> list[DescribeConfigsConfig]:
        name = resource.resource_name
        if resource.resource_type == TOPIC_CONFIG:
            return self._topic(name)
        if resource.resource_type == BROKER_CONFIG:
            if not name:
                return self._once("all brokers", partial(describe_cluster_default, self._levels))
            _check_own_id(name, self._node_id, " or empty string")
            return self._once("broker", partial(describe_broker, self._levels))
        if resource.resource_type == BROKER_LOGGER:
            if not name:
                raise _bad_request("Broker id must not be empty")
            _check_own_id(name, self._node_id)
            return []
        raise _bad_request(f"Unsupported resource type: {resource.resource_type}")

    def _topic(self, name: str) -> list[DescribeConfigsConfig]:
        check_topic_name(name)
        if name not in self._image.topics:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        own = self._image.config(TOPIC_CONFIG, name)
        if own:
            return self._shown(describe_topic(self._levels, own))
        return self._once("topic", partial(describe_topic, self._levels, own))

    def _once(
        self, what: str, describe: Callable[[], list[Described]]
    ) -> list[DescribeConfigsConfig]:
        if what not in self._shared:
            self._shared[what] = self._shown(describe())
        return self._shared[what]

    def _shown(self, described: list[Described]) -> list[DescribeConfigsConfig]:
        return [
            DescribeConfigsConfig(
                name=it.name,
                value=it.value,
                read_only=it.is_read_only,
                config_source=it.source,
                is_sensitive=it.is_sensitive,
                synonyms=_synonyms(it) if self._with_synonyms else [],
                config_type=it.type,
                documentation=it.doc if self._with_documentation else None,
            )
            for it in described
        ]


def _synonyms(described: Described) -> list[DescribeConfigsSynonym]:
    return [
        DescribeConfigsSynonym(name=it.name, value=it.value, source=it.source)
        for it in described.synonyms
    ]


def broker_levels(broker: BrokerView) -> BrokerLevels:
    """Return this broker's configuration, and what was set over it while it ran."""
    image, config = broker.image, broker.config
    return BrokerLevels(
        config,
        image.config(BROKER_CONFIG, ""),
        image.config(BROKER_CONFIG, str(config.node_id)),
    )


async def handle_alter_configs(
    context: RequestContext, request: AlterConfigsRequest
) -> AlterConfigsResponse:
    """Replace configurations whole; answered once that is committed."""
    refused = [_refusal(context.broker, resource) for resource in request.resources]
    rest = AlterConfigsRequest(
        resources=_kept(request.resources, refused), validate_only=request.validate_only
    )
    decided = iter(await _decided(context.broker, rest))
    return AlterConfigsResponse(
        responses=[
            AlterConfigsResult(
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
                error_code=outcome.code,
                error_message=outcome.message,
            )
            for resource, error in zip(request.resources, refused, strict=True)
            for outcome in [error or next(decided)]
        ]
    )


async def handle_incremental_alter_configs(
    context: RequestContext, request: IncrementalAlterConfigsRequest
) -> IncrementalAlterConfigsResponse:
    """Change single keys; answered once that is committed."""
    refused = [_refusal(context.broker, resource) for resource in request.resources]
    rest = IncrementalAlterConfigsRequest(
        resources=_kept(request.resources, refused), validate_only=request.validate_only
    )
    decided = iter(await _decided(context.broker, rest))
    return IncrementalAlterConfigsResponse(
        responses=[
            IncrementalAlterConfigsResult(
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
                error_code=outcome.code,
                error_message=outcome.message,
            )
            for resource, error in zip(request.resources, refused, strict=True)
            for outcome in [error or next(decided)]
        ]
    )


class _Outcome(NamedTuple):
    """What became of one resource."""

    code: int = ErrorCode.NONE
    message: str | None = None


async def _decided(
    broker: BrokerView, request: AlterConfigsRequest | IncrementalAlterConfigsRequest
) -> list[_Outcome]:
    """Have the controller decide; return an outcome for each resource of the request."""
    if not request.resources:
        return []
    try:
        response = await broker.controller.submit(request, deadline_s=ALTER_DEADLINE_S)
    except KafkaError as error:
        return [_Outcome(error.code, error.message)] * len(request.resources)
    assert isinstance(response, AlterConfigsResponse | IncrementalAlterConfigsResponse)
    return [_Outcome(it.error_code, it.error_message) for it in response.responses]


def _kept(resources: Sequence[R], refused: Sequence[_Outcome | None]) -> list[R]:
    return [it for it, error in zip(resources, refused, strict=True) if error is None]


def _refusal(
    broker: BrokerView, resource: AlterConfigsResource | IncrementalAlterConfigsResource
) -> _Outcome | None:
    """Check what only this broker can know: its own configuration."""
    try:
        if resource.resource_type == BROKER_LOGGER:
            _refuse_loggers(resource)
        elif resource.resource_type == BROKER_CONFIG:
            _check_own_configs(broker, resource)
    except KafkaError as error:
        return _Outcome(error.code, error.message)
    return None


def _refuse_loggers(resource: AlterConfigsResource | IncrementalAlterConfigsResource) -> None:
    if isinstance(resource, AlterConfigsResource):
        raise _bad_request(f"Unknown resource type {BROKER_LOGGER}")
    names = ", ".join(config.name for config in resource.configs)
    raise KafkaError(ErrorCode.INVALID_CONFIG, f"Logger {names} does not exist!")


def _check_own_configs(
    broker: BrokerView, resource: AlterConfigsResource | IncrementalAlterConfigsResource
) -> None:
    name = resource.resource_name
    if name:
        _check_own_id(name, broker.config.node_id)
    if isinstance(resource, AlterConfigsResource):
        values = replacement(resource.configs)
    else:
        present = broker.image.config(BROKER_CONFIG, name)
        values = operated(BROKER_CONFIG, present, resource.configs)
    check_broker_configs(broker.config, values, for_all_brokers=not name)


def _check_own_id(name: str, node_id: int, or_else: str = "") -> None:
    try:
        asked = int(name)
    except ValueError:
        raise _bad_request(f"Broker id must be an integer, but it is: {name}") from None
    if asked != node_id:
        raise _bad_request(
            f"Unexpected broker id, expected {node_id}{or_else}, but received {name}"
        )


def _bad_request(text: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, text)

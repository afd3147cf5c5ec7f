"""Configurations of topics and brokers: describe with their origin, change key by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from raftkafka.client.client import Client
from raftkafka.client.connection import Connection
from raftkafka.client.errors import ClientError, check
from raftkafka.protocol.messages.configs import (
    DescribeConfigsConfig,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
)


class ResourceType(IntEnum):
    """What has configurations (Kafka class ``ConfigResource.Type``)."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8


class ConfigSource(IntEnum):
    """Where a value comes from (Kafka class ``ConfigEntry.ConfigSource``)."""

    UNKNOWN = 0
    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6
    DYNAMIC_CLIENT_METRICS_CONFIG = 7
    DYNAMIC_GROUP_CONFIG = 8


class Resource(NamedTuple):
    """A topic by name or a broker by id; the broker of no id is the default of all brokers."""

    type: ResourceType
    name: str

    @property
    def node_id(self) -> int | None:
        """The broker that must be asked, or None if any can be.

        Raises:
            ClientError: a broker's id that is no number.
        """
        if self.type == ResourceType.TOPIC or not self.name:
            return None
        if not self.name.isdecimal():
            raise ClientError(f"{self.name!r} is no broker id", hint="a broker id is a number")
        return int(self.name)


Entry = DescribeConfigsConfig
"""One key: name, value, source, synonyms, and whether it is sensitive or read-only."""

_SET = 0
_DELETE = 1


def source_of(number: int) -> ConfigSource:
    """Return a source; UNKNOWN for one we do not know."""
    try:
        return ConfigSource(number)
    except ValueError:
        return ConfigSource.UNKNOWN


def describe_configs(
    client: Client, resources: Sequence[Resource], *, keys: Iterable[str] | None = None
) -> dict[Resource, list[Entry]]:
    """Return the configurations of each resource, by key.

    Args:
        client: the cluster.
        resources: topics in one request, every broker asked by itself.
        keys: only these; None for all.

    Raises:
        ClientError: there is no such resource, or a broker refused.
    """
    wanted = None if keys is None else list(keys)
    found: dict[Resource, list[Entry]] = {}
    for broker, group in _by_broker(client, resources):
        request = DescribeConfigsRequest(
            resources=[
                DescribeConfigsResource(
                    resource_type=of.type, resource_name=of.name, configuration_keys=wanted
                )
                for of in group
            ],
            include_synonyms=True,
        )
        for result in broker.ask(request, DescribeConfigsResponse).results:
            check(result.error_code, result.error_message)
            resource = Resource(ResourceType(result.resource_type), result.resource_name)
            found[resource] = sorted(result.configs, key=lambda entry: entry.name)
    return found


def alter_configs(
    client: Client,
    resource: Resource,
    *,
    to_set: Mapping[str, str],
    to_delete: Iterable[str] = (),
    validate_only: bool = False,
) -> None:
    """Set some keys and let others go back to their defaults, all or none of them.

    Raises:
        ClientError: as the broker says.
    """
    from raftkafka.protocol.messages.configs import (
        IncrementalAlterConfigsConfig,
        IncrementalAlterConfigsRequest,
        IncrementalAlterConfigsResource,
        IncrementalAlterConfigsResponse,
    )

    changes = [
        IncrementalAlterConfigsConfig(name=key, config_operation=_SET, value=value)
        for key, value in to_set.items()
    ]
    changes += [
        IncrementalAlterConfigsConfig(name=key, config_operation=_DELETE, value=None)
        for key in to_delete
    ]
    request = IncrementalAlterConfigsRequest(
        resources=[
            IncrementalAlterConfigsResource(
                resource_type=resource.type, resource_name=resource.name, configs=changes
            )
        ],
        validate_only=validate_only,
    )
    if resource.node_id is None:
        answer = client.ask_controller(
            request,
            IncrementalAlterConfigsResponse,
            lambda answer: (result.error_code for result in answer.responses),
        )
    else:
        answer = client.broker(resource.node_id).ask(request, IncrementalAlterConfigsResponse)
    for result in answer.responses:
        check(result.error_code, result.error_message)


def _by_broker(
    client: Client, resources: Sequence[Resource]
) -> Iterable[tuple[Connection, list[Resource]]]:
    anywhere = [resource for resource in resources if resource.node_id is None]
    if anywhere:
        yield client.any_broker(), anywhere
    for resource in resources:
        if resource.node_id is not None:
            yield client.broker(resource.node_id), [resource]

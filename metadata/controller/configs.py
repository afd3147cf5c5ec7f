"""AlterConfigs and IncrementalAlterConfigs, for topics and brokers.

Source: Kafka's ``ConfigurationControlManager``, ``ControllerConfigurationValidator`` and
``ConfigAdminManager``; KIP-339 (incremental), KIP-226 (dynamic broker configuration).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import IntEnum

from metadata.controller.decision import Decision, Situation
from metadata.controller.min_isr_changes import with_claims_ended
from metadata.image import ConfigResource, MetadataImage
from metadata.records import BROKER_CONFIG, TOPIC_CONFIG, ConfigRecord, Record
from metadata.topic_names import check_topic_name
from raftkafka.config.broker_keys import BROKER_KEYS
from raftkafka.config.topic_keys import TOPIC_KEYS
from raftkafka.config.validate import check_topic_configs
from raftkafka.config.values import Type
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.configs import (
    AlterConfigsConfig,
    AlterConfigsRequest,
    AlterConfigsResponse,
    AlterConfigsResult,
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    IncrementalAlterConfigsResult,
)

Values = Mapping[str, str]


class Operation(IntEnum):
    """What to do with one key (``AlterConfigOp.OpType``)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


def alter_configs(
    situation: Situation, request: AlterConfigsRequest
) -> Decision[AlterConfigsResponse]:
    """Give each resource exactly the configuration of the request; each one stands alone."""
    resources = [(it.resource_type, it.resource_name) for it in request.resources]
    times = Counter(resources)
    records: list[Record] = []
    results: list[AlterConfigsResult] = []
    for resource, asked in zip(resources, request.resources, strict=True):
        result = AlterConfigsResult(
            resource_type=resource[0], resource_name=resource[1], error_message=None
        )
        try:
            _check_once(times, resource)
            values = replacement(asked.configs)
            records += _change(situation.image, resource, values)
        except KafkaError as error:
            result.error_code, result.error_message = error.code, error.message
        results.append(result)
    response = AlterConfigsResponse(responses=results)
    if request.validate_only:
        return Decision([], response)
    return Decision(with_claims_ended(situation, records), response)


def incremental_alter_configs(
    situation: Situation, request: IncrementalAlterConfigsRequest
) -> Decision[IncrementalAlterConfigsResponse]:
    """Change single keys of resources; each resource stands alone."""
    resources = [(it.resource_type, it.resource_name) for it in request.resources]
    times = Counter(resources)
    records: list[Record] = []
    results: list[IncrementalAlterConfigsResult] = []
    for resource, asked in zip(resources, request.resources, strict=True):
        result = IncrementalAlterConfigsResult(
            resource_type=resource[0], resource_name=resource[1], error_message=None
        )
        try:
            _check_once(times, resource)
            values = operated(resource[0], situation.image.config(*resource), asked.configs)
            records += _change(situation.image, resource, values)
        except KafkaError as error:
            result.error_code, result.error_message = error.code, error.message
        results.append(result)
    response = IncrementalAlterConfigsResponse(responses=results)
    if request.validate_only:
        return Decision([], response)
    return Decision(with_claims_ended(situation, records), response)


def _check_once(times: Counter[ConfigResource], resource: ConfigResource) -> None:
    if times[resource] > 1:
        raise _bad_request("Each resource must appear at most once.")


def replacement(configs: list[AlterConfigsConfig]) -> Values:
    """Return the configuration that replaces what there is.

    Raises:
        KafkaError: INVALID_REQUEST; a key comes twice, or without a value.
    """
    _check_keys([config.name for config in configs])
    _check_values([config.name for config in configs if config.value is None])
    return {config.name: config.value or "" for config in configs}


def operated(
    resource_type: int, present: Values, configs: list[IncrementalAlterConfigsConfig]
) -> Values:
    """Return the configuration after the operations on single keys.

    Raises:
        KafkaError: INVALID_REQUEST; a key comes twice or lacks its value, or the operation is
            not known. INVALID_CONFIG; the key is no list.
    """
    _check_keys([config.name for config in configs])
    _check_values(
        [
            config.name
            for config in configs
            if config.value is None and config.config_operation != Operation.DELETE
        ]
    )
    values = dict(present)
    for config in configs:
        match config.config_operation:
            case Operation.SET:
                values[config.name] = config.value or ""
            case Operation.DELETE:
                values.pop(config.name, None)
            case Operation.APPEND | Operation.SUBTRACT as operation:
                items = _items(_list_text(resource_type, values, config.name, operation))
                values[config.name] = ",".join(_operated_list(items, config.value or "", operation))
            case unknown:
                raise _bad_request(f"Unknown operations type {unknown}")
    return values


def _list_text(resource_type: int, values: Values, name: str, operation: int) -> str:
    """Return the value of a list key, or its default if there is none."""
    key = (TOPIC_KEYS if resource_type == TOPIC_CONFIG else BROKER_KEYS).get(name)
    if key is not None and key.type is Type.LIST:
        return values.get(name, key.default or "")
    verb = Operation(operation).name
    text = f"Can't {verb} to key {name} because its type is not LIST."
    if resource_type == BROKER_CONFIG:
        text = f"Config value {verb.lower()} is not allowed for config key: {name}"
    raise KafkaError(ErrorCode.INVALID_CONFIG, text)


def _operated_list(items: list[str], operand: str, operation: int) -> list[str]:
    if operation == Operation.APPEND:
        return list(dict.fromkeys(items + _items(operand)))
    return [item for item in items if item not in _items(operand)]


def _items(text: str) -> list[str]:
    return [item for item in text.split(",") if item]


def _change(image: MetadataImage, resource: ConfigResource, values: Values) -> Iterator[Record]:
    """Check the new configuration of a resource; return the records that lead to it.

    A broker's own keys were checked by that broker, before it passed the request on.
    """
    resource_type, name = resource
    if resource_type == TOPIC_CONFIG:
        if not name:
            raise _bad_request("Default topic resources are not allowed.")
        check_topic_name(name)
        check_topic_configs(values)
        if name not in image.topics:
            text = f"The topic '{name}' does not exist."
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, text)
    elif resource_type == BROKER_CONFIG:
        _check_broker(image, name)
    else:
        raise _bad_request(f"Unknown resource type {resource_type}")
    return _records(resource, image.config(*resource), values)


def _check_broker(image: MetadataImage, name: str) -> None:
    """Check the name of a broker resource; an empty one stands for all brokers."""
    if not name:
        return
    if not (name.isascii() and name.removeprefix("-").isdigit()):
        raise _bad_request("Unable to parse broker name as a base 10 number.")
    if name.startswith("-"):
        raise _bad_request("Invalid negative broker ID.")
    if int(name) not in image.brokers:
        text = f"No broker with id {name} found."
        raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, text)


def _records(resource: ConfigResource, present: Values, values: Values) -> Iterator[Record]:
    for key in sorted(present.keys() | values.keys()):
        if present.get(key) != values.get(key):
            yield ConfigRecord(*resource, key, values.get(key))


def _check_keys(names: list[str]) -> None:
    if max(Counter(names).values(), default=0) > 1:
        raise _bad_request("Error due to duplicate config keys")


def _check_values(without: list[str]) -> None:
    if without:
        raise _bad_request(f"Null value not supported for : {', '.join(without)}")


def _bad_request(text: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, text)

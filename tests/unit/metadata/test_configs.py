"""AlterConfigs and IncrementalAlterConfigs as the controller decides them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from metadata.controller.configs import Operation, alter_configs, incremental_alter_configs
from metadata.image import ConfigResource, MetadataImage
from metadata.records import (
    BROKER_CONFIG,
    TOPIC_CONFIG,
    ConfigRecord,
    PartitionRecord,
    TopicRecord,
)
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.configs import (
    AlterConfigsConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResult,
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
    IncrementalAlterConfigsResult,
)
from tests.support.metadata import carried_out, situation, with_brokers, with_records

T = (TOPIC_CONFIG, "t")
TOPIC_ID = b"t" * 16
IMAGE = with_records(
    with_brokers(1),
    TopicRecord("t", TOPIC_ID),
    PartitionRecord(TOPIC_ID, 0, (1,), (1,), 1),
    ConfigRecord(*T, "retention.ms", "1000"),
    ConfigRecord(*T, "cleanup.policy", "delete"),
)

Step = tuple[str, int, str | None]
"""Key, operation, operand."""


def altered(
    *resources: tuple[ConfigResource, Mapping[str, str | None]], validate_only: bool = False
) -> tuple[MetadataImage, list[AlterConfigsResult]]:
    request = AlterConfigsRequest(
        resources=[
            AlterConfigsResource(
                resource_type=kind,
                resource_name=name,
                configs=[AlterConfigsConfig(name=key, value=it) for key, it in configs.items()],
            )
            for (kind, name), configs in resources
        ],
        validate_only=validate_only,
    )
    after, response = carried_out(IMAGE, alter_configs(situation(IMAGE), request))
    return after, response.responses


def stepped(
    *resources: tuple[ConfigResource, Sequence[Step]], validate_only: bool = False
) -> tuple[MetadataImage, list[IncrementalAlterConfigsResult]]:
    request = IncrementalAlterConfigsRequest(
        resources=[
            IncrementalAlterConfigsResource(
                resource_type=kind,
                resource_name=name,
                configs=[
                    IncrementalAlterConfigsConfig(name=key, config_operation=operation, value=it)
                    for key, operation, it in steps
                ],
            )
            for (kind, name), steps in resources
        ],
        validate_only=validate_only,
    )
    after, response = carried_out(IMAGE, incremental_alter_configs(situation(IMAGE), request))
    return after, response.responses


def test_alter_replaces_all_keys_of_the_resource() -> None:
    image, (result,) = altered((T, {"segment.bytes": "2097152", "retention.ms": "5"}))
    assert (result.error_code, result.error_message) == (0, None)
    assert (result.resource_type, result.resource_name) == T
    assert image.config(*T) == {"segment.bytes": "2097152", "retention.ms": "5"}


def test_incremental_alter_leaves_the_other_keys() -> None:
    set_one = ("segment.bytes", Operation.SET, "2097152")
    image, _ = stepped((T, [set_one, ("retention.ms", Operation.DELETE, None)]))
    assert image.config(*T) == {"segment.bytes": "2097152", "cleanup.policy": "delete"}


def test_lists_are_appended_to_and_subtracted_from() -> None:
    append = ("cleanup.policy", Operation.APPEND, "compact,delete")
    image, _ = stepped((T, [append]))
    assert image.config(*T)["cleanup.policy"] == "delete,compact"
    subtract = ("cleanup.policy", Operation.SUBTRACT, "other")
    image, _ = stepped((T, [subtract]))
    assert image.config(*T)["cleanup.policy"] == "delete"


def test_list_that_is_not_set_starts_from_its_default() -> None:
    replicas = "leader.replication.throttled.replicas"
    image, _ = stepped((T, [(replicas, Operation.APPEND, "0:1")]))
    assert image.config(*T)[replicas] == "0:1"


def test_same_value_makes_no_record() -> None:
    decision = incremental_alter_configs(
        situation(IMAGE),
        IncrementalAlterConfigsRequest(
            resources=[
                IncrementalAlterConfigsResource(
                    resource_type=TOPIC_CONFIG,
                    resource_name="t",
                    configs=[IncrementalAlterConfigsConfig(name="retention.ms", value="1000")],
                )
            ]
        ),
    )
    assert list(decision.records) == []


def test_brokers_one_by_one_and_all_together() -> None:
    image, results = altered(
        ((BROKER_CONFIG, "1"), {"log.retention.ms": "1"}),
        ((BROKER_CONFIG, ""), {"log.retention.ms": "2"}),
    )
    assert [result.error_code for result in results] == [0, 0]
    assert image.config(BROKER_CONFIG, "1") == {"log.retention.ms": "1"}
    assert image.config(BROKER_CONFIG, "") == {"log.retention.ms": "2"}


def test_validate_only_commits_nothing() -> None:
    assert altered((T, {}), validate_only=True)[0].configs == IMAGE.configs
    step = ("retention.ms", Operation.SET, "2")
    assert stepped((T, [step]), validate_only=True)[0].configs == IMAGE.configs


def test_each_resource_stands_alone() -> None:
    image, results = altered((T, {"retention.ms": "7"}), ((TOPIC_CONFIG, "u"), {}))
    assert [result.error_code for result in results] == [0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
    assert image.config(*T) == {"retention.ms": "7"}


REFUSED_RESOURCES = [
    (TOPIC_CONFIG, "", ErrorCode.INVALID_REQUEST, "Default topic resources are not allowed."),
    (
        TOPIC_CONFIG,
        "a b",
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        "Topic name is invalid: 'a b' contains one or more characters other than "
        "ASCII alphanumerics, '.', '_' and '-'",
    ),
    (
        TOPIC_CONFIG,
        "u",
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "The topic 'u' does not exist.",
    ),
    (
        BROKER_CONFIG,
        "one",
        ErrorCode.INVALID_REQUEST,
        "Unable to parse broker name as a base 10 number.",
    ),
    (BROKER_CONFIG, "-1", ErrorCode.INVALID_REQUEST, "Invalid negative broker ID."),
    (
        BROKER_CONFIG,
        "9",
        ErrorCode.BROKER_ID_NOT_REGISTERED,
        "No broker with id 9 found.",
    ),
    (77, "x", ErrorCode.INVALID_REQUEST, "Unknown resource type 77"),
]


@pytest.mark.parametrize(("kind", "name", "code", "message"), REFUSED_RESOURCES)
def test_resources_that_cannot_be(kind: int, name: str, code: ErrorCode, message: str) -> None:
    for image, (result,) in (altered(((kind, name), {})), stepped(((kind, name), []))):
        assert (result.error_code, result.error_message) == (code, message)
        assert image.configs == IMAGE.configs


@pytest.mark.parametrize(
    ("configs", "code", "message"),
    [
        ({"nope": "1"}, ErrorCode.INVALID_CONFIG, "Unknown topic config name: nope"),
        (
            {"retention.ms": "-2"},
            ErrorCode.INVALID_CONFIG,
            "Invalid value -2 for configuration retention.ms: Value must be at least -1",
        ),
        (
            {"retention.ms": None, "a": None},
            ErrorCode.INVALID_REQUEST,
            "Null value not supported for : retention.ms, a",
        ),
    ],
)
def test_values_that_cannot_be(
    configs: dict[str, str | None], code: ErrorCode, message: str
) -> None:
    steps: list[Step] = [(key, Operation.SET, value) for key, value in configs.items()]
    for image, (result,) in (altered((T, configs)), stepped((T, steps))):
        assert (result.error_code, result.error_message) == (code, message)
        assert image.configs == IMAGE.configs


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        (
            ("retention.ms", Operation.APPEND, "1"),
            ErrorCode.INVALID_CONFIG,
            "Can't APPEND to key retention.ms because its type is not LIST.",
        ),
        (
            ("retention.ms", Operation.SUBTRACT, "1"),
            ErrorCode.INVALID_CONFIG,
            "Can't SUBTRACT to key retention.ms because its type is not LIST.",
        ),
        (("retention.ms", 9, "1"), ErrorCode.INVALID_REQUEST, "Unknown operations type 9"),
        (
            ("cleanup.policy", Operation.APPEND, None),
            ErrorCode.INVALID_REQUEST,
            "Null value not supported for : cleanup.policy",
        ),
    ],
)
def test_operations_that_cannot_be(step: Step, code: ErrorCode, message: str) -> None:
    image, (result,) = stepped((T, [step]))
    assert (result.error_code, result.error_message) == (code, message)
    assert image.configs == IMAGE.configs


def test_keys_and_resources_come_once() -> None:
    _, (result,) = stepped(
        (T, [("retention.ms", Operation.SET, "1"), ("retention.ms", Operation.DELETE, None)])
    )
    assert (result.error_code, result.error_message) == (
        ErrorCode.INVALID_REQUEST,
        "Error due to duplicate config keys",
    )
    image, results = altered((T, {}), (T, {"retention.ms": "1"}))
    assert {(it.error_code, it.error_message) for it in results} == {
        (ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
    }
    assert image.configs == IMAGE.configs

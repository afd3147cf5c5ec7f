"""DescribeConfigs and the alterations, end to end through one broker."""

from __future__ import annotations

import pytest

from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.messages.configs import (
    AlterConfigsConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    DescribeConfigsConfig,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
)
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from raftkafka.server.handlers.configs import (
    SLICE_RESOURCES,
    handle_alter_configs,
    handle_describe_configs,
    handle_incremental_alter_configs,
)
from raftkafka.server.handlers.topics import handle_create_topics
from tests.support.admin import Admin, serving

TOPIC, BROKER, BROKER_LOGGER = 2, 4, 8
SET, DELETE, APPEND = 0, 1, 2
BOOLEAN, LONG = 1, 5
DYNAMIC_TOPIC, DYNAMIC_BROKER, DYNAMIC_DEFAULT, STATIC, DEFAULT = 1, 2, 3, 4, 5


async def make_topic(admin: Admin, name: str = "t", **configs: str) -> None:
    given = [CreatableTopicConfig(name=k.replace("_", "."), value=v) for k, v in configs.items()]
    topic = CreatableTopic(name=name, num_partitions=1, replication_factor=1, configs=given)
    response = await handle_create_topics(admin.context(7), CreateTopicsRequest(topics=[topic]))
    assert isinstance(response, CreateTopicsResponse)
    assert response.topics[0].error_code == 0


def described(
    admin: Admin,
    kind: int,
    name: str,
    *,
    keys: list[str] | None = None,
    version: int = 4,
    synonyms: bool = False,
    documentation: bool = False,
) -> DescribeConfigsResult:
    request = DescribeConfigsRequest(
        resources=[
            DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=keys)
        ],
        include_synonyms=synonyms,
        include_documentation=documentation,
    )
    response = handle_describe_configs(admin.context(version), request)
    assert isinstance(response, DescribeConfigsResponse)
    encode_bytes(response, version)
    (result,) = response.results
    assert (result.resource_type, result.resource_name) == (kind, name)
    return result


def by_name(result: DescribeConfigsResult) -> dict[str, DescribeConfigsConfig]:
    return {config.name: config for config in result.configs}


async def altered(
    admin: Admin, kind: int, name: str, *steps: tuple[str, int, str | None]
) -> tuple[int, str | None]:
    request = IncrementalAlterConfigsRequest(
        resources=[
            IncrementalAlterConfigsResource(
                resource_type=kind,
                resource_name=name,
                configs=[
                    IncrementalAlterConfigsConfig(name=key, config_operation=step, value=value)
                    for key, step, value in steps
                ],
            )
        ]
    )
    response = await handle_incremental_alter_configs(admin.context(1), request)
    encode_bytes(response, 1)
    (result,) = response.responses
    assert (result.resource_type, result.resource_name) == (kind, name)
    return result.error_code, result.error_message


async def replaced(
    admin: Admin, kind: int, name: str, configs: dict[str, str | None]
) -> tuple[int, str | None]:
    given = [AlterConfigsConfig(name=key, value=value) for key, value in configs.items()]
    resource = AlterConfigsResource(resource_type=kind, resource_name=name, configs=given)
    response = await handle_alter_configs(
        admin.context(2), AlterConfigsRequest(resources=[resource])
    )
    encode_bytes(response, 2)
    (result,) = response.responses
    return result.error_code, result.error_message


async def test_topic_with_sources_and_synonyms() -> None:
    async with serving({"log.segment.bytes": "2097152"}) as admin:
        await make_topic(admin, retention_ms="1000")
        await altered(admin, BROKER, "", ("log.retention.ms", SET, "2000"))
        await altered(admin, BROKER, "1", ("log.retention.ms", SET, "3000"))
        configs = by_name(described(admin, TOPIC, "t", synonyms=True))
        retention = configs["retention.ms"]
        assert (retention.value, retention.config_source, retention.config_type) == (
            "1000",
            DYNAMIC_TOPIC,
            LONG,
        )
        assert [(it.name, it.value, it.source) for it in retention.synonyms][:3] == [
            ("retention.ms", "1000", DYNAMIC_TOPIC),
            ("log.retention.ms", "3000", DYNAMIC_BROKER),
            ("log.retention.ms", "2000", DYNAMIC_DEFAULT),
        ]
        assert (configs["segment.bytes"].value, configs["segment.bytes"].config_source) == (
            "2097152",
            STATIC,
        )
        assert configs["cleanup.policy"].config_source == DEFAULT
        assert not any(config.read_only or config.is_sensitive for config in configs.values())
        plain = by_name(described(admin, TOPIC, "t"))["retention.ms"]
        assert plain.synonyms == []


async def test_only_the_keys_and_the_words_that_are_asked_for() -> None:
    async with serving() as admin:
        await make_topic(admin)
        keys = ["retention.ms", "no.such.key"]
        result = described(admin, TOPIC, "t", keys=keys, documentation=True)
        (config,) = result.configs
        assert config.name == "retention.ms"
        assert config.documentation
        (undocumented,) = described(admin, TOPIC, "t", keys=keys).configs
        assert undocumented.documentation is None
        assert len(described(admin, TOPIC, "t", keys=[]).configs) > 20


async def test_broker_s_own_keys() -> None:
    async with serving({"num.partitions": "4"}) as admin:
        await altered(admin, BROKER, "1", ("log.retention.ms", SET, "3000"))
        configs = by_name(described(admin, BROKER, "1", synonyms=True))
        partitions = configs["num.partitions"]
        assert (partitions.value, partitions.config_source, partitions.read_only) == (
            "4",
            STATIC,
            True,
        )
        retention = configs["log.retention.ms"]
        assert (retention.value, retention.config_source, retention.read_only) == (
            "3000",
            DYNAMIC_BROKER,
            False,
        )


async def test_default_of_all_brokers() -> None:
    async with serving() as admin:
        assert described(admin, BROKER, "").configs == []
        await altered(admin, BROKER, "", ("log.retention.ms", SET, "5"))
        (config,) = described(admin, BROKER, "").configs
        assert (config.name, config.value, config.config_source) == (
            "log.retention.ms",
            "5",
            DYNAMIC_DEFAULT,
        )


async def test_loggers_of_which_there_are_none() -> None:
    async with serving() as admin:
        result = described(admin, BROKER_LOGGER, "1")
        assert (result.error_code, result.configs) == (0, [])
        assert await altered(admin, BROKER_LOGGER, "1", ("kafka", SET, "DEBUG")) == (
            ErrorCode.INVALID_CONFIG,
            "Logger kafka does not exist!",
        )
        assert await replaced(admin, BROKER_LOGGER, "1", {}) == (
            ErrorCode.INVALID_REQUEST,
            "Unknown resource type 8",
        )


@pytest.mark.parametrize(
    ("kind", "name", "code", "message"),
    [
        (TOPIC, "u", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None),
        (
            TOPIC,
            "",
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            "Topic name is invalid: the empty string is not allowed",
        ),
        (
            BROKER,
            "2",
            ErrorCode.INVALID_REQUEST,
            "Unexpected broker id, expected 1 or empty string, but received 2",
        ),
        (
            BROKER,
            "x",
            ErrorCode.INVALID_REQUEST,
            "Broker id must be an integer, but it is: x",
        ),
        (BROKER_LOGGER, "", ErrorCode.INVALID_REQUEST, "Broker id must not be empty"),
        (99, "x", ErrorCode.INVALID_REQUEST, "Unsupported resource type: 99"),
    ],
)
async def test_resources_that_cannot_be_described(
    kind: int, name: str, code: ErrorCode, message: str | None
) -> None:
    async with serving() as admin:
        result = described(admin, kind, name)
        assert (result.error_code, result.error_message) == (code, message)
        assert result.configs == []


@pytest.mark.parametrize("version", range(1, 5))
async def test_many_resources_are_described_in_slices(version: int) -> None:
    async with serving() as admin:
        await make_topic(admin)
        names = ["t" if number % 3 else f"u{number}" for number in range(3 * SLICE_RESOURCES + 1)]
        request = DescribeConfigsRequest(
            resources=[
                DescribeConfigsResource(
                    resource_type=TOPIC, resource_name=name, configuration_keys=None
                )
                for name in names
            ]
        )
        answer = handle_describe_configs(admin.context(version), request)
        assert not isinstance(answer, DescribeConfigsResponse), "not all in one go"
        body = (await answer).body
        response, end = decode(DescribeConfigsResponse, version, body)
        assert end == len(body)
        assert encode_bytes(response, version) == body, "as the codec does it"
        assert [result.resource_name for result in response.results] == names
        assert [bool(result.configs) for result in response.results] == [n == "t" for n in names]


async def test_alterations_of_a_topic() -> None:
    async with serving() as admin:
        await make_topic(admin, retention_ms="1000")
        assert await altered(admin, TOPIC, "t", ("segment.bytes", SET, "2097152")) == (0, None)
        assert await altered(admin, TOPIC, "t", ("retention.ms", DELETE, None)) == (0, None)
        assert admin.broker.image.config(TOPIC, "t") == {"segment.bytes": "2097152"}
        assert await replaced(admin, TOPIC, "t", {"retention.ms": "9"}) == (0, None)
        assert admin.broker.image.config(TOPIC, "t") == {"retention.ms": "9"}
        assert await altered(admin, TOPIC, "t", ("nope", SET, "1")) == (
            ErrorCode.INVALID_CONFIG,
            "Unknown topic config name: nope",
        )


@pytest.mark.parametrize(
    ("name", "key", "value", "code", "message"),
    [
        (
            "2",
            "log.retention.ms",
            "1",
            ErrorCode.INVALID_REQUEST,
            "Unexpected broker id, expected 1, but received 2",
        ),
        (
            "1",
            "num.partitions",
            "4",
            ErrorCode.INVALID_REQUEST,
            "Cannot update these configs dynamically: [num.partitions]",
        ),
        (
            "1",
            "log.retention.ms",
            "x",
            ErrorCode.INVALID_REQUEST,
            "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
        ),
    ],
)
async def test_broker_alterations_that_cannot_be(
    name: str, key: str, value: str, code: ErrorCode, message: str
) -> None:
    async with serving() as admin:
        assert await altered(admin, BROKER, name, (key, SET, value)) == (code, message)
        assert await replaced(admin, BROKER, name, {key: value}) == (code, message)
        assert not admin.broker.image.configs


async def test_what_is_refused_here_does_not_stop_the_rest() -> None:
    async with serving() as admin:
        await make_topic(admin)
        given = [AlterConfigsConfig(name="retention.ms", value="5")]
        request = AlterConfigsRequest(
            resources=[
                AlterConfigsResource(resource_type=BROKER, resource_name="2"),
                AlterConfigsResource(resource_type=TOPIC, resource_name="t", configs=given),
                AlterConfigsResource(resource_type=TOPIC, resource_name="u"),
            ]
        )
        results = (await handle_alter_configs(admin.context(2), request)).responses
        assert [(it.resource_name, it.error_code) for it in results] == [
            ("2", ErrorCode.INVALID_REQUEST),
            ("t", 0),
            ("u", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ]
        assert admin.broker.image.config(TOPIC, "t") == {"retention.ms": "5"}


async def test_validate_only() -> None:
    async with serving() as admin:
        await make_topic(admin)
        given = [AlterConfigsConfig(name="retention.ms", value="5")]
        request = AlterConfigsRequest(
            resources=[AlterConfigsResource(resource_type=TOPIC, resource_name="t", configs=given)],
            validate_only=True,
        )
        (result,) = (await handle_alter_configs(admin.context(2), request)).responses
        assert result.error_code == 0
        assert not admin.broker.image.configs

"""Which value holds, and what may be set while brokers run."""

from __future__ import annotations

import pytest

from raftkafka.config import BrokerConfig, load
from raftkafka.config.describe import describe_broker, describe_topic
from raftkafka.config.resolve import BrokerLevels, Source, log_config, over
from raftkafka.config.topic_keys import HOUR_MS, SYNONYMS, TOPIC_KEYS
from raftkafka.config.validate import check_broker_configs, check_topic_configs
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.log_config import LogConfig

Texts = dict[str, str]
NONE: Texts = {}


def test_at_the_defaults_a_log_has_kafkas() -> None:
    assert log_config(BrokerConfig(), NONE, NONE, NONE) == LogConfig()


RETENTION: list[tuple[Texts, Texts, Texts, Texts, int, Source]] = [
    ({}, {}, {}, {}, 168 * HOUR_MS, Source.DEFAULT),
    ({"log.retention.hours": "1"}, {}, {}, {}, HOUR_MS, Source.STATIC_BROKER),
    ({"log.retention.hours": "-1"}, {}, {}, {}, -1, Source.STATIC_BROKER),
    (
        {"log.retention.hours": "1", "log.retention.minutes": "5"},
        {},
        {},
        {},
        300_000,
        Source.STATIC_BROKER,
    ),
    (
        {"log.retention.minutes": "5", "log.retention.ms": "7"},
        {},
        {},
        {},
        7,
        Source.STATIC_BROKER,
    ),
    (
        {"log.retention.ms": "7"},
        {"log.retention.ms": "8"},
        {},
        {},
        8,
        Source.DYNAMIC_DEFAULT_BROKER,
    ),
    (
        {},
        {"log.retention.ms": "8"},
        {"log.retention.ms": "9"},
        {},
        9,
        Source.DYNAMIC_BROKER,
    ),
    (
        {},
        {"log.retention.ms": "8"},
        {"log.retention.ms": "9"},
        {"retention.ms": "10"},
        10,
        Source.DYNAMIC_TOPIC,
    ),
]


@pytest.mark.parametrize(
    ("given", "cluster", "broker", "topic", "retention_ms", "source"), RETENTION
)
def test_topic_before_broker_before_cluster_before_file_before_default(
    given: Texts,
    cluster: Texts,
    broker: Texts,
    topic: Texts,
    retention_ms: int,
    source: Source,
) -> None:
    config = load(None, given).config
    assert log_config(config, cluster, broker, topic).retention_ms == retention_ms
    described = {d.name: d for d in describe_topic(BrokerLevels(config, cluster, broker), topic)}
    assert described["retention.ms"].value == str(retention_ms)
    assert described["retention.ms"].source == source


@pytest.mark.parametrize("name", SYNONYMS)
def test_every_topic_key_follows_its_broker_keys(name: str) -> None:
    """A value that is not the default, set on the broker, reaches the topic."""
    others = {
        "cleanup.policy": "compact",
        "compression.type": "producer",
        "message.timestamp.type": "LogAppendTime",
        "min.cleanable.dirty.ratio": "0.25",
    }
    usual = {"true": "false", "false": "true"}
    default = TOPIC_KEYS[name].default
    text = others.get(name) or usual.get(default or "", "7000000")
    if name.startswith("compression.") and name not in others:
        text = "5"
    for synonym in SYNONYMS[name]:
        given = "2" if synonym.factor != 1 else text
        config = BrokerConfig(given={synonym.name: given})
        described = {d.name: d for d in describe_topic(BrokerLevels(config, NONE, NONE), NONE)}
        expected = str(2 * synonym.factor) if synonym.factor != 1 else text
        assert described[name].value == expected
        assert described[name].source == Source.STATIC_BROKER


def test_a_value_given_in_place_reaches_the_logs() -> None:
    config = BrokerConfig(log_roll_hours=2, log_preallocate=True)
    assert log_config(config, NONE, NONE, NONE) == LogConfig(
        segment_ms=2 * HOUR_MS, preallocate=True
    )
    assert config.given == {"log.roll.hours": "2", "log.preallocate": "true"}


def test_a_topic_overrides_only_what_it_sets() -> None:
    defaults = LogConfig(retention_ms=5, segment_bytes=6)
    ours = over(
        defaults,
        {
            "retention.ms": "7",
            "cleanup.policy": "compact, delete",
            "remote.storage.enable": "false",
        },
    )
    assert (ours.retention_ms, ours.segment_bytes) == (7, 6)
    assert ours.cleanup_policy == {"compact", "delete"}
    assert ours.is_compacted
    assert over(defaults, {}) is defaults


def test_logs_read_the_brokers_expiration_of_producers() -> None:
    config = load(None, {"producer.id.expiration.ms": "5"}).config
    assert log_config(config, NONE, NONE, NONE).producer_id_expiration_ms == 5
    cluster = {"producer.id.expiration.ms": "6"}
    assert log_config(config, cluster, NONE, NONE).producer_id_expiration_ms == 6


def test_the_effective_configuration_has_what_was_set_while_it_ran() -> None:
    given = {"min.insync.replicas": "5", "num.partitions": "2", "what.is.this": "1"}
    config = load(None, given).config
    cluster = {"min.insync.replicas": "6", "log.preallocate": "true", "x": "1"}
    levels = BrokerLevels(config, cluster, {"min.insync.replicas": "7"})
    assert levels.effective().min_insync_replicas == 7
    assert (levels.effective().num_partitions, levels.effective().log_preallocate) == (2, True)
    assert levels.effective().given == config.given


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("foo", "1", "Unknown topic config name: foo"),
        ("retention.ms", "abc", "Invalid value abc for configuration retention.ms: "
         "Not a number of type LONG"),
        ("retention.ms", "-2", "Invalid value -2 for configuration retention.ms: "
         "Value must be at least -1"),
        ("retention.ms", "", "Invalid value  for configuration retention.ms: "
         "Not a number of type LONG"),
        ("cleanup.policy", "x", "Invalid value x for configuration cleanup.policy: "
         "String must be one of: compact, delete"),
        ("min.cleanable.dirty.ratio", "2", "Invalid value 2.0 for configuration "
         "min.cleanable.dirty.ratio: Value must be no more than 1"),
        ("preallocate", "maybe", "Invalid value maybe for configuration preallocate: "
         "Expected value to be either true or false"),
        ("segment.bytes", "100", "Invalid value 100 for configuration segment.bytes: "
         "Value must be at least 1048576"),
        ("segment.bytes", "99999999999", "Invalid value 99999999999 for configuration "
         "segment.bytes: Not a number of type INT"),
        ("compression.gzip.level", "0", "Invalid value 0 for configuration "
         "compression.gzip.level: Value must be between 1 and 9 or equal to -1"),
        ("compression.type", "foo", "Invalid value foo for configuration compression.type: "
         "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"),
        ("leader.replication.throttled.replicas", "foo", "Invalid value [foo] for configuration "
         "leader.replication.throttled.replicas: leader.replication.throttled.replicas must be "
         "the literal '*' or a list of replicas in the following format: "
         "[partitionId]:[brokerId],[partitionId]:[brokerId],..."),
        ("message.timestamp.type", "createtime", "Invalid value createtime for configuration "
         "message.timestamp.type: String must be one of: CreateTime, LogAppendTime"),
        ("remote.storage.enable", "true", "Tiered Storage functionality is disabled in the "
         "broker. Topic cannot be configured with remote log storage."),
        # Kafka compresses again; we do not, and say so
        ("compression.type", "gzip", "Invalid value gzip for configuration compression.type: "
         "raftkafka keeps the producer's compression, so it must be: producer"),
    ],
)  # fmt: skip
def test_a_topic_config_is_refused_in_kafkas_words(name: str, text: str, message: str) -> None:
    with pytest.raises(KafkaError) as raised:
        check_topic_configs({name: text})
    assert (raised.value.code, raised.value.message) == (ErrorCode.INVALID_CONFIG, message)


def test_a_topics_compaction_lags_go_together() -> None:
    with pytest.raises(KafkaError) as raised:
        check_topic_configs({"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"})
    assert raised.value.message == (
        "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cleanup.policy", ""),
        ("cleanup.policy", "delete,delete"),
        ("segment.ms", " 100 "),
        ("leader.replication.throttled.replicas", "*"),
        ("follower.replication.throttled.replicas", "0:1,1:2"),
        ("min.insync.replicas", "5"),
        ("flush.before.visible", "true"),
        ("local.retention.ms", "9999999999999"),
    ],
)
def test_a_topic_config_that_kafka_takes(name: str, text: str) -> None:
    check_topic_configs({name: text})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("num.partitions", "3", "Cannot update these configs dynamically: [num.partitions]"),
        ("node.id", "3", "Cannot update these configs dynamically: [node.id]"),
        ("log.retention.hours", "3", "Cannot update these configs dynamically: "
         "[log.retention.hours]"),
        ("log.retention.ms", "x", "Invalid value x for configuration log.retention.ms: "
         "Not a number of type LONG"),
        ("max.connections.per.ip.overrides", "h:9", "Cannot update these configs dynamically: "
         "[max.connections.per.ip.overrides]"),
        ("min.insync.replicas", "0", "Invalid value 0 for configuration min.insync.replicas: "
         "Value must be at least 1"),
        ("foo", "1", "Unknown broker config name: foo"),
    ],
)  # fmt: skip
def test_a_broker_config_is_refused_in_kafkas_words(name: str, text: str, message: str) -> None:
    with pytest.raises(KafkaError) as raised:
        check_broker_configs(BrokerConfig(), {name: text}, for_all_brokers=False)
    assert (raised.value.code, raised.value.message) == (ErrorCode.INVALID_REQUEST, message)


def test_broker_configs_go_together() -> None:
    lags = {"log.cleaner.min.compaction.lag.ms": "2", "log.cleaner.max.compaction.lag.ms": "1"}
    with pytest.raises(KafkaError) as raised:
        check_broker_configs(BrokerConfig(), lags, for_all_brokers=True)
    assert raised.value.message == (
        "Invalid value 2 for configuration log.cleaner.min.compaction.lag.ms: must not be more "
        "than log.cleaner.max.compaction.lag.ms, which is 1"
    )


def test_broker_configs_that_can_be_set() -> None:
    for for_all_brokers in (False, True):
        check_broker_configs(
            load(None, {"what.is.this": "1"}).config,
            {"log.retention.ms": "5", "min.insync.replicas": "2", "message.max.bytes": "100"},
            for_all_brokers=for_all_brokers,
        )


def test_what_a_file_holds_besides_is_described_without_its_value() -> None:
    config = load(None, {"what.is.this": "hunter2", "ssl.key.password": "hunter2"}).config
    described = {d.name: d for d in describe_broker(BrokerLevels(config, NONE, NONE))}
    for name in ("what.is.this", "ssl.key.password"):
        assert described[name].value is None
        assert described[name].is_sensitive
        assert described[name].synonyms == ((name, None, Source.STATIC_BROKER),)
    assert "hunter2" not in str(described)

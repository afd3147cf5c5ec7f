"""Keys, defaults, ranges and DescribeConfigs answers as a Kafka 4.3.1 broker has them.

``data/kafka-4.3-keys.tsv`` lists ``KafkaConfig.configDef()`` and ``LogConfig.configDefCopy()``;
``data/kafka-4.3-describe.json`` holds what a broker answered to DescribeConfigs 4.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from raftkafka.config.broker_keys import BROKER_KEYS, BrokerConfig
from raftkafka.config.describe import (
    Described,
    describe_broker,
    describe_cluster_default,
    describe_topic,
)
from raftkafka.config.keys import Update
from raftkafka.config.load import load
from raftkafka.config.resolve import BrokerLevels
from raftkafka.config.topic_keys import TOPIC_KEYS

DATA = Path(__file__).parent / "data"

with (DATA / "kafka-4.3-keys.tsv").open() as keys_file:
    KEYS = list(csv.DictReader(keys_file, delimiter="\t"))
BROKER = {row["name"]: row for row in KEYS if row["kind"] == "broker"}
TOPIC = {row["name"]: row for row in KEYS if row["kind"] == "topic"}

OTHER_DEFAULTS = {
    "node.id": "Kafka has none: a node must be numbered",
    "process.roles": "Kafka has none: a lone node is both",
    "controller.listener.names": "Kafka has none: a lone node needs no such listener",
    "socket.receive.buffer.bytes": "fewer wake-ups for the same data (docs/decisions)",
    "socket.send.buffer.bytes": "fewer wake-ups for the same data (docs/decisions)",
}
OTHER_RANGES = {
    "compression.type": "the producer's compression is kept",
    "log.flush.scheduler.interval.ms": "0 would mean without rest",
    "log.retention.hours": "Kafka checks this one later, as log.retention.ms",
    "log.retention.minutes": "Kafka checks this one later, as log.retention.ms",
    "log.retention.ms": "Kafka checks this one later, with the others",
    "log.roll.jitter.ms": "Kafka checks this one later, with the others",
    "log.roll.ms": "Kafka checks this one later, with the others",
    "replica.high.watermark.checkpoint.interval.ms": "0 would mean without rest",
    "security.inter.broker.protocol": "a rule says what is supported so far",
    "socket.receive.buffer.bytes": "below -1 there is nothing to ask the system for",
    "socket.send.buffer.bytes": "below -1 there is nothing to ask the system for",
}
DEFAULT_SOURCE = 5


def kafka_default(row: dict[str, str]) -> str | None:
    return {"<null>": None, "<required>": None}.get(row["default"], row["default"])


def is_java_class(row: dict[str, str]) -> bool:
    return row["default"].startswith("org.apache.kafka.")


def kafka_valid(row: dict[str, str]) -> str:
    """What Kafka says is valid, as our tables word it."""
    valid = row["valid"].removeprefix("(case insensitive) ")
    worded = {"non-empty list": "", "[DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL]": None}
    return worded.get(valid, valid) or ""


def test_every_broker_key_is_known() -> None:
    assert BROKER.keys() - BROKER_KEYS.keys() == set()


def test_every_topic_key_is_known() -> None:
    ours = {"flush.before.visible"}
    internal = {name for name, row in TOPIC.items() if row["internal"]}
    assert TOPIC_KEYS.keys() - ours == TOPIC.keys() - internal


@pytest.mark.parametrize("name", BROKER)
def test_broker_key_has_kafkas_type_and_default(name: str) -> None:
    row, key = BROKER[name], BROKER_KEYS[name]
    assert key.type.name == row["type"]
    if name not in OTHER_DEFAULTS and not is_java_class(row):
        assert key.default == kafka_default(row)


@pytest.mark.parametrize("name", sorted(BrokerConfig.keys.keys() & BROKER.keys() - OTHER_RANGES))
def test_broker_key_with_an_attribute_has_kafkas_range(name: str) -> None:
    valid = kafka_valid(BROKER[name])
    if valid:
        assert BROKER_KEYS[name].valid == valid


@pytest.mark.parametrize("name", sorted(TOPIC_KEYS.keys() & TOPIC.keys()))
def test_topic_key_has_kafkas_type_default_and_range(name: str) -> None:
    row, key = TOPIC[name], TOPIC_KEYS[name]
    assert key.type.name == row["type"]
    assert key.default == row["default"]
    if name not in OTHER_RANGES and not name.startswith("local."):
        assert key.valid == row["valid"]


@pytest.mark.parametrize("name", BROKER)
def test_key_is_dynamic_only_where_kafkas_is(name: str) -> None:
    """Fewer are: only those that a running broker really takes."""
    if BROKER_KEYS[name].update is not Update.READ_ONLY:
        assert BROKER_KEYS[name].update.value == BROKER[name]["update"]


with (DATA / "kafka-4.3-describe.json").open() as describe_file:
    ANSWERS: dict[str, Any] = json.load(describe_file)
BROKER_ANSWERS = {each["name"]: each for each in ANSWERS["describe_broker"]}
TOPIC_ANSWERS = {each["name"]: each for each in ANSWERS["describe_topic"]}
LEVELS = BrokerLevels(load(None, ANSWERS["static"]).config, ANSWERS["cluster"], ANSWERS["broker"])
OURS = {each.name: each for each in describe_broker(LEVELS)}
OUR_TOPIC = {each.name: each for each in describe_topic(LEVELS, ANSWERS["topic"])}


def as_answered(described: Described) -> dict[str, Any]:
    return {
        "name": described.name,
        "value": described.value,
        "source": described.source,
        "read_only": described.is_read_only,
        "sensitive": described.is_sensitive,
        "type": described.type,
        "synonyms": [list(level) for level in described.synonyms],
    }


BETTER_TOPIC_ANSWERS = {
    "segment.ms": [["log.roll.hours", "24", 4], ["log.roll.hours", "168", 5]],
    "segment.jitter.ms": [["log.roll.jitter.hours", "0", 5]],
    "flush.ms": [["log.flush.scheduler.interval.ms", "9223372036854775807", 5]],
}
"""Kafka answers none of these, and that segment.ms were the default."""


@pytest.mark.parametrize("name", TOPIC_ANSWERS)
def test_topic_is_described_as_kafka_does(name: str) -> None:
    ours, kafkas = as_answered(OUR_TOPIC[name]), TOPIC_ANSWERS[name]
    if name in BETTER_TOPIC_ANSWERS:
        better = BETTER_TOPIC_ANSWERS[name]
        kafkas = {**kafkas, "synonyms": better, "source": better[0][2]}
    assert ours == kafkas


def test_a_topic_has_our_own_key_too() -> None:
    assert OUR_TOPIC.keys() - TOPIC_ANSWERS.keys() == {"flush.before.visible"}


@pytest.mark.parametrize("name", BROKER_ANSWERS)
def test_broker_is_described_as_kafka_does(name: str) -> None:
    ours, kafkas = as_answered(OURS[name]), dict(BROKER_ANSWERS[name])
    if ours["read_only"]:
        del ours["read_only"], kafkas["read_only"]
    if name == "log.retention.minutes":
        kafkas["value"] = "5000"  # Kafka answers null, though the file sets it
    if is_java_class(BROKER.get(name, {"default": ""})):
        del ours["value"], kafkas["value"], ours["synonyms"], kafkas["synonyms"]
    if name in OTHER_DEFAULTS:
        default = BROKER_KEYS[name].default
        set_here = [level for level in kafkas["synonyms"] if level[2] != DEFAULT_SOURCE]
        kafkas["synonyms"] = [*set_here, [name, default, DEFAULT_SOURCE]]
        if not set_here:
            kafkas["value"] = default
    assert ours == kafkas


def test_what_is_set_for_all_brokers_is_described_as_kafka_does() -> None:
    ours = sorted(map(as_answered, describe_cluster_default(LEVELS)), key=lambda each: each["name"])
    assert ours == ANSWERS["describe_cluster"]

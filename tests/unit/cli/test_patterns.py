"""Small languages of Kafka's tools: topic patterns, partition rules, lists of configs, plans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raftkafka.cli.shims.configs import parse_added
from raftkafka.cli.shims.delete_records import read_offsets
from raftkafka.cli.shims.get_offsets import parse_rules, parse_time
from raftkafka.cli.shims.java_errors import java_class
from raftkafka.cli.shims.topic_filter import topic_filter
from raftkafka.client.errors import ClientError
from raftkafka.errors import ErrorCode
from raftkafka.types import TopicPartition


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        (None, {"a", "ab", "b.c"}),
        ("a", {"a"}),
        ("a.*", {"a", "ab"}),
        ("a, b.c", {"a", "b.c"}),
        ("'a'", {"a"}),
        ("a|ab", {"a", "ab"}),
    ],
)
def test_a_pattern_matches_whole_names(pattern: str | None, matching: set[str]) -> None:
    assert set(filter(topic_filter(pattern), ("a", "ab", "b.c"))) == matching


def test_internal_topics_can_be_left_out() -> None:
    assert topic_filter("__.*")("__consumer_offsets")
    assert not topic_filter("__.*", exclude_internal=True)("__consumer_offsets")


def test_a_broken_pattern() -> None:
    with pytest.raises(ClientError, match="invalid regex"):
        topic_filter("a(")


@pytest.mark.parametrize(
    ("rules", "matching"),
    [
        ("t:1", {1}),
        ("t:1-3", {1, 2}),
        ("t:2-", {2, 3}),
        ("t:-2", {0, 1}),
        ("t", {0, 1, 2, 3}),
        (":0", {0}),
        ("t:0,t:3", {0, 3}),
        ("u:1", set[int]()),
    ],
)
def test_partition_rules(rules: str, matching: set[int]) -> None:
    matches = parse_rules(rules)
    assert {p for p in range(4) if matches(TopicPartition("t", p))} == matching


def test_a_broken_rule() -> None:
    with pytest.raises(ClientError, match="Invalid rule specification: t:a"):
        parse_rules("t:a")


@pytest.mark.parametrize(
    ("text", "time"), [("latest", -1), ("-2", -2), ("max-timestamp", -3), ("1700", 1700)]
)
def test_times(text: str, time: int) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("k=v", {"k": "v"}),
        ("k = v , l=w", {"k": "v", "l": "w"}),
        ("k=[a,b],l=w", {"k": "a,b", "l": "w"}),
        ("k=", {"k": ""}),
    ],
)
def test_configs_to_add(text: str, pairs: dict[str, str]) -> None:
    assert parse_added(text) == pairs


@pytest.mark.parametrize("text", ["k", "k=v,l", "k=v=w"])
def test_configs_that_are_none(text: str) -> None:
    with pytest.raises(ClientError, match="Invalid entity config"):
        parse_added(text)


def plan(folder: Path, content: object) -> str:
    path = folder / "plan.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_plan_of_offsets(tmp_path: Path) -> None:
    entry = {"topic": "t", "partition": 1, "offset": 5}
    assert read_offsets(plan(tmp_path, {"partitions": [entry]})) == {TopicPartition("t", 1): 5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense", "not a valid JSON"),
        ([], "Missing partitions field"),
        ({"version": 2, "partitions": []}, "Not supported version field value 2"),
        ({"partitions": [{"topic": "t"}]}, "takes topic, partition and offset"),
        (
            {"partitions": [{"topic": "t", "partition": 0, "offset": 1}] * 2},
            "duplicate topic partitions: t-0",
        ),
    ],
)
def test_a_plan_that_is_none(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        read_offsets(plan(tmp_path, content))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (ErrorCode.OFFSET_OUT_OF_RANGE, "OffsetOutOfRangeException"),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "UnknownTopicOrPartitionException"),
        (ErrorCode.KAFKA_STORAGE_ERROR, "KafkaStorageException"),
    ],
)
def test_names_of_java_exceptions(code: ErrorCode, name: str) -> None:
    assert java_class(code) == f"org.apache.kafka.common.errors.{name}"

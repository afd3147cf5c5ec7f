"""kafka-get-offsets: offsets of partitions by time, as ``topic:partition:offset``.

Source: Kafka class ``GetOffsetShell``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from raftkafka.cli.report import FAILED, UsageError, one_line, say
from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.cli.shims.topic_filter import topic_filter
from raftkafka.client.client import Client
from raftkafka.client.errors import ClientError, describe
from raftkafka.client.offsets import (
    EARLIEST,
    EARLIEST_LOCAL,
    EARLIEST_PENDING_UPLOAD,
    LATEST,
    LATEST_TIERED,
    MAX_TIMESTAMP,
    NO_OFFSET,
    list_offsets,
)
from raftkafka.client.topics import list_topics
from raftkafka.errors import ErrorCode
from raftkafka.types import TopicPartition

TIMES = {
    "latest": LATEST,
    "earliest": EARLIEST,
    "max-timestamp": MAX_TIMESTAMP,
    "earliest-local": EARLIEST_LOCAL,
    "latest-tiered": LATEST_TIERED,
    "earliest-pending-upload": EARLIEST_PENDING_UPLOAD,
}
TIMES_IN_WORDS = " / ".join(f"{time} or {name}" for name, time in TIMES.items())
RULE = re.compile(r"([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?")
"""TOPIC, TOPIC:3, TOPIC:3-5, TOPIC:3-, TOPIC:-5, or the same without a topic."""

Matches = Callable[[TopicPartition], bool]


def main() -> int:
    """Run kafka-get-offsets."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    try:
        options = _parser().read(arguments)
        _get_offsets(options)
    except UsageError:
        raise
    except ClientError as error:
        say(f"Error occurred: {one_line(error)}")
        return FAILED
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-get-offsets", "Show offsets of partitions.")
    add_connection(parser, broker_list=True)
    parser.value("topic", "A regular expression for topics; all without it.")
    parser.value("partitions", "Partitions, comma separated; all without it.")
    parser.value("topic-partitions", "Patterns: topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3")
    parser.value("time", f"A timestamp in ms, or {TIMES_IN_WORDS}.", default="latest")
    parser.flag("exclude-internal-topics", "Leave internal topics out.")
    return parser


def _get_offsets(options: Options) -> None:
    by_rules = "topic-partitions" in options
    if by_rules and ("topic" in options or "partitions" in options):
        raise ClientError("--topic-partitions cannot be used with --topic or --partitions")
    time = parse_time(options.must("time", str))
    matches = parse_rules(options.must("topic-partitions", str)) if by_rules else _filter(options)
    missing = 'Missing required argument "[bootstrap-server]"'
    with connect(options, required=missing, client_id="GetOffsetShell") as client:
        wanted = _partitions(client, options, matches)
        if not wanted:
            raise ClientError("Could not match any topic-partitions with the specified filters")
        answers = list_offsets(client, dict.fromkeys(wanted, time))
    for key in sorted(answers, key=str):
        found = answers[key]
        if found.error is not ErrorCode.NONE:
            reason = describe(found.error)
            say(f"Skip getting offsets for topic-partition {key} due to error: {reason}")
        elif found.offset != NO_OFFSET:
            print(f"{key.topic}:{key.partition}:{found.offset}")


def _partitions(client: Client, options: Options, matches: Matches) -> list[TopicPartition]:
    exclude = "exclude-internal-topics" in options
    visible = topic_filter(None, exclude_internal=exclude)
    keys = [
        TopicPartition(topic.name, partition.partition)
        for topic in list_topics(client)
        if visible(topic.name)
        for partition in topic.partitions
    ]
    return [key for key in keys if matches(key)]


def parse_time(text: str) -> int:
    """Return a timestamp, or one of the special ones by its name.

    Raises:
        ClientError: it is neither.
    """
    if text in TIMES:
        return TIMES[text]
    try:
        return int(text)
    except ValueError:
        raise ClientError(
            f"Malformed time argument {text}. Please use {TIMES_IN_WORDS}, "
            "or a specified long format timestamp"
        ) from None


def _filter(options: Options) -> Matches:
    matches = topic_filter(options.get("topic", str))
    text = options.get("partitions", str) or ""
    try:
        partitions = {int(number) for number in text.split(",") if text}
    except ValueError:
        raise ClientError(
            "--partitions expects a comma separated list of numeric partition ids, "
            f"but received: {text}"
        ) from None
    return lambda key: matches(key.topic) and (not partitions or key.partition in partitions)


def parse_rules(text: str) -> Matches:
    """Return whether one of the rules, comma separated, matches a partition.

    Raises:
        ClientError: one of them is none.
    """
    rules = [_rule(rule) for rule in text.split(",")]
    return lambda key: any(rule(key) for rule in rules)


def _rule(text: str) -> Matches:
    match = RULE.fullmatch(text)
    if match is None:
        raise ClientError(f"Invalid rule specification: {text}")
    topic, partition, lower, upper = match.groups()
    matches = topic_filter(topic or None)
    first = int(partition or lower or 0)
    end = first + 1 if partition else int(upper) if upper else None
    return lambda key: (
        matches(key.topic) and key.partition >= first and (end is None or key.partition < end)
    )

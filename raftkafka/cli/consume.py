"""``raftkafka consume``: read the messages of a topic."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from raftkafka.cli.client_settings import translate
from raftkafka.cli.connect import bootstrap_option, client_properties, properties_options
from raftkafka.cli.json_records import message_as_json
from raftkafka.cli.positions import parse_start
from raftkafka.cli.records import received_headers
from raftkafka.client.errors import ClientError

if TYPE_CHECKING:
    from confluent_kafka import Message

    from raftkafka.cli.consuming import Reader

END_WAIT_MS = 10


@click.command()
@click.argument("topic")
@click.option(
    "-o",
    "--offset",
    "start",
    default="beginning",
    show_default=True,
    metavar="START",
    help="beginning, end, an offset, -N for the last N of each partition, "
    "@MS, @2024-05-01T12:00, or @-15m.",
)
@click.option("-p", "--partition", "partitions", type=click.IntRange(0), multiple=True)
@click.option("-n", "--max-messages", type=click.IntRange(0), help="Stop after so many.")
@click.option("-f", "--follow", is_flag=True, help="Go on at the end, until Ctrl-C.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text: a message a line. json: an object a line, which `produce --format json` reads.",
)
@click.option("-K", "--key-separator", metavar="TEXT", help="text: KEY TEXT VALUE.")
@click.option("--headers", "has_headers", is_flag=True, help="text: NAME:VALUE,... TAB before it.")
@click.option("--null", "null_marker", metavar="TEXT", default="", help="text: shown for null.")
@click.option(
    "--isolation-level",
    type=click.Choice(["read_uncommitted", "read_committed"]),
    default="read_uncommitted",
    show_default=True,
)
@properties_options
@bootstrap_option
def consume(
    topic: str,
    start: str,
    partitions: Sequence[int],
    max_messages: int | None,
    follow: bool,
    form: str,
    key_separator: str | None,
    has_headers: bool,
    null_marker: str,
    isolation_level: str,
    words: Sequence[str],
    config_file: str | None,
    bootstrap: str,
) -> None:
    """Show the messages of TOPIC up to its end, or go on with --follow.

    All partitions are read, without a consumer group; nothing is committed.
    """
    position = parse_start(start, time.time_ns() // 1_000_000)
    settings = translate(client_properties(bootstrap, words, config_file))
    from raftkafka.cli.consuming import Reader
    from raftkafka.cli.librdkafka import make_consumer, wait_for_broker

    wait_for_broker(settings.librdkafka, 0.0)
    defaults = {
        "auto.offset.reset": "earliest",
        "isolation.level": isolation_level,
        "enable.partition.eof": "true",
    }
    if not follow:
        # An empty answer says that the end is reached: nothing is gained by waiting for it.
        defaults["fetch.wait.max.ms"] = str(END_WAIT_MS)
    consumer = make_consumer(settings, defaults)
    reader = Reader(consumer, topic=topic, partitions=partitions, start=position)
    _check_there(reader, topic, partitions)
    text = TextFormat(key_separator, has_headers, null_marker.encode())
    show = text.line if form == "text" else _json_line
    _show(reader, show, limit=max_messages, follow=follow)
    consumer.close()


class TextFormat:
    """A message as a line: headers and key if asked for, and the value."""

    def __init__(self, key_separator: str | None, has_headers: bool, null: bytes) -> None:
        self._key_separator = None if key_separator is None else key_separator.encode()
        self._has_headers = has_headers
        self._null = null

    def line(self, message: Message) -> bytes:
        """Return the line of a message, as ``produce`` with the same options reads it."""
        line = self._text(message.value()) + b"\n"
        if self._key_separator is not None:
            line = self._text(message.key()) + self._key_separator + line
        if self._has_headers:
            pairs = (
                name.encode() + b":" + self._text(value)
                for name, value in received_headers(message)
            )
            line = b",".join(pairs) + b"\t" + line
        return line

    def _text(self, content: bytes | None) -> bytes:
        return self._null if content is None else content


def _json_line(message: Message) -> bytes:
    return message_as_json(message).encode() + b"\n"


def _check_there(reader: Reader, topic: str, partitions: Sequence[int]) -> None:
    missing = sorted(set(partitions) - {partition for _, partition in reader.open()})
    if topic not in reader.topics:
        raise ClientError(
            f"topic {topic!r} does not exist", hint=f"create it: raftkafka topic create {topic}"
        )
    if missing:
        raise ClientError(f"topic {topic!r} has no partition {missing[0]}")


def _show(
    reader: Reader, show: Callable[[Message], bytes], *, limit: int | None, follow: bool
) -> None:
    count = 0
    output = sys.stdout.buffer
    for batch in reader.batches(until_end=not follow) if limit != 0 else ():
        shown = batch if limit is None else batch[: limit - count]
        output.writelines(map(show, shown))
        output.flush()
        count += len(shown)
        if count == limit:
            return

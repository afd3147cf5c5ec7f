"""``raftkafka produce``: send messages to a topic."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from raftkafka.cli.client_settings import Settings, producer_defaults, translate
from raftkafka.cli.connect import bootstrap_option, client_properties, properties_options
from raftkafka.cli.json_records import record_from_json
from raftkafka.cli.records import Headers, LineFormat, OutgoingRecord, read_lines
from raftkafka.cli.report import UsageError
from raftkafka.client.errors import ClientError

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


@click.command()
@click.argument("topic")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text: a message a line. json: what `consume --format json` writes, bit for bit.",
)
@click.option("-K", "--key-separator", metavar="TEXT", help="text: KEY TEXT VALUE.")
@click.option("--headers", "has_headers", is_flag=True, help="text: NAME:VALUE,... TAB before it.")
@click.option("--null", "null_marker", metavar="TEXT", help="text: what stands for null.")
@click.option("-k", "--key", help="The key of all messages that have none.")
@click.option("-H", "--header", "more_headers", multiple=True, metavar="NAME=VALUE")
@click.option("-p", "--partition", type=click.IntRange(0), help="Send all there.")
@click.option("--keep-partitions", is_flag=True, help="json: send each where it came from.")
@click.option("--acks", type=click.Choice(["0", "1", "all"]), help="[default: all]")
@click.option("--compression", type=click.Choice(COMPRESSIONS), help="[default: none]")
@click.option("--sync", "is_sync", is_flag=True, help="Wait for each before the next.")
@properties_options
@bootstrap_option
def produce(
    topic: str,
    file: Path | None,
    form: str,
    key_separator: str | None,
    has_headers: bool,
    null_marker: str | None,
    key: str | None,
    more_headers: Sequence[str],
    partition: int | None,
    keep_partitions: bool,
    acks: str | None,
    compression: str | None,
    is_sync: bool,
    words: Sequence[str],
    config_file: str | None,
    bootstrap: str,
) -> None:
    """Send the lines of FILE, or of standard input, to TOPIC.

    Keys go to partitions as Java's clients send them (murmur2).
    """
    line_format = LineFormat(
        parse_key=key_separator is not None,
        key_separator=(key_separator or "\t").encode(),
        parse_headers=has_headers,
        null_marker=None if null_marker is None else null_marker.encode(),
    )
    line_format.check()
    common = OutgoingRecord(
        None, None if key is None else key.encode(), _headers(more_headers), partition
    )
    properties = client_properties(bootstrap, words, config_file)
    properties |= {
        name: value
        for name, value in (("acks", acks), ("compression.type", compression))
        if value is not None
    }
    settings = translate(properties)
    settings.is_sync = settings.is_sync or is_sync
    with _open(file) as source:
        if form == "json":
            records = _json_records(source, keep_partitions)
        else:
            records = (line_format.parse(line, n) for n, line in enumerate(read_lines(source), 1))
        send_all(topic, settings, (_completed(record, common) for record in records))


def send_all(topic: str, settings: Settings, records: Iterator[OutgoingRecord]) -> None:
    """Send records and wait until they arrived.

    Raises:
        ClientError: no broker, or some did not arrive.
    """
    from raftkafka.cli.librdkafka import make_producer, wait_for_broker
    from raftkafka.cli.producing import Sender

    wait_for_broker(settings.librdkafka, 0.0)
    producer = make_producer(settings, producer_defaults(settings.librdkafka))
    sender = Sender(producer, topic, is_sync=settings.is_sync)
    try:
        for record in records:
            sender.send(record)
    finally:
        sender.finish()


def _open(file: Path | None) -> BinaryIO:
    if file is None:
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise ClientError(f"cannot read {file}: {error.strerror}") from error


def _json_records(source: BinaryIO, keep_partitions: bool) -> Iterator[OutgoingRecord]:
    for number, line in enumerate(read_lines(source), 1):
        if line.strip():
            yield record_from_json(line, number, keep_partition=keep_partitions)


def _completed(record: OutgoingRecord, common: OutgoingRecord) -> OutgoingRecord:
    """Add what holds for all messages."""
    if record.key is None:
        record.key = common.key
    record.headers += common.headers
    if record.partition is None:
        record.partition = common.partition
    return record


def _headers(words: Sequence[str]) -> Headers:
    headers: Headers = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{word!r} is no NAME=VALUE")
        headers.append((name, value.encode()))
    return headers

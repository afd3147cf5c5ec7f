"""kafka-console-producer: lines of standard input become messages.

Source: Kafka classes ``ConsoleProducer``, ``LineMessageReader``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from raftkafka.cli.client_settings import producer_defaults
from raftkafka.cli.property_file import key_values, read_properties
from raftkafka.cli.records import LineFormat, read_lines
from raftkafka.cli.shims.client_options import (
    add_client_properties,
    client_properties,
    client_settings,
)
from raftkafka.cli.shims.connect import PATIENCE_S, add_bootstrap
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.errors import ClientError

READER_KEYS = frozenset(
    {
        "headers.delimiter",
        "headers.key.separator",
        "headers.separator",
        "ignore.error",
        "key.separator",
        "null.marker",
        "parse.headers",
        "parse.key",
    }
)
PROPERTY_OF_OPTION = {
    "batch-size": "batch.size",
    "max-memory-bytes": "buffer.memory",
    "max-partition-memory-bytes": "batch.size",
    "message-send-max-retries": "retries",
    "metadata-expiry-ms": "metadata.max.age.ms",
    "request-required-acks": "acks",
    "request-timeout-ms": "request.timeout.ms",
    "retry-backoff-ms": "retry.backoff.ms",
    "socket-buffer-size": "send.buffer.bytes",
    "timeout": "linger.ms",
    "compression-codec": "compression.type",
}
WITHOUT_EFFECT = ("max-block-ms", "key-serializer", "value-serializer", "queue-size")
LINE_READERS = ("LineMessageReader",)
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def main() -> int:
    """Run kafka-console-producer."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().read(arguments)
    topic = options.must("topic", str)
    _check(options)
    reader = key_values(options.all("reader-property"))
    path = options.get("reader-config", str)
    reader = (read_properties(path) if path else {}) | reader
    line_format = LineFormat.of(reader)
    # What --property says beside the reader's keys was meant for the producer.
    more = {key: value for key, value in reader.items() if key not in READER_KEYS}
    properties = more | client_properties(options) | _from_options(options)
    _produce(topic, options, properties, line_format)
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-console-producer", "Send lines of standard input to a topic.")
    add_bootstrap(parser)
    parser.value("topic", "The topic.")
    add_client_properties(parser, "producer")
    parser.values(
        "reader-property",
        "key=value for the reader of lines: parse.key, key.separator, parse.headers, "
        "headers.delimiter, headers.separator, headers.key.separator, null.marker, ignore.error.",
        also=("--property",),
    )
    parser.value("reader-config", "A property file for the reader of lines.")
    parser.value("line-reader", "The class that reads lines: LineMessageReader.")
    parser.flag("sync", "Wait for each message's acknowledgement before the next.")
    parser.value(
        "compression-codec", f"One of {', '.join(CODECS)}; gzip if alone.", without_value="gzip"
    )
    parser.value("request-required-acks", "0, 1 or all.")
    for name in (
        "batch-size",
        "max-memory-bytes",
        "max-partition-memory-bytes",
        "message-send-max-retries",
        "metadata-expiry-ms",
        "request-timeout-ms",
        "retry-backoff-ms",
        "socket-buffer-size",
        "timeout",
        "max-block-ms",
    ):
        parser.value(name, f"The producer's {PROPERTY_OF_OPTION.get(name, 'max.block.ms')}.", int)
    for obsolete in WITHOUT_EFFECT[1:]:
        parser.value(obsolete, None)
    for obsolete in ("new-producer", "old-producer", "async"):
        parser.flag(obsolete, None)
    return parser


def _check(options: Options) -> None:
    reader = options.get("line-reader", str)
    if reader is not None and not reader.endswith(LINE_READERS):
        raise ClientError(
            f"--line-reader {reader}: Java classes cannot run here",
            hint="leave it out to read lines, or use `raftkafka produce --format json`",
        )
    codec = options.get("compression-codec", str)
    if codec is not None and codec not in CODECS:
        raise ClientError(f"no compression codec {codec!r}", hint=f"one of {', '.join(CODECS)}")


def _from_options(options: Options) -> dict[str, str]:
    given = {
        key: options.get(name, object)
        for name, key in PROPERTY_OF_OPTION.items()
        if name in options
    }
    return {key: str(value) for key, value in given.items()}


def _produce(
    topic: str, options: Options, properties: Mapping[str, str], line_format: LineFormat
) -> None:
    from raftkafka.cli.librdkafka import make_producer, wait_for_broker
    from raftkafka.cli.producing import Sender

    missing = 'Missing required argument "[bootstrap-server]"'
    settings = client_settings(options, properties, required=missing)
    settings.without_effect += [f"--{name}" for name in WITHOUT_EFFECT if name in options]
    wait_for_broker(settings.librdkafka, PATIENCE_S)
    defaults = {"client.id": "console-producer"} | producer_defaults(settings.librdkafka)
    sender = Sender(
        make_producer(settings, defaults), topic, is_sync=settings.is_sync or "sync" in options
    )
    try:
        for number, line in enumerate(_prompted_lines(), 1):
            sender.send(line_format.parse(line, number))
    finally:
        sender.finish()


def _prompted_lines() -> Iterator[bytes]:
    """Yield the lines of standard input, each after a prompt if a person types them."""
    lines = read_lines(sys.stdin.buffer)
    is_typed = sys.stdin.isatty() and sys.stdout.isatty()
    while True:
        if is_typed:
            print(">", end="", flush=True)
        line = next(lines, None)
        if line is None:
            return
        yield line

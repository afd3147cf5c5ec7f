"""kafka-console-consumer: messages on standard output.

Source: Kafka classes ``ConsoleConsumer``, ``ConsoleConsumerOptions``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from raftkafka.cli.positions import BEGINNING, END, Kind, Start
from raftkafka.cli.property_file import key_values, read_properties
from raftkafka.cli.report import one_line, say
from raftkafka.cli.shims.client_options import (
    add_client_properties,
    client_properties,
    client_settings,
)
from raftkafka.cli.shims.connect import PATIENCE_S, add_bootstrap
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.cli.shims.topic_filter import topic_filter
from raftkafka.client.errors import ClientError

if TYPE_CHECKING:
    from confluent_kafka import Message

    from raftkafka.cli.consuming import Reader
    from raftkafka.cli.shims.formatter import Formatter

FORMATTERS = ("DefaultMessageFormatter", "NoOpMessageFormatter")
ISOLATION_LEVELS = ("read_uncommitted", "read_committed")
OBSOLETE_FLAGS = ("new-consumer", "delete-consumer-offsets", "csv-reporter-enabled")


def main() -> int:
    """Run kafka-console-consumer."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().read(arguments)
    _check(options)
    formatting = _formatter_properties(options)
    properties = client_properties(options)
    reset = properties.get("auto.offset.reset")
    if "from-beginning" in options and reset not in (None, "earliest", "smallest"):
        raise ClientError(
            f"Can't simultaneously specify --from-beginning and 'auto.offset.reset={reset}', "
            "please remove one option"
        )
    _consume(options, properties, formatting)
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-console-consumer", "Print the messages of topics.")
    add_bootstrap(parser)
    parser.value("topic", "The topic.")
    parser.value("include", "A regular expression for topics.", also=("--whitelist",))
    parser.value("partition", "Only this partition; from its end without --offset.", int)
    parser.value("offset", "earliest, latest, or an offset; with --partition.")
    parser.flag("from-beginning", "Start at the first message there is, not behind the last.")
    parser.value("max-messages", "Stop after so many.", int)
    parser.value("timeout-ms", "Stop when no message came for so long.", int)
    parser.value("isolation-level", f"{' or '.join(ISOLATION_LEVELS)} (the first by default).")
    add_client_properties(parser, "consumer")
    parser.values(
        "formatter-property",
        "key=value for the formatter: print.timestamp, print.key, print.offset, print.partition, "
        "print.headers, print.epoch, print.value, key.separator, line.separator, "
        "headers.separator, null.literal, key.deserializer, value.deserializer.",
        also=("--property",),
    )
    parser.value("formatter-config", "A property file for the formatter.")
    parser.value("formatter", f"One of {', '.join(FORMATTERS)}.")
    parser.value("key-deserializer", "How keys are shown, as a Java class.")
    parser.value("value-deserializer", "How values are shown, as a Java class.")
    parser.flag("skip-message-on-error", "Go on behind a message that cannot be shown.")
    parser.value("group", "Not supported yet.")
    parser.flag("enable-systest-events", None)
    for obsolete in OBSOLETE_FLAGS:
        parser.flag(obsolete, None)
    return parser


def _check(options: Options) -> None:
    if ("topic" in options) == ("include" in options):
        options.fail("Exactly one of the following arguments is required: [topic], [include]")
    if "group" in options:
        raise ClientError(
            "--group: this broker has no consumer groups yet",
            hint="leave it out: every partition is read by assignment, and nothing is committed",
        )
    if "partition" in options and "topic" not in options:
        options.fail("The topic is required when partition is specified.")
    if "offset" in options:
        if "partition" not in options:
            options.fail("The partition is required when offset is specified.")
        if "from-beginning" in options:
            options.fail("Options from-beginning and offset cannot be specified together.")
    level = options.get("isolation-level", str)
    if level is not None and level not in ISOLATION_LEVELS:
        raise ClientError(f"no isolation level {level!r}", hint=" or ".join(ISOLATION_LEVELS))
    formatter = options.get("formatter", str)
    if formatter is not None and not formatter.endswith(FORMATTERS):
        raise ClientError(
            f"--formatter {formatter}: Java classes cannot run here",
            hint=f"one of {', '.join(FORMATTERS)}",
        )


def _start(options: Options) -> Start:
    offset = options.get("offset", str)
    if offset is None:
        return BEGINNING if "from-beginning" in options else END
    if offset.isdecimal():
        return Start(Kind.OFFSET, int(offset))
    named = {"earliest": BEGINNING, "latest": END}.get(offset.lower())
    if named is None:
        options.fail(
            f"The provided offset value '{offset}' is incorrect. "
            "Valid values are 'earliest', 'latest', or a non-negative long."
        )
    return named


def _formatter_properties(options: Options) -> dict[str, str]:
    path = options.get("formatter-config", str)
    properties = read_properties(path) if path else {}
    for name in ("key-deserializer", "value-deserializer"):
        given = options.get(name, str)
        if given:
            properties[name.replace("-", ".")] = given
    return properties | key_values(options.all("formatter-property"))


def _consume(options: Options, properties: dict[str, str], formatting: dict[str, str]) -> None:
    from raftkafka.cli.consuming import Reader
    from raftkafka.cli.librdkafka import make_consumer, wait_for_broker
    from raftkafka.cli.shims.formatter import Formatter

    start = _start(options)
    formatter = Formatter.of(formatting)
    missing = 'Missing required argument "[bootstrap-server]"'
    settings = client_settings(options, properties, required=missing)
    settings.without_effect += [f"--{name}" for name in OBSOLETE_FLAGS if name in options]
    wait_for_broker(settings.librdkafka, PATIENCE_S)
    reset = "earliest" if "from-beginning" in options else "latest"
    defaults = {
        "client.id": "console-consumer",
        "auto.offset.reset": reset,
        "isolation.level": options.get("isolation-level", str) or ISOLATION_LEVELS[0],
        # As Java: whoever waits for messages of a topic has it created.
        "allow.auto.create.topics": "true",
    }
    if start is END and settings.librdkafka.get("auto.offset.reset") == "earliest":
        start = BEGINNING
    partition = options.get("partition", int)
    include = options.get("include", str)
    reader = Reader(
        make_consumer(settings, defaults),
        topic=options.get("topic", str),
        matches=None if include is None else topic_filter(include),
        partitions=() if partition is None else (partition,),
        start=start,
    )
    timeout_ms = options.get("timeout-ms", int)
    limit = options.get("max-messages", int)
    _print_records(
        reader,
        None if _is_silent(options) else formatter,
        idle_ms=settings.timeout_ms if timeout_ms is None else timeout_ms,
        limit=None if limit is None or limit < 0 else limit,
        skips_errors="skip-message-on-error" in options,
    )
    if "enable-systest-events" in options:
        print("shutdown_complete")


def _is_silent(options: Options) -> bool:
    return (options.get("formatter", str) or "").endswith("NoOpMessageFormatter")


def _print_records(
    reader: Reader,
    formatter: Formatter | None,
    *,
    idle_ms: int | None,
    limit: int | None,
    skips_errors: bool,
) -> None:
    idle_s = None if idle_ms is None or idle_ms < 0 else idle_ms / 1000
    count = 0
    output = sys.stdout.buffer
    try:
        reader.open()
        for batch in () if limit == 0 else reader.batches(idle_s=idle_s):
            for message in batch if limit is None else batch[: limit - count]:
                count += 1
                if formatter is not None:
                    output.write(_formatted(message, formatter, skips_errors=skips_errors))
            output.flush()
            if count == limit:
                break
    finally:
        say(f"Processed a total of {count} messages")


def _formatted(message: Message, formatter: Formatter, *, skips_errors: bool) -> bytes:
    try:
        return formatter.format(message)
    except ClientError as error:
        if not skips_errors:
            raise
        say(one_line(error))
        return b""

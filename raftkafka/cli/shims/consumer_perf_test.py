"""kafka-consumer-perf-test: how fast messages are read. Source: ``ConsumerPerformance``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from raftkafka.cli.positions import BEGINNING, END
from raftkafka.cli.report import say
from raftkafka.cli.shims.client_options import (
    add_client_properties,
    client_properties,
    client_settings,
)
from raftkafka.cli.shims.connect import PATIENCE_S, add_bootstrap
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.cli.shims.topic_filter import topic_filter

if TYPE_CHECKING:
    from raftkafka.cli.consuming import Reader

MIB = 1024 * 1024
COLUMNS = (
    "data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, "
    "fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec"
)
JAVA_DATE_FORMAT = "yyyy-MM-dd HH:mm:ss:SSS"
JAVA_DATE_LETTERS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


def main() -> int:
    """Run kafka-consumer-perf-test."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    from raftkafka.cli.consuming import Reader
    from raftkafka.cli.librdkafka import make_consumer, wait_for_broker

    options = _parser().read(arguments)
    if ("topic" in options) == ("include" in options):
        options.fail("Exactly one of the following arguments is required: [topic], [include]")
    count = options.get("num-records", int)
    if count is None:
        options.fail("Missing required argument [num-records]")
    missing = 'Missing required argument "[bootstrap-server]"'
    settings = client_settings(options, client_properties(options), required=missing)
    wait_for_broker(settings.librdkafka, PATIENCE_S)
    defaults = {
        "client.id": "perf-consumer-client",
        "isolation.level": "read_uncommitted",
        "auto.offset.reset": "latest" if "from-latest" in options else "earliest",
        "max.partition.fetch.bytes": str(options.must("fetch-size", int)),
        "socket.receive.buffer.bytes": str(options.must("socket-buffer-size", int)),
    }
    include = options.get("include", str)
    consumer = make_consumer(settings, defaults)
    reader = Reader(
        consumer,
        topic=options.get("topic", str),
        matches=None if include is None else topic_filter(include),
        start=END if "from-latest" in options else BEGINNING,
    )
    _measure(reader, options, count)
    consumer.close()
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-consumer-perf-test", "Measure how fast messages are read.")
    add_bootstrap(parser)
    parser.value("topic", "The topic.")
    parser.value("include", "A regular expression for topics.")
    parser.value("num-records", "How many messages to read.", int, also=("--messages",))
    add_client_properties(parser, "consumer")
    parser.flag("from-latest", "Start behind the last message.")
    parser.flag("hide-header", "Leave out the names of the columns.")
    parser.flag("show-detailed-stats", "A line for every interval instead of one at the end.")
    parser.value("reporting-interval", "Ms between such lines.", int, default=5000)
    parser.value("timeout", "Ms without a message after which to stop.", int, default=10_000)
    parser.value("date-format", "As in Java's SimpleDateFormat.", default=JAVA_DATE_FORMAT)
    parser.value("fetch-size", "Bytes to fetch of a partition at most.", int, default=MIB)
    parser.value("socket-buffer-size", "Bytes.", int, default=2 * MIB)
    parser.value("group", None)
    for obsolete in ("print-metrics", "new-consumer"):
        parser.flag(obsolete, None)
    for obsolete in ("threads", "num-fetch-threads"):
        parser.value(obsolete, None)
    return parser


@dataclass(slots=True)
class Progress:
    """What was read by some moment (seconds since 1970)."""

    at: float
    messages: int = 0
    size: int = 0


def _measure(reader: Reader, options: Options, count: int) -> None:
    ignored = [
        n for n in ("group", "print-metrics", "threads", "num-fetch-threads") if n in options
    ]
    if ignored:
        say(f"hint: no effect here: {', '.join(f'--{name}' for name in ignored)}")
    detailed = "show-detailed-stats" in options
    if "hide-header" not in options:
        print(f"{'time, threadId' if detailed else 'start.time, end.time'}, {COLUMNS}")
    date_format = options.must("date-format", str)
    interval_s = options.must("reporting-interval", int) / 1000
    timeout_ms = options.must("timeout", int)
    started = time.time()
    reader.open()
    assigned = time.time()
    now = before = Progress(started)
    for batch in reader.batches(idle_s=timeout_ms / 1000) if count > 0 else ():
        read = batch[: count - now.messages]
        size = sum(len(each.value() or b"") + len(each.key() or b"") for each in read)
        now = Progress(time.time(), now.messages + len(read), now.size + size)
        if detailed and now.at - before.at >= interval_s:
            waited_s = assigned - started if before.messages == 0 else 0.0
            print(_interval_line(before, now, waited_s, date_format), flush=True)
            before = now
        if now.messages >= count:
            break
    if now.messages < count:
        print(
            "WARNING: Exiting before consuming the expected number of records: timeout "
            f"({timeout_ms} ms) exceeded. You can use the --timeout option to increase the timeout."
        )
    if not detailed:
        now = Progress(time.time(), now.messages, now.size)
        print(_total_line(Progress(started), now, assigned - started, date_format))


def _interval_line(before: Progress, now: Progress, waited_s: float, date_format: str) -> str:
    rates = _rates(before, now, waited_s)
    return f"{_date(now.at, date_format)}, 0, {now.size / MIB:.4f}, {rates.format(now.messages)}"


def _total_line(started: Progress, now: Progress, waited_s: float, date_format: str) -> str:
    rates = _rates(started, now, waited_s)
    dates = f"{_date(started.at, date_format)}, {_date(now.at, date_format)}"
    return f"{dates}, {now.size / MIB:.4f}, {rates.format(now.messages)}"


def _rates(before: Progress, now: Progress, waited_s: float) -> str:
    """Return the columns after the volume, with ``{}`` for the messages so far."""
    elapsed_s = max(now.at - before.at, 1e-3)
    fetching_s = max(elapsed_s - waited_s, 1e-3)
    mib = (now.size - before.size) / MIB
    messages = now.messages - before.messages
    return (
        f"{mib / elapsed_s:.4f}, {{}}, {messages / elapsed_s:.4f}, {round(waited_s * 1000)}, "
        f"{round(fetching_s * 1000)}, {mib / fetching_s:.4f}, {messages / fetching_s:.4f}"
    )


def _date(at: float, java_format: str) -> str:
    moment = datetime.fromtimestamp(at)
    text = java_format.replace("SSS", f"{moment.microsecond // 1000:03}")
    for letters, directive in JAVA_DATE_LETTERS.items():
        text = text.replace(letters, directive)
    return moment.strftime(text)

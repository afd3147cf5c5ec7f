"""kafka-producer-perf-test: how fast messages are acknowledged.

Source: Kafka class ``ProducerPerformance``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raftkafka.cli.client_settings import producer_defaults
from raftkafka.cli.property_file import key_values
from raftkafka.cli.report import FAILED, say
from raftkafka.cli.shims.client_options import client_properties, client_settings
from raftkafka.cli.shims.connect import PATIENCE_S, add_bootstrap
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.errors import ClientError

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

SAMPLES_MAX = 500_000
MIB = 1024 * 1024
PACE_EVERY_S = 0.001
LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def main() -> int:
    """Run kafka-producer-perf-test."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    from raftkafka.cli.librdkafka import make_producer, wait_for_broker

    options = _parser().read(arguments)
    topic = options.must("topic", str)
    count = options.must("num-records", int)
    throughput = options.must("throughput", float)
    _check(options, count)
    payloads = _payloads(options)
    warmup = options.must("warmup-records", int)
    if warmup >= count:
        options.fail("The number of warmup records must be less than the number of records.")
    properties = client_properties(options) | key_values(options.all("producer-props"))
    missing = "At least one of --bootstrap-server, --command-property or --command-config is needed"
    settings = client_settings(options, properties, required=missing)
    wait_for_broker(settings.librdkafka, PATIENCE_S)
    defaults = producer_defaults(settings.librdkafka)
    # librdkafka takes half a second for its producer id, which is not what is measured.
    defaults |= {"client.id": "perf-producer-client", "enable.idempotence": "false"}
    producer = make_producer(settings, defaults)
    if warmup:
        print(
            f"Warmup first {warmup} records. "
            "Steady state results will print after the complete test summary."
        )
    run = Run(count, warmup, options.must("reporting-interval", int) / 1000)
    run.produce(producer, topic, payloads, throughput)
    print(run.all.total_line("records sent"))
    if warmup:
        print(run.steady.total_line("steady state records sent"))
    return FAILED if run.failed else 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-producer-perf-test", "Measure how fast messages are acknowledged.")
    add_bootstrap(parser)
    parser.value("topic", "The topic.")
    parser.value("num-records", "How many messages.", int)
    parser.value("record-size", "Their size in bytes.", int)
    parser.value("payload-file", "A file of messages to draw from.")
    parser.value("payload-delimiter", "What parts them.  [default: a line end]", default="\\n")
    parser.flag("payload-monotonic", "The messages are 0, 1, 2, ...")
    parser.value("throughput", "Messages per second at most; -1 for no limit.", float)
    parser.values("producer-props", "key=value for the producer; several.", many=True)
    parser.values("command-property", "The new name of --producer-props.", many=True)
    parser.value("command-config", "A property file.", also=("--producer.config",))
    parser.value("reporting-interval", "Ms between lines.", int, default=5000)
    parser.value("warmup-records", "How many count as warm-up.", int, default=0)
    parser.flag("print-metrics", None)
    parser.value("transactional-id", None)
    parser.value("transaction-duration-ms", None, int)
    return parser


def _check(options: Options, count: int) -> None:
    for name in ("transactional-id", "transaction-duration-ms"):
        if name in options:
            raise ClientError(f"--{name}: this broker has no transactions yet")
    if "print-metrics" in options:
        say("hint: no effect here: --print-metrics")
    if count <= 0:
        options.fail("--num-records should be greater than zero")
    size = options.get("record-size", int)
    if size is not None and size <= 0:
        options.fail("--record-size should be greater than zero")
    ways = [n for n in ("record-size", "payload-file", "payload-monotonic") if n in options]
    if len(ways) != 1:
        options.fail("provide exactly one of --record-size, --payload-file or --payload-monotonic")


def _payloads(options: Options) -> Iterator[bytes]:
    if "payload-monotonic" in options:
        return (b"%d" % number for number in _forever())
    path = options.get("payload-file", str)
    draw = random.Random(0)
    if path is None:
        letters = draw.choices(LETTERS, k=options.must("record-size", int))
        payload = bytes(letters)
        return (payload for _ in _forever())
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ClientError(f"cannot read {path}: {error.strerror}") from error
    delimiter = options.must("payload-delimiter", str).replace("\\n", "\n").encode()
    parts = [part for part in content.split(delimiter) if part]
    if not parts:
        raise ClientError(f"File does not exist or empty file provided: {path}")
    return (draw.choice(parts) for _ in _forever())


def _forever() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


class Run:
    """One measurement: all records, the current window, and those after the warm-up."""

    def __init__(self, count: int, warmup: int, report_every_s: float) -> None:
        self._count = count
        self._warmup = warmup
        self._report_every_s = report_every_s
        self._acknowledged = 0
        self.failed = 0
        self.all = Stats()
        self.steady = Stats()
        self._window = Stats()

    def produce(
        self, producer: Producer, topic: str, payloads: Iterator[bytes], throughput: float
    ) -> None:
        """Send all records, at most ``throughput`` a second, and wait for the last."""
        started = time.monotonic()
        for number in range(self._count):
            payload = next(payloads)
            self._send(producer, topic, payload)
            producer.poll(0)
            if throughput > 0:
                self._pace(producer, started + number / throughput)
        while producer.flush(PACE_EVERY_S * 200):
            self._report()

    def _send(self, producer: Producer, topic: str, payload: bytes) -> None:
        sent = time.monotonic()
        size = len(payload)

        def acknowledged(error: KafkaError | None, message: Message) -> None:
            self._on_acknowledged(error, time.monotonic() - sent, size)

        while True:
            try:
                producer.produce(topic, payload, on_delivery=acknowledged)
            except BufferError:
                producer.poll(PACE_EVERY_S * 100)
                continue
            return

    def _pace(self, producer: Producer, due: float) -> None:
        while (wait := due - time.monotonic()) > 0:
            producer.poll(max(min(wait, PACE_EVERY_S * 100), PACE_EVERY_S))
            self._report()

    def _on_acknowledged(self, error: KafkaError | None, latency_s: float, size: int) -> None:
        if error is not None:
            if not self.failed:
                say(f"error: {error.str()}")
            self.failed += 1
            return
        self._acknowledged += 1
        latency_ms = round(latency_s * 1000)
        if self._warmup and self._acknowledged == self._warmup + 1:
            print("In steady state.")
            self.steady = Stats()
        if self._acknowledged > self._warmup:
            self.steady.add(latency_ms, size)
        self.all.add(latency_ms, size)
        self._window.add(latency_ms, size)
        self._report()

    def _report(self) -> None:
        if self._window.elapsed_s >= self._report_every_s:
            if self._window.latencies_ms:
                print(self._window.window_line(), flush=True)
            self._window = Stats()


class Stats:
    """Latencies in whole ms and sizes of some records, from the moment that it is made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.latencies_ms: list[int] = []
        self._bytes = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._started

    def add(self, latency_ms: int, size: int) -> None:
        """Count one record."""
        self.latencies_ms.append(latency_ms)
        self._bytes += size

    def window_line(self) -> str:
        """Return what is printed every now and then."""
        return (
            f"{len(self.latencies_ms)} records sent, {self._per_second:.1f} records/sec "
            f"({self._mib_per_second:.2f} MB/sec), {self._average:.1f} ms avg latency, "
            f"{float(max(self.latencies_ms)):.1f} ms max latency."
        )

    def total_line(self, what: str) -> str:
        """Return what is printed at the end."""
        ordered = sorted(self.latencies_ms)
        ranks = [(0.5, "50th"), (0.95, "95th"), (0.99, "99th"), (0.999, "99.9th")]
        percentiles = ", ".join(
            f"{ordered[int(rank * len(ordered))] if ordered else 0} ms {name}"
            for rank, name in ranks
        )
        return (
            f"{len(ordered)} {what}, {self._per_second:.6f} records/sec "
            f"({self._mib_per_second:.2f} MB/sec), {self._average:.2f} ms avg latency, "
            f"{float(max(ordered, default=0)):.2f} ms max latency, {percentiles}."
        )

    @property
    def _average(self) -> float:
        return sum(self.latencies_ms) / max(len(self.latencies_ms), 1)

    @property
    def _per_second(self) -> float:
        return len(self.latencies_ms) / max(self.elapsed_s, 1e-9)

    @property
    def _mib_per_second(self) -> float:
        return self._bytes / MIB / max(self.elapsed_s, 1e-9)

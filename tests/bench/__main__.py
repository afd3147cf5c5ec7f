"""ops/bench: start our broker, measure every row, print a table.

With ``--against``, each row is measured on ours and on a peer in turn, and the ratios are printed:
only they say something on a machine that others use too. It never fails on a time; the exit code
is 1 if a row could not be measured at all.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from tests.bench import (
    client_rows,
    latency_rows,
    machine,
    process_rows,
    quorum_rows,
    retained_rows,
    topic_rows,
    wire_rows,
)
from tests.bench.generators import GeneratorFailed, Generators
from tests.bench.measure import Outcome, measure, say, select
from tests.bench.report import print_table, write_json
from tests.bench.rows import Bench, Row
from tests.bench.targets import KafkaAtItsDefaults, Target, started
from tests.support.broker import JAVA_LIBS, Server
from tests.support.wire import LOOPBACK

ROWS: tuple[Row, ...] = (
    *process_rows.ROWS,
    *client_rows.ROWS,
    *wire_rows.ROWS,
    *latency_rows.ROWS,
    *topic_rows.ROWS,
    *quorum_rows.ROWS,
    *retained_rows.ROWS,
    *process_rows.LAST,
)
KAFKA = "kafka"
SECONDS, QUICK_SECONDS = 4.0, 1.5
TOUCH_S, QUICK_TOUCH_S = 30.0, 5.0
"""How long memory is touched at first."""
WARM_UP_ROWS = "wire|one record|producer, 200 B$|consumer, 200 B$|10,000/s, linger 5"
"""Together with their preparations the half minute that a JVM needs."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="ops/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs, for a first look")
    parser.add_argument("--long", action="store_true", help="also full disks and ten minutes' load")
    parser.add_argument("--rows", metavar="PATTERN", help="only rows whose name it is found in")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and end")
    parser.add_argument(
        "--against",
        metavar="HOST:PORT",
        help=f"a broker on this machine to compare with; {KAFKA!r}: start Apache Kafka for it, "
        "from the jars that `ops/test --all` fetches",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there")
    parser.add_argument("--dir", type=Path, help="for data; default: the system's temporary folder")
    parser.add_argument("--partitions", type=int, default=4, help="of the topics under load")
    parser.add_argument("--seconds", type=float, help=f"of one run; default {SECONDS:g}")
    parser.add_argument("--pairs", type=int, default=3, help="how often each row is measured")
    parser.add_argument("--no-warm-up", action="store_true", help="the first figures will be worse")
    parser.add_argument(
        "--override", action="append", default=[], metavar="KEY=VALUE", help="for our broker"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run and return the exit code."""
    options = parse(arguments)
    rows = select(ROWS, options.rows, with_long=options.long or options.list)
    if options.list:
        print("\n".join(row.name + (" (--long)" if row.is_long else "") for row in rows))
        return 0
    signal.signal(signal.SIGTERM, end_by_signal)
    outcome = Outcome()
    try:
        with ExitStack() as stack:
            run(options, rows, outcome, stack)
    except (GeneratorFailed, LookupError, RuntimeError, ValueError) as error:
        say(f"ops/bench: {error}")
        return 1
    except KeyboardInterrupt:
        say("ops/bench: interrupted")
    print_table(outcome, with_peer=options.against is not None)
    return 1 if outcome.failures else 0


def run(options: argparse.Namespace, rows: list[Row], outcome: Outcome, stack: ExitStack) -> None:
    """Bring everything up and measure; ``stack`` takes it down."""
    folder = Path(
        stack.enter_context(tempfile.TemporaryDirectory(dir=options.dir, prefix="bench-"))
    )
    generators = Generators(folder)
    if not options.no_warm_up:
        seconds_max = QUICK_TOUCH_S if options.quick else TOUCH_S
        machine.warm_page_cache(folder, machine.spare_bytes(folder), seconds_max)
    overrides = dict(pair.split("=", 1) for pair in options.override)
    ours = stack.enter_context(started("ours", Server, folder, overrides))
    targets = [ours]
    if options.against:
        targets.append(find_peer(options.against, folder, stack))
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    bench = Bench(ours, generators, folder, seconds, options.partitions, options.quick)
    if not options.no_warm_up:
        warm_up(bench, targets)
    for row in rows:
        measure(row, bench, targets, options.pairs, outcome)
        if options.json:
            told = {key: str(value) for key, value in vars(options).items()}
            write_json(options.json, outcome, dict(told))


def find_peer(name: str, folder: Path, stack: ExitStack) -> Target:
    """Return the peer: started here, or there already.

    Raises:
        ValueError: it is not on this machine.
        RuntimeError: Kafka's jars are not here.
        LookupError: nobody listens there.
    """
    if name == KAFKA:
        if not JAVA_LIBS.is_dir():
            raise RuntimeError("Apache Kafka's jars are missing; `ops/test --all` fetches them")
        return stack.enter_context(started(KAFKA, KafkaAtItsDefaults, folder))
    host, _, port = name.rpartition(":")
    if host not in (LOOPBACK, "localhost"):
        raise ValueError(f"the peer must be on {LOOPBACK}, for its memory and processor time")
    return Target(name, int(port), folder)


def warm_up(bench: Bench, targets: list[Target]) -> None:
    """Run the main rows on each target once, without looking at the figures."""
    rows = select(ROWS, WARM_UP_ROWS, with_long=False)
    for target in targets:
        say(f"Warming up: {target.name}")
        for row in rows:
            with suppress(
                GeneratorFailed
            ):  # it will fail again, and be told of, when it is measured
                row.run(replace(bench, target=target))
        target.loop_held_ms()


def end_by_signal(_signal: int, _frame: FrameType | None) -> None:
    """End in order: what was started is stopped, and what was measured is printed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``raftkafka dev``: a whole cluster on this machine, in the foreground, with one command."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING

import click

from raftkafka.cli.report import UsageError, say
from raftkafka.cli.start import hidden, own_data_folder
from raftkafka.errors import AddressInUse, DataFolderInUse, ForeignDataFolder

if TYPE_CHECKING:
    from raftkafka.config import BrokerConfig, LoadedConfig

HOST = "127.0.0.1"
CLIENT_PORT = 9092
CLUSTER_PORT_DISTANCE = 1000
PRELOADED = (
    "raftkafka.cli.serve",
    "metadata.clock_check_driver",
    "metadata.cluster.secret",
    "metadata.cluster.tls_driver",
    "metadata.failure_detector_driver",
    "metadata.forwarding_driver",
    "metadata.upkeep_driver",
)
ADVICE = {
    ForeignDataFolder.exit_code: "give --brokers as before, or another folder by --data",
    DataFolderInUse.exit_code: "here, another folder by --data",
    AddressInUse.exit_code: "give other ports by --port",
}
"""In place of what to change in a file that nobody wrote, by exit code."""
BROKERS_MAX = 100
VOTERS_MAX = 5


@dataclass(frozen=True, slots=True)
class Child:
    """One broker process."""

    node_id: int
    port: int
    pid: int
    lines: IO[str]
    """What it prints: a line once it serves, or nothing if it ends before."""
    log: Path


@click.command()
@click.option(
    "--brokers", default=3, type=click.IntRange(1, BROKERS_MAX), show_default=True, metavar="N"
)
@click.option(
    "--port",
    default=CLIENT_PORT,
    type=click.IntRange(1, 65_535 - CLUSTER_PORT_DISTANCE - BROKERS_MAX),
    show_default=True,
    help=f"Of the first broker; the others follow. They talk to each other at "
    f"{CLUSTER_PORT_DISTANCE} above.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False),
    help="Where they keep their data and logs. Without it: a folder of yours.",
)
@click.option("--override", "overrides", multiple=True, metavar="KEY=VALUE", help="For each.")
def dev(brokers: int, port: int, data: str | None, overrides: Sequence[str]) -> int:
    """Run a cluster on this machine, for clients on this machine; Ctrl-C stops it cleanly."""
    from raftkafka.cli.config_words import parse_pairs

    if brokers == 2:
        raise UsageError("two brokers cannot outvote a failure", hint="run 1, or 3 and more")
    started = time.monotonic()
    folder = Path(data) if data else own_data_folder() / f"dev-{brokers}"
    keys = parse_pairs(overrides)
    for own in ("node.id", "listeners", "log.dirs", "controller.quorum.voters"):
        if own in keys:
            raise UsageError(f"{own} differs from broker to broker", hint="see --port and --data")
    loaded = [_config(node_id, brokers, port, folder, keys) for node_id in range(1, brokers + 1)]
    for hint in dict.fromkeys(hint for each in loaded for hint in each.hints):
        say(f"hint: {hint}")
    configs = [each.config for each in loaded]
    with hidden("rich"):
        for module in PRELOADED:  # once, for all that are forked
            import_module(module)
    gc.collect()
    gc.freeze()
    lifelines: list[int] = []
    children = [_fork(config, folder, lifelines) for config in configs]
    return _Supervisor(children).run(started)


def voters_of(brokers: int) -> int:
    """Return how many of so many brokers vote: the largest odd number, at most five."""
    return min(VOTERS_MAX, brokers - 1 + brokers % 2)


def _config(
    node_id: int, brokers: int, port: int, folder: Path, overrides: dict[str, str]
) -> LoadedConfig:
    from raftkafka.config import load

    voters = range(1, voters_of(brokers) + 1)
    clients = port + node_id - 1
    keys = {
        "node.id": str(node_id),
        "log.dirs": str(folder / f"broker-{node_id}"),
        "listeners": f"PLAINTEXT://{HOST}:{clients}",
        "advertised.listeners": f"PLAINTEXT://localhost:{clients}",
        "default.replication.factor": str(min(3, brokers)),
    }
    if brokers > 1:
        addresses = (f"{it}@{HOST}:{port + CLUSTER_PORT_DISTANCE + it - 1}" for it in voters)
        keys["controller.quorum.voters"] = ",".join(addresses)
    return load(None, {**keys, **overrides})


def _fork(config: BrokerConfig, folder: Path, lifelines: list[int]) -> Child:
    """Start a broker in a process that has all modules already.

    It stops when this process is gone: then nobody holds the other end of its lifeline.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"broker-{config.node_id}.log"
    lines, ready = os.pipe()
    lifeline, held = os.pipe()
    lifelines.append(held)
    pid = os.fork()
    if pid == 0:
        for other in lifelines:
            os.close(other)
        os._exit(_run_child(config, log, ready, lifeline))
    os.close(ready)
    os.close(lifeline)
    return Child(config.node_id, config.listeners[0].port, pid, os.fdopen(lines), log)


def _run_child(config: BrokerConfig, log: Path, ready: int, lifeline: int) -> int:
    from raftkafka.cli.serve import run
    from raftkafka.errors import FatalError

    os.dup2(ready, 1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
    try:
        return run(config, hints=[], ready_line=True, lifeline=lifeline)
    except FatalError as error:
        say(f"raftkafka: {error}")
        return error.exit_code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


class _Supervisor:
    """Waits for the brokers to serve, then for them to end."""

    def __init__(self, children: list[Child]) -> None:
        self._children = children
        self._running = {child.pid for child in children}
        self._stopping = False

    def run(self, started: float) -> int:
        """Return the exit code of the command."""
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, self._on_signal)
        for child in self._children:
            if not child.lines.readline():
                return self._failed(child)
            print(f"broker {child.node_id} serves clients at localhost:{child.port}", flush=True)
        if not self._stopping:
            self._tell_ready(time.monotonic() - started)
        return self._wait()

    def _tell_ready(self, seconds: float) -> None:
        from raftkafka.cli.serve import command_name

        first = self._children[0]
        print(
            f"ready in {seconds:.1f} s (data and logs in {first.log.parent}); next, in another "
            f"terminal: {command_name()} topic create first --bootstrap-server "
            f"localhost:{first.port}",
            flush=True,
        )

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)

    def _failed(self, child: Child) -> int:
        """A broker ended before it served: the others end too."""
        was_asked = self._stopping
        code = self._end_of(child)
        self._stop()
        worst = self._wait()
        if was_asked and code == 0:
            return worst
        last = child.log.read_text(errors="replace").strip().rpartition("\n")[2]
        why = last.removeprefix("raftkafka: ") or f"exit code {code}"
        if code in ADVICE:
            why = f"{why.partition(';')[0]}; {ADVICE[code]}"
        say(f"broker {child.node_id}: {why}")
        return code or 1

    def _wait(self) -> int:
        """Return the first exit code that is none of a clean stop, once all have ended."""
        worst = 0
        by_pid = {child.pid: child for child in self._children}
        while self._running:
            pid, status = os.wait()
            self._running.discard(pid)
            code = os.waitstatus_to_exitcode(status)
            worst = worst or code
            if not self._stopping:
                child = by_pid[pid]
                how = f"was killed (signal {-code})" if code < 0 else f"ended with code {code}"
                say(f"broker {child.node_id} {how}; the others go on. Its log: {child.log}")
        return abs(worst)

    def _end_of(self, child: Child) -> int:
        _, status = os.waitpid(child.pid, 0)
        self._running.discard(child.pid)
        return os.waitstatus_to_exitcode(status)

"""The broker as a process: logs, signals, run file, and the exit code at its end."""

from __future__ import annotations

import gc
import os
import random
import resource
import signal
import socket
import sys
import time
from functools import partial

import structlog
import trio

from raftkafka.broker import Broker
from raftkafka.cli import run_file
from raftkafka.config import BrokerConfig
from raftkafka.disk_driver import OsDisk
from raftkafka.environment import Environment
from raftkafka.errors import FatalError
from raftkafka.server.listening import fastest_server
from raftkafka.types import address_text

COLLECTION_THRESHOLDS = (20_000, 50, 1_000)


def run(
    config: BrokerConfig, *, hints: list[str], ready_line: bool, lifeline: int | None = None
) -> int:
    """Run a broker until it is told to stop, and return the exit code.

    Args:
        config: what to run.
        hints: lines for its owner, printed first.
        ready_line: whether to print where it listens once it does, and what to type next.
        lifeline: the end of a pipe; when nobody holds the other end any more, it stops.
    """
    configure_logs()
    raise_descriptor_limit()
    for hint in hints:
        print(f"hint: {hint}", file=sys.stderr)
    broker = Broker(config, system_environment())
    try:
        trio.run(partial(_run_until_signal, broker, ready_line=ready_line, lifeline=lifeline))
    except BaseExceptionGroup as group:
        fatal = first_fatal(group)
        if fatal is None:
            raise
        print(f"raftkafka: {fatal}", file=sys.stderr)
        return fatal.exit_code
    return 0


def system_environment() -> Environment:
    """Return the real world."""
    return Environment(
        disk=OsDisk(),
        make_server=fastest_server,
        wall_ms=lambda: time.time_ns() // 1_000_000,
        random=random.SystemRandom(),
        host_name=socket.getfqdn,
    )


async def _run_until_signal(broker: Broker, *, ready_line: bool, lifeline: int | None) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, broker)
        if lifeline is not None:
            nursery.start_soon(_stop_without, lifeline, broker)
        if await nursery.start(broker.run):
            await _serve(broker, ready_line=ready_line)
        nursery.cancel_scope.cancel()


async def _serve(broker: Broker, *, ready_line: bool) -> None:
    """Tell where it listens, for as long as it does."""
    path = run_file.write(
        node_id=broker.config.node_id,
        listeners=[str(endpoint) for endpoint in broker.advertised],
        home=broker.config.log_dirs[0],
    )
    spare_the_loop_from_collections()
    try:
        if ready_line:
            print(ready_text(broker), flush=True)
        await broker.stopped()
    finally:
        run_file.remove(path)


async def _stop_on_signal(broker: Broker) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            broker.stop()


async def _stop_without(lifeline: int, broker: Broker) -> None:
    await trio.lowlevel.wait_readable(lifeline)  # nothing is ever written: this is its end
    broker.stop()


def ready_text(broker: Broker) -> str:
    """Return one line: where it listens, where its data is, and what to type next."""
    if not broker.advertised:
        return f"raftkafka is controller {broker.config.node_id} of its cluster; it has no clients"
    endpoint = broker.advertised[0]
    address = address_text(endpoint.host, endpoint.port)
    return (
        f"raftkafka serves Kafka clients at {address} (data in "
        f"{broker.config.log_dirs[0]}); next, in another terminal: "
        f"{command_name()} topic create first --bootstrap-server {address}"
    )


def command_name() -> str:
    """Return what a shell finds this program by: its name, or its path in this environment."""
    for folder in os.get_exec_path():
        if os.access(os.path.join(folder, "raftkafka"), os.X_OK):
            return "raftkafka"
    path = os.path.join(os.path.dirname(sys.executable), "raftkafka")
    here = os.getcwd() + os.sep
    return path.removeprefix(here)


def first_fatal(group: BaseExceptionGroup[BaseException]) -> FatalError | None:
    """Return the error in a group that the user can do something about."""
    fatal = group.subgroup(FatalError)
    while fatal is not None:
        first = fatal.exceptions[0]
        if isinstance(first, FatalError):
            return first
        fatal = first
    return None


def raise_descriptor_limit() -> None:
    """Take as many descriptors as the system lets this process have: every active log needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def spare_the_loop_from_collections() -> None:
    """Keep the garbage collector from walking all metadata and logs in the middle of a turn.

    What there is after the start stays; what comes later is freed by reference counts, and cycles
    among it by collections of the young.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)


def configure_logs() -> None:
    """Write events to stderr, but for debug ones: as JSON lines, or readable ones on a terminal."""
    renderers: list[structlog.typing.Processor]
    if sys.stderr.isatty():
        renderers = [structlog.dev.ConsoleRenderer()]
    else:
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )

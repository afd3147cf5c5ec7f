"""The broker as a process: logs, signals, run file, and the exit code at its end."""

from __future__ import annotations

import random
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


def run(config: BrokerConfig, *, hints: list[str], ready_line: bool) -> int:
    """Run a broker until it is told to stop, and return the exit code.

    Args:
        config: what to run.
        hints: lines for its owner, printed first.
        ready_line: whether to print where it listens once it does, and what to type next.
    """
    configure_logs()
    for hint in hints:
        print(f"hint: {hint}", file=sys.stderr)
    broker = Broker(config, system_environment())
    try:
        trio.run(partial(_run_until_signal, broker, ready_line=ready_line))
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


async def _run_until_signal(broker: Broker, *, ready_line: bool) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, broker)
        await nursery.start(broker.run)
        listeners = [str(endpoint) for endpoint in broker.advertised]
        path = run_file.write(
            node_id=broker.config.node_id,
            listeners=listeners,
            home=broker.config.log_dirs[0],
        )
        try:
            if ready_line:
                print(ready_text(broker), flush=True)
            await broker.stopped()
        finally:
            run_file.remove(path)
        nursery.cancel_scope.cancel()


async def _stop_on_signal(broker: Broker) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            broker.stop()


def ready_text(broker: Broker) -> str:
    """Return one line: where it listens, where its data is, and what to type next."""
    endpoint = broker.advertised[0]
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return (
        f"raftkafka serves Kafka clients at {host}:{endpoint.port} (data in "
        f"{broker.config.log_dirs[0]}); next, in another terminal: "
        f"raftkafka topic create first --bootstrap-server {host}:{endpoint.port}"
    )


def first_fatal(group: BaseExceptionGroup[BaseException]) -> FatalError | None:
    """Return the error in a group that the user can do something about."""
    fatal = group.subgroup(FatalError)
    while fatal is not None:
        first = fatal.exceptions[0]
        if isinstance(first, FatalError):
            return first
        fatal = first
    return None


def configure_logs() -> None:
    """Write events to stderr: as JSON lines, or readable ones on a terminal."""
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )

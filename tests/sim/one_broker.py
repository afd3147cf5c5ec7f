"""One whole broker on virtual time, an in-memory disk and an in-memory network."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import structlog
import trio
import trio._core._run as trio_run
from trio.testing import MockClock

from raftkafka.broker import Broker
from raftkafka.config import BrokerConfig, load
from raftkafka.environment import Environment
from tests.sim.memory_disk import MemoryDisk
from tests.sim.memory_network import MemoryNetwork
from tests.sim.wire_client import WireClient

T = TypeVar("T")
EPOCH_MS = 1_700_000_000_000
START_DEADLINE_S = 60.0


def sim_config(**overrides: str) -> BrokerConfig:
    """Return the configuration of the simulated broker; ``__`` in a name stands for a dot."""
    keys = {name.replace("__", "."): value for name, value in overrides.items()}
    return load(
        None,
        {"log.dirs": "/data", "listeners": "PLAINTEXT://sim:9092", "node.id": "1", **keys},
    ).config


class World:
    """What outlives the broker's process: the disk, the entropy, the trace of all that happened."""

    def __init__(self, seed: int, config: BrokerConfig | None = None) -> None:
        self.random = random.Random(seed)
        self.disk = MemoryDisk(self.random)
        self.config = config or sim_config()
        self.trace: list[object] = []
        self.network = MemoryNetwork()

    def note(self, *what: object) -> None:
        """Add to the trace, with the virtual time."""
        self.trace.append((round(trio.current_time(), 9), *what))

    @asynccontextmanager
    async def broker(self, *, dies: bool = False) -> AsyncGenerator[Broker]:
        """Run a broker for the length of the block; it is stopped then, or just ceases to be."""
        self.network = MemoryNetwork()
        environment = Environment(
            disk=self.disk,
            make_server=self.network.make_server,
            wall_ms=lambda: EPOCH_MS + int(trio.current_time() * 1000),
            random=self.random,
            host_name=lambda: "sim",
        )
        broker = Broker(self.config, environment)
        async with trio.open_nursery() as nursery:
            with trio.fail_after(START_DEADLINE_S):
                await nursery.start(broker.run)
            self.note("serving")
            yield broker
            if dies:
                nursery.cancel_scope.cancel()
            else:
                broker.stop()
        self.note("killed" if dies else "stopped")

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[WireClient]:
        """Return a connection of a client."""
        stream = await self.network.connect()
        try:
            yield WireClient(stream)
        finally:
            await trio.aclose_forcefully(stream)

    def after_kill(self) -> None:
        """The next process finds what the page cache holds."""
        self.disk = self.disk.after_kill()

    def after_power_loss(self) -> None:
        """The next process finds what was durable, and a torn part of the rest."""
        self.disk = self.disk.after_power_loss()


def run_simulated(
    seed: int, main: Callable[[World], Awaitable[None]], config: BrokerConfig
) -> World:
    """Run ``main(world)`` on virtual time; the same seed gives the same trace."""
    world = World(seed, config)

    def note_event(
        logger: object, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        world.note("event", method, dict(event))
        raise structlog.DropEvent

    configured = structlog.get_config()
    structlog.configure(processors=[note_event], cache_logger_on_first_use=False)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
            patch.setattr(trio_run, "_r", random.Random(seed))
            trio.run(main, world, clock=MockClock(autojump_threshold=0))
    finally:
        structlog.configure(**configured)
    return world

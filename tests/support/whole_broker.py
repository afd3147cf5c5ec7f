"""One whole broker in this process, over either network driver or the network in memory.

Whatever a test did, at its end no request may be left waiting and no connection open
(``assert_nothing_waits``): every request gets exactly one answer, or its connection closes.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio
from trio.testing import MockClock

from raftkafka.broker import Broker
from raftkafka.config import load
from raftkafka.environment import Environment
from raftkafka.server.listening import MakeServer, ReactorServer, TcpStreamServer
from replication.leader import PartitionLeader
from tests.sim.memory_network import MemoryNetwork
from tests.sim.wire_client import WireClient
from tests.support.gated_disks import GatedDisk, GatedMemoryDisk, GatedOsDisk

LISTENER = "PLAINTEXT"
DEADLINE_S = 20.0
EPOCH_MS = 1_700_000_000_000

Connect = Callable[[str], Awaitable[trio.abc.Stream]]


async def connect_loopback(broker: Broker, listener: str) -> trio.SocketStream:
    """Return a connection to one of the broker's listeners, where it said that it listens."""
    (endpoint,) = (e for e in broker.advertised if e.name == listener)
    return await trio.open_tcp_stream(endpoint.host, endpoint.port)


@dataclass(eq=False)
class Whole:
    """A running broker and its clients, which are closed with it."""

    broker: Broker
    disk: GatedDisk
    _connect: Connect
    _clients: list[WireClient] = field(default_factory=list[WireClient])

    async def stream(self, listener: str = LISTENER) -> trio.abc.Stream:
        """Return a connection that the test closes itself."""
        return await self._connect(listener)

    async def client(self, listener: str = LISTENER) -> WireClient:
        """Return a new connection of a client."""
        client = WireClient(await self._connect(listener))
        self._clients.append(client)
        return client

    def leader(self, topic: str = "t", partition: int = 0) -> PartitionLeader:
        """Return the leader of a partition."""
        return self.broker.replicas.leader(topic, partition)

    @property
    def connections(self) -> int:
        """How many clients the broker has."""
        return self.broker.service.connections

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the broker has come so far."""
        with trio.move_on_after(DEADLINE_S):
            while True:
                if condition():
                    return
                await trio.sleep(0.001)
        raise AssertionError(f"still not: {what}")

    async def close_clients(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()
        self._clients.clear()

    def assert_nothing_waits(self) -> None:
        """No request waits any more, nor anybody for its answer."""
        for leader in self.broker.replicas.leaders():
            assert not leader.fetch_waiters, leader.topic_partition
            assert not leader.acks_waiters, leader.topic_partition
            assert not leader.flush_waiters, leader.topic_partition
        assert not self.broker.service.expiry.count_waiting()


class Driver(ABC):
    """How a broker of a test is reached; ``broker`` runs one."""

    name = ""
    deadline_s = 30.0
    """For one block with a broker; nothing a test does takes that long unless it hangs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.random = random.Random(1)

    @abstractmethod
    def disk(self) -> GatedDisk:
        """Return where the next broker keeps its data."""

    def defaults(self) -> dict[str, str]:
        """Return what the configuration is if the test names nothing else."""
        return {
            "node.id": "1",
            "log.dirs": str(self.folder / "data"),
            "listeners": f"{LISTENER}://127.0.0.1:0",
            "offsets.topic.num.partitions": "1",
        }

    @abstractmethod
    def network(self) -> tuple[MakeServer, Callable[[Broker, str], Awaitable[trio.abc.Stream]]]:
        """Return what serves, and how to reach it."""

    def wall_ms(self) -> int:
        """The broker's wall clock."""
        return time.time_ns() // 1_000_000

    def make(self, disk: GatedDisk, **overrides: str) -> Whole:
        """Return a broker that does not run yet; ``__`` in a key stands for a dot."""
        keys = {name.replace("__", "."): value for name, value in overrides.items()}
        make_server, connect = self.network()
        config = load(None, {**self.defaults(), **keys}).config
        environment = Environment(disk, make_server, self.wall_ms, self.random, lambda: "localhost")
        broker = Broker(config, environment)
        return Whole(broker, disk, lambda listener: connect(broker, listener))

    @asynccontextmanager
    async def broker(
        self, *, disk: GatedDisk | None = None, dies: bool = True, **overrides: str
    ) -> AsyncGenerator[Whole]:
        """Run a broker for the length of the block; see ``make``.

        It is killed at the end, which is quicker, or stopped.
        """
        whole = self.make(disk or self.disk(), **overrides)
        async with trio.open_nursery() as nursery:
            with trio.fail_after(DEADLINE_S):
                await nursery.start(whole.broker.run)
            try:
                with trio.fail_after(self.deadline_s):
                    yield whole
            finally:
                await whole.close_clients()
            await whole.until(lambda: not whole.connections, "all connections gone")
            whole.assert_nothing_waits()
            if dies:
                nursery.cancel_scope.cancel()
            else:
                whole.broker.stop()


class ReactorDriver(Driver):
    """The reactor on loopback, above the operating system's files."""

    name = "reactor"

    def disk(self) -> GatedDisk:
        """Return the file system: sendfile needs descriptors."""
        return GatedOsDisk()

    def network(self) -> tuple[MakeServer, Callable[[Broker, str], Awaitable[trio.abc.Stream]]]:
        """Return the reactor."""
        return ReactorServer, connect_loopback


class StreamDriver(Driver):
    """The portable driver on loopback, above a disk in memory."""

    name = "streams"

    def disk(self) -> GatedMemoryDisk:
        """Return an empty disk."""
        return GatedMemoryDisk(self.random, delay_max_s=0.0)

    def network(self) -> tuple[MakeServer, Callable[[Broker, str], Awaitable[trio.abc.Stream]]]:
        """Return the portable driver."""
        return TcpStreamServer, connect_loopback


class MemoryDriver(Driver):
    """The portable driver on a network in memory: under trio's MockClock time is virtual."""

    name = "memory"
    deadline_s = 100_000.0
    buffered = True
    """Whether a connection holds what is sent until it is received."""

    def disk(self) -> GatedMemoryDisk:
        """Return an empty disk."""
        return GatedMemoryDisk(self.random)

    def network(self) -> tuple[MakeServer, Callable[[Broker, str], Awaitable[trio.abc.Stream]]]:
        """Return streams of trio's own."""
        assert isinstance(trio.lowlevel.current_clock(), MockClock), "take autojump_clock too"
        network = MemoryNetwork()

        async def connect(broker: Broker, listener: str) -> trio.abc.Stream:
            del broker, listener  # there is one of each
            return await network.connect(buffered=self.buffered)

        return network.make_server, connect

    def wall_ms(self) -> int:
        """The broker's wall clock goes with the loop's."""
        return EPOCH_MS + int(trio.current_time() * 1000)


DRIVERS: dict[str, type[Driver]] = {d.name: d for d in (ReactorDriver, StreamDriver, MemoryDriver)}
SOCKETS = ("reactor", "streams")

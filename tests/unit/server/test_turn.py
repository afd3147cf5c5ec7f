"""One turn over several connections: what is written before what is sent, and who is cut."""

from __future__ import annotations

import errno
import random
from collections.abc import Sequence

import pytest

from raftkafka.errors import Malformed
from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from raftkafka.server import large_writes
from raftkafka.server import turn as turn_module
from raftkafka.server.connection import Connection, ConnectionLimits
from raftkafka.server.expiry import Expiry
from raftkafka.server.turn import FRAMES_PER_TURN, Turn
from raftkafka.server.turn_clock import TurnClock
from raftkafka.server.write_queue import WriteQueue
from raftkafka.types import Buffer, TopicPartition
from replication.leader import PartitionLeader
from tests.sim.memory_disk import MemoryDisk, MemoryFile
from tests.support.client_requests import batch
from tests.support.wired_connection import Wire, framed

NOW_MS = 1_700_000_000_000
LIMITS = ConnectionLimits(request_bytes=1 << 20, unanswered_requests=4, unsent_bytes=1 << 20)


class Client(Wire):
    """A connection whose bytes arrive in the next turn; what it is sent goes to the trace."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(LIMITS, outbox=world.outbox)
        self.world = world
        self.name = name
        self.arriving = b""

    def collect(self, connection: Connection) -> None:
        arriving, self.arriving = self.arriving, b""
        self.put(arriving)

    def send(self, connection: Connection) -> None:
        if connection.output:
            self.world.trace.append(f"send {self.name}")
        self.take_output()

    def close(self, connection: Connection) -> None:
        self.world.trace.append(f"close {self.name}")
        super().close(connection)


class World:
    """Two directories with some partitions, and a protocol: a request names partitions.

    Each letter of a request is a partition to append to; it is answered at once.
    """

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.disk = MemoryDisk(random.Random(0))
        self.outbox: list[Connection] = []
        self.leaders = {name: self._leader(name) for name in "abc"}
        self.clock_s = 0.0
        clock = TurnClock(lambda: NOW_MS, lambda: self.clock_s)
        self.writes = WriteQueue(self.disk, clock, lambda leader: None)
        self.turn = Turn(
            self.handle, self.writes, Expiry(), clock, self.outbox, lambda: self.note("complete")
        )

    def _leader(self, name: str) -> PartitionLeader:
        folder = f"/data/{name}-0"
        self.disk.mkdir(folder)
        log = PartitionLog.open(self.disk, folder, TopicPartition(name, 0), LogConfig())
        return PartitionLeader(
            1,
            log,
            leader_epoch=0,
            partition_epoch=0,
            replicas=frozenset({1}),
            isr=frozenset({1}),
            high_watermark=0,
        )

    def note(self, what: str) -> None:
        self.trace.append(what)

    def handle(self, connection: Connection, frame: memoryview) -> None:
        names = bytes(frame).decode()
        if names == "malformed":
            raise Malformed("it says so")
        for name in names:
            leader = self.leaders[name]
            leader.append(memoryview(bytearray(batch(name.encode()))), 1, NOW_MS)
            self.writes.add(leader, connection)
        connection.answer([b"answer"])

    def run(self, **requests: Sequence[str]) -> dict[str, Client]:
        """Run one turn in which each client sends some requests."""
        clients: dict[str, Client] = {}
        for name, texts in requests.items():
            clients[name] = Client(self, name)
            clients[name].arriving = framed(*[text.encode() for text in texts])
        self.turn.run([client.connection for client in clients.values()])
        return clients


@pytest.fixture(params=["small writes", "large writes"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    if request.param == "large writes":
        monkeypatch.setattr(large_writes, "LARGE_BYTES", 1)
    pwrite = MemoryFile.pwrite

    def traced(self: MemoryFile, buffers: Sequence[Buffer], position: int) -> int:
        world.note(f"write {self.path[6]}")
        return pwrite(self, buffers, position)

    monkeypatch.setattr(MemoryFile, "pwrite", traced)
    return world


def test_one_write_a_partition_before_any_answer(world: World) -> None:
    world.run(x=["a", "b", "a"], y=["a", "ab"])
    assert world.trace == ["write a", "write b", "complete", "send x", "send y"]
    ends = {name: leader.high_watermark for name, leader in world.leaders.items()}
    assert ends == {"a": 4, "b": 2, "c": 0}


def test_who_was_told_of_a_write_that_failed_is_cut_and_nobody_else(world: World) -> None:
    world.disk.fail("write", "/data/b-0", errno.EIO)
    clients = world.run(x=["a"], y=["b"], z=["ab"], w=["c"])
    assert {name for name, client in clients.items() if client.closed} == {"y", "z"}
    assert [it for it in world.trace if it.startswith("send")] == ["send x", "send w"]
    assert world.leaders["b"].high_watermark == 0
    assert world.leaders["a"].high_watermark == 2, "what z wrote there stays"


def test_an_earlier_turns_failure_cuts_nobody_in_the_next(world: World) -> None:
    world.disk.fail("write", "/data/b-0", errno.EIO)
    world.run(x=["b"])
    clients = world.run(y=["a"])
    assert not clients["y"].closed


def test_what_was_asked_before_nonsense_is_answered(world: World) -> None:
    clients = world.run(x=["a", "malformed", "a"], y=["a"])
    assert world.trace.index("close x") < world.trace.index("write a")
    assert "send x" in world.trace
    assert clients["x"].connection.closing
    assert not clients["y"].connection.closing
    assert world.leaders["a"].high_watermark == 2


def test_a_deep_pipeline_does_not_hold_up_the_others(world: World) -> None:
    many = FRAMES_PER_TURN + 10
    clients = world.run(x=[""] * many, y=["a"])
    assert clients["x"].again_calls == 1, "the rest is for the next turn"
    assert clients["y"].again_calls == 0
    world.turn.run([clients["x"].connection])
    assert clients["x"].again_calls == 1


def test_a_turn_ends_after_so_many_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_module, "TURN_BYTES", 3)
    clients = world.run(x=["aaa"], y=["b"])
    assert world.leaders["b"].log.log_end_offset == 0
    assert clients["y"].again_calls == 1, "its request was not even received"
    assert clients["y"].arriving
    world.turn.run([clients["y"].connection])
    assert world.leaders["b"].high_watermark == 1


def test_a_slow_write_makes_the_directory_slow_and_what_follows_is_written_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = MemoryFile.pwrite

    def slowly(self: MemoryFile, buffers: Sequence[Buffer], position: int) -> int:
        world.clock_s += 0.1
        return pwrite(self, buffers, position)

    monkeypatch.setattr(MemoryFile, "pwrite", slowly)
    later: list[PartitionLeader] = []

    def write_later(leader: PartitionLeader) -> bool:
        later.append(leader)
        return True

    world.writes.write_later = write_later
    world.run(x=["a"])
    assert (later, world.leaders["a"].log.pace.is_slow) == ([], True)
    world.run(x=["ab"])
    assert later == [world.leaders["a"]]
    assert world.leaders["a"].high_watermark == 1
    assert world.leaders["b"].high_watermark == 1

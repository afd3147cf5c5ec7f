"""The short way of a Produce that looks like the last one answers as the long way does."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from raftkafka.protocol.frames import parse_request_header, request_frame
from raftkafka.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    TopicProduceData,
)
from raftkafka.records import Record, build_batch
from raftkafka.server.connection import ConnectionLimits
from raftkafka.server.expiry import Expiry
from raftkafka.server.handlers.produce import ProduceHandler
from raftkafka.server.turn_clock import TurnClock
from raftkafka.server.write_queue import WriteQueue
from raftkafka.types import TopicPartition
from replication.leader import PartitionLeader
from tests.sim.memory_disk import MemoryDisk
from tests.support.wired_connection import Wire

NOW_MS = 1_700_000_000_000
LIMITS = ConnectionLimits(request_bytes=1 << 20, unanswered_requests=100, unsent_bytes=1 << 30)


class Leaders:
    """Every partition that is asked for, led by this node."""

    def __init__(self) -> None:
        self.disk = MemoryDisk(random.Random(0))
        self.by_name: dict[tuple[str, int], PartitionLeader] = {}

    def leader(self, topic: str, partition: int) -> PartitionLeader:
        leader = self.by_name.get((topic, partition))
        if leader is None:
            folder = f"data/{topic}-{partition}"
            self.disk.mkdir(folder)
            log = PartitionLog.open(
                self.disk, folder, TopicPartition(topic, partition), LogConfig()
            )
            leader = self.by_name[topic, partition] = PartitionLeader(
                1,
                log,
                leader_epoch=0,
                partition_epoch=0,
                replicas=frozenset({1}),
                isr=frozenset({1}),
                high_watermark=0,
            )
        return leader


class Side:
    """A handler with its partitions and one connection."""

    def __init__(self, *, short: bool) -> None:
        self.leaders = Leaders()
        self.wire = Wire(LIMITS)
        self.short = short
        self.taken_short = 0
        clock = TurnClock(lambda: NOW_MS, lambda: 0.0)
        self.writes = WriteQueue(self.leaders.disk, clock, lambda leader: None)
        self.handler = ProduceHandler(self.leaders, self.writes, Expiry(), clock)

    def handle(self, request: bytes) -> bytes:
        frame = memoryview(bytearray(request))[4:]
        connection = self.wire.connection
        if self.short and self.handler.handle_as_before(connection, frame):
            self.taken_short += 1
        else:
            self.handler.handle(connection, parse_request_header(frame), frame)
        self.writes.write()
        return self.wire.take_output()

    def ends(self) -> dict[tuple[str, int], int]:
        return {key: leader.log.log_end_offset for key, leader in self.leaders.by_name.items()}


@dataclass(frozen=True)
class Choice:
    """One Produce, sent as often as ``repeat`` says; ``damage`` flips the byte at that place."""

    version: int
    client_id: str | None = "c"
    acks: int = 1
    topic: str = "t"
    partition: int = 0
    values: tuple[bytes, ...] = (b"v",)
    damage: int | None = None
    correlation_id: int = 5
    repeat: int = 1

    def encode(self) -> bytes:
        records = [Record(i, NOW_MS, None, value) for i, value in enumerate(self.values)]
        batch = bytearray(build_batch(records) if records else b"")
        if batch and self.damage is not None:
            batch[self.damage] ^= 0xFF
        data = PartitionProduceData(index=self.partition, records=memoryview(batch))
        request = ProduceRequest(
            acks=self.acks,
            timeout_ms=1000,
            topic_data=[TopicProduceData(name=self.topic, partition_data=[data])],
        )
        parts = request_frame(request, self.version, self.correlation_id, self.client_id)
        return b"".join(cast("list[bytes]", parts))


choices = st.builds(
    Choice,
    version=st.sampled_from([3, 5, 7, 8, 9, 10, 11]),
    client_id=st.sampled_from([None, "", "rdkafka"]),
    acks=st.sampled_from([0, 1, -1, 7]),
    topic=st.sampled_from(["t", "another"]),
    partition=st.integers(0, 2),
    values=st.lists(st.binary(max_size=200), max_size=3).map(tuple),
    damage=st.sampled_from([None, None, None, 17, 21, 57, -1]),
    correlation_id=st.integers(0, 2**31 - 1),
    repeat=st.integers(1, 3),
)


@settings(deadline=None)
@given(st.lists(choices, max_size=12))
def test_both_ways_answer_alike(requests: list[Choice]) -> None:
    long, short = Side(short=False), Side(short=True)
    for choice in requests:
        for _ in range(choice.repeat):
            assert short.handle(choice.encode()) == long.handle(choice.encode())
            assert short.wire.closed == long.wire.closed
            if long.wire.closed:
                return
    assert short.ends() == long.ends()


def test_the_short_way_is_taken_from_the_second_request_on() -> None:
    side = Side(short=True)
    for version in (7, 9):
        for partition in (0, 1, 0, 1, 0):
            side.handle(Choice(version, partition=partition).encode())
    assert side.taken_short == 6

"""A directory whose writes are slow: a thread writes it, and nobody else waits for that."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from raftkafka.disk_driver import OsFile
from raftkafka.errors import ErrorCode
from raftkafka.log.pace import QUICK_ROUNDS, SLOW_S
from raftkafka.protocol.messages.produce import ProduceResponse
from raftkafka.server import slow_writes_driver
from raftkafka.types import Buffer
from tests.sim.memory_disk import MemoryDisk
from tests.sim.wire_client import WireClient
from tests.support.client_requests import batch, produce, produce_request
from tests.support.whole_broker import Driver, MemoryDriver, ReactorDriver, Whole


def slow_down(broker: Whole) -> None:
    """Have the broker believe that the directory is slow."""
    broker.leader().log.pace.note(1.0, 1)


async def appended(broker: Whole, end_offset: int) -> None:
    log = broker.leader().log
    await broker.until(lambda: log.log_end_offset == end_offset, "appended")


async def offset_of(client: WireClient, correlation_id: int) -> int:
    response = await client.receive(ProduceResponse, 9, correlation_id)
    part = response.responses[0].partition_responses[0]
    assert part.error_code == 0
    return part.base_offset


async def test_what_is_not_written_is_neither_acknowledged_nor_shown(driver: Driver) -> None:
    """Whatever acks say; and everybody else is served meanwhile."""
    async with driver.broker() as broker:
        clients = [await broker.client() for _ in range(3)]
        other = await broker.client()
        await other.create_topic("t")
        for number in range(2):
            await produce(clients[0], batch(b"%d" % number))
        slow_down(broker)
        broker.disk.gate.shut()
        sent: list[int] = []
        for number, (client, acks) in enumerate(zip(clients, (1, -1, 0), strict=True), start=2):
            request = produce_request({("t", 0): batch(b"%d" % number)}, acks=acks)
            sent.append(await client.send(request, 9))
            await appended(broker, number + 1)
        log = broker.leader().log
        assert log.written_end_offset == 2
        assert await other.fetch("t", 0) == [(0, b"0"), (1, b"1")]
        broker.disk.gate.open()
        assert await offset_of(clients[0], sent[0]) == 2
        assert await offset_of(clients[1], sent[1]) == 3
        await broker.until(lambda: log.written_end_offset == 5, "all written")
        assert await other.fetch("t", 0) == [(n, b"%d" % n) for n in range(5)]
        assert not log.has_unwritten


async def test_batches_stay_in_order_while_rounds_of_writes_follow_each_other(
    driver: Driver,
) -> None:
    disk = driver.disk()
    async with driver.broker(disk=disk, dies=False) as broker:
        clients = [await broker.client() for _ in range(4)]
        await clients[0].create_topic("t", segment__bytes="1048576")
        offsets: dict[int, bytes] = {}

        async def write(client: WireClient, number: int) -> None:
            for turn in range(12):
                if number == 0:
                    slow_down(broker)
                value = b"%d %d" % (number, turn) + b"x" * 50_000
                part = await produce(client, batch(value), acks=1 if number % 2 else -1)
                offsets[part.base_offset] = value

        async with trio.open_nursery() as nursery:
            for number, client in enumerate(clients):
                nursery.start_soon(write, client, number)
        assert sorted(offsets) == list(range(48))
        assert len(broker.leader().log.segments) > 1, "segments were rolled on the way"
    async with driver.broker(disk=disk) as broker:
        client = await broker.client()
        read: list[tuple[int, bytes]] = []
        while len(read) < 48:
            read += await client.fetch("t", len(read))
        assert dict(read) == offsets


async def test_a_repetition_of_what_is_written_is_acknowledged(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        one = batch(producer=(7, 0, 0))
        assert (await produce(client, one)).base_offset == 0
        slow_down(broker)
        assert (await produce(client, one)).base_offset == 0


async def test_what_else_writes_the_log_takes_over_what_a_thread_is_writing(
    driver: Driver,
) -> None:
    """An index flush, say: the same bytes go to the same place."""
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        slow_down(broker)
        broker.disk.gate.shut()
        sent = await client.send(produce_request({("t", 0): batch(b"v")}), 9)
        log = broker.leader().log
        await broker.until(lambda: log.is_being_written, "a thread has it")
        log.write()
        assert (log.written_end_offset, log.has_unwritten) == (1, False)
        broker.disk.gate.open()
        assert await offset_of(client, sent) == 0
        assert (await produce(client, batch(b"w"))).base_offset == 1
        assert await client.fetch("t", 0) == [(0, b"v"), (1, b"w")]


async def test_when_too_much_waits_the_loop_writes(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is memory; a loop that writes slows the clients down instead."""
    monkeypatch.setattr(slow_writes_driver, "WAITING_BYTES_MAX", 0)
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        slow_down(broker)
        broker.disk.gate.shut()
        assert (await produce(client, batch())).error_code == 0
        broker.disk.gate.open()


async def test_a_failed_write_is_told_to_who_waits(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(log__dirs="/one,/two") as broker:
        client = await broker.client()
        for topic in ("t", "u"):
            await client.create_topic(topic)
        disk = broker.disk
        assert isinstance(disk, MemoryDisk)
        other = "/one" if disk.exists("/two/t-0") else "/two"
        assert disk.exists(f"{other}/u-0")
        slow_down(broker)
        disk.fail("write", f"{'/one' if other == '/two' else '/two'}/t-0", errno.EIO)
        part = await produce(client, batch())
        assert part.error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert (await produce(client, batch(), topic="u")).error_code == 0


async def test_a_directory_that_is_quick_again_is_written_by_the_loop(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        slow_down(broker)
        pace = broker.leader().log.pace
        for _ in range(QUICK_ROUNDS):
            assert pace.is_slow
            await produce(client, batch())
        await broker.until(lambda: not pace.is_slow, "quick again")
        broker.disk.gate.shut()
        assert (await produce(client, batch())).error_code == 0
        broker.disk.gate.open()


def slow_writes(patch: pytest.MonkeyPatch, threads: list[int]) -> None:
    """Let each write to the segment take long, in whatever thread."""
    pwrite = OsFile.pwrite

    def slowly(self: OsFile, buffers: Sequence[Buffer], position: int) -> int:
        if self.path.endswith("t-0/00000000000000000000.log"):
            threads.append(threading.get_ident())
            time.sleep(2 * SLOW_S)
        return pwrite(self, buffers, position)

    patch.setattr(OsFile, "pwrite", slowly)


async def test_one_slow_write_is_enough_to_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    async with ReactorDriver(tmp_path).broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        slow_writes(monkeypatch, threads)
        for number in range(4):
            assert (await produce(client, batch())).base_offset == number
        loop = threading.get_ident()
        assert [thread == loop for thread in threads] == [True, False, False, False]
        assert await client.fetch("t", 3) == [(3, b"v")]

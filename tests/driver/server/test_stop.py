"""A stop: nothing new is taken, what is in flight is answered, the logs close clean, in time."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from raftkafka.broker import Broker
from raftkafka.errors import ErrorCode
from raftkafka.log.checkpoints import CLEAN_SHUTDOWN
from raftkafka.protocol.messages.api_versions import ApiVersionsRequest
from raftkafka.protocol.messages.fetch import FetchResponse
from raftkafka.protocol.messages.produce import ProduceResponse
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from raftkafka.server.connection import Connection
from tests.sim.wire_client import WireClient
from tests.support.client_requests import (
    batch,
    fetch_request,
    produce,
    produce_request,
    records_of,
)
from tests.support.whole_broker import Driver, MemoryDriver, Whole

DEADLINE_S = 45


async def stopped(broker: Whole) -> None:
    """Stop a broker and wait until it has."""
    broker.broker.stop()
    with trio.fail_after(DEADLINE_S):
        await broker.broker.stopped()


def connections(broker: Whole) -> list[Connection]:
    return list(broker.broker.service.acceptance.connections)


async def test_idle_connections_are_closed_and_the_stop_is_clean(driver: Driver) -> None:
    disk = driver.disk()
    async with driver.broker(disk=disk, dies=False) as broker:
        client, idle = await broker.client(), await broker.client()
        await client.create_topic("t")
        await produce(client, batch(b"kept"))
        await stopped(broker)
        assert await idle.receive_close() == b""
        assert disk.exists(f"{driver.folder}/data/{CLEAN_SHUTDOWN}")
    async with driver.broker(disk=disk) as broker:
        assert await (await broker.client()).fetch("t", 0) == [(0, b"kept")]


async def test_what_is_in_flight_is_answered(driver: Driver) -> None:
    async with driver.broker(dies=False) as broker:
        admin, fetching, producing, creating = [await broker.client() for _ in range(4)]
        await admin.create_topic("t", flush__messages="1")
        fetched = await fetching.send(fetch_request({("t", 0): 0}, max_wait_ms=600_000), 12)
        leader = broker.leader()
        await broker.until(lambda: bool(leader.fetch_waiters), "parked")
        broker.disk.gate.shut()
        produced = await producing.send(produce_request({("t", 0): batch()}), 9)
        topic = CreatableTopic(name="u", num_partitions=1, replication_factor=1)
        created = await creating.send(CreateTopicsRequest(topics=[topic], timeout_ms=9_000), 5)
        await broker.until(lambda: bool(leader.acks_waiters), "parked")
        await broker.until(lambda: any(c.muted for c in connections(broker)), "waiting")
        broker.broker.stop()

        response = await fetching.receive(FetchResponse, 12, fetched)
        part = response.responses[0].partitions[0]
        assert (part.error_code, records_of(part)) == (0, b""), "at once, with what there is"
        assert await fetching.receive_close() == b""
        for client in (producing, creating):
            await client.send(ApiVersionsRequest(), 0)
        broker.disk.gate.open()
        appended = await producing.receive(ProduceResponse, 9, produced)
        assert appended.responses[0].partition_responses[0].error_code == ErrorCode.NONE
        creation = await creating.receive(CreateTopicsResponse, 5, created)
        assert creation.topics[0].error_code == ErrorCode.NONE
        for client in (producing, creating):
            assert await client.receive_close() == b"", "later requests are not taken"
        with trio.fail_after(DEADLINE_S):
            await broker.broker.stopped()
    assert broker.disk.exists(f"{driver.folder}/data/{CLEAN_SHUTDOWN}")


async def test_no_more_connections_are_taken(driver: Driver) -> None:
    async with driver.broker(dies=False) as broker:
        client = await broker.client()
        await client.create_topic("t", flush__messages="1")
        broker.disk.gate.shut()
        await client.send(produce_request({("t", 0): batch()}), 9)
        await broker.until(lambda: bool(broker.leader().acks_waiters), "parked")
        broker.broker.stop()
        await broker.until(lambda: any(c.finishing for c in connections(broker)), "stopping")
        with pytest.raises(OSError, match="all attempts to connect"):
            await broker.stream()
        broker.disk.gate.open()
        await client.receive_frame()
        with trio.fail_after(DEADLINE_S):
            await broker.broker.stopped()


async def test_who_does_not_read_does_not_hold_up_the_stop(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    memory.buffered = False
    disk = memory.disk()
    async with memory.broker(disk=disk, dies=False) as broker:
        client = await broker.client()
        await client.create_topic("t")
        deaf = WireClient(await broker.stream())
        await deaf.send(ApiVersionsRequest(), 0)
        before_s = trio.current_time()
        await stopped(broker)
        assert trio.current_time() - before_s < 10
    assert disk.exists(f"{memory.folder}/data/{CLEAN_SHUTDOWN}")


async def test_a_disk_that_hangs_does_not_hold_up_the_stop_for_ever(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    disk = memory.disk()
    async with memory.broker(disk=disk, dies=False) as broker:
        client = await broker.client()
        await client.create_topic("t", flush__messages="1")
        disk.gate.shut()
        await client.send(produce_request({("t", 0): batch()}), 9)
        await stopped(broker)
    assert not disk.exists(f"{memory.folder}/data/{CLEAN_SHUTDOWN}")


async def test_a_stop_during_the_start_ends_it(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    disk = memory.disk()
    async with memory.broker(disk=disk, dies=False) as broker:
        await (await broker.client()).create_topic("t")
    let_through, serves = 0, False
    while not serves:
        unclean = disk.after_kill()
        unclean.gate.shut(after=let_through)
        starting = memory.make(unclean).broker
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop_soon, starting)
            with trio.fail_after(DEADLINE_S):
                serves = await nursery.start(starting.run)
        let_through += 1
    assert let_through > 5, "the gate was shut at each step of the start that can wait"
    async with memory.broker(disk=disk.after_kill()) as again:
        assert (await produce(await again.client(), batch())).error_code == 0


async def stop_soon(broker: Broker) -> None:
    await trio.sleep(5)
    broker.stop()

"""Requests that wait: parked fetches, answers in order, and what a waiting request holds up."""

from __future__ import annotations

import errno

import pytest
import trio
from trio.testing import MockClock

from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from raftkafka.protocol.messages.fetch import FetchRequest, FetchResponse
from raftkafka.protocol.messages.produce import ProduceResponse
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
)
from tests.sim.memory_disk import MemoryDisk, MemoryFile
from tests.sim.wire_client import WireClient
from tests.support.client_requests import (
    batch,
    fetch,
    fetch_request,
    produce,
    produce_request,
    records_of,
    values_in,
)
from tests.support.gated_disks import make_all_files_cold
from tests.support.whole_broker import Driver, MemoryDriver, Whole

LONG_MS = 600_000
BATCH_BYTES = len(batch(b"v"))


def long_poll(*topics: str, min_bytes: int = 1) -> FetchRequest:
    """Return a Fetch from the start of empty logs."""
    offsets = {(topic, 0): 0 for topic in topics}
    return fetch_request(offsets, max_wait_ms=LONG_MS, min_bytes=min_bytes)


async def parked(broker: Whole, client: WireClient, request: FetchRequest) -> int:
    """Send a Fetch and wait until it is parked; return its correlation id."""
    waiters = broker.leader(request.topics[0].topic).fetch_waiters
    before = len(waiters)
    correlation_id = await client.send(request, 12)
    await broker.until(lambda: len(waiters) > before, "parked")
    return correlation_id


async def answer(client: WireClient, correlation_id: int) -> list[list[tuple[int, bytes]]]:
    """Return the records of a Fetch's answer, by partition."""
    response = await client.receive(FetchResponse, 12, correlation_id)
    parts = [part for topic in response.responses for part in topic.partitions]
    assert [part.error_code for part in parts] == [0] * len(parts)
    return [values_in(part) for part in parts]


# ---------------------------------------------------------------------- order


async def test_pipelined_requests_are_answered_in_order(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        sent: list[tuple[int, type[ProduceResponse] | type[ApiVersionsResponse]]] = []
        for number in range(600):
            if number % 3:
                request = produce_request(
                    {("t", 0): batch(b"%d" % number)}, acks=1 - number % 2 * 2
                )
                sent.append((await client.send(request, 9), ProduceResponse))
            else:
                sent.append((await client.send(ApiVersionsRequest(), 0), ApiVersionsResponse))
        offset = 0
        for correlation_id, kind in sent:
            response = await client.receive(
                kind, 9 if kind is ProduceResponse else 0, correlation_id
            )
            if isinstance(response, ProduceResponse):
                assert response.responses[0].partition_responses[0].base_offset == offset
                offset += 1
        assert offset == 400


async def test_a_parked_fetch_holds_up_later_answers_but_not_their_handling(
    driver: Driver,
) -> None:
    async with driver.broker() as broker:
        client, other = await broker.client(), await broker.client()
        await client.create_topic("t")
        await client.create_topic("u")
        fetched = await parked(broker, client, long_poll("t"))
        produced = await client.send(produce_request({("u", 0): batch(b"u")}), 9)
        versions = await client.send(ApiVersionsRequest(), 0)
        await broker.until(lambda: broker.leader("u").high_watermark == 1, "the Produce handled")
        assert await other.fetch("u", 0) == [(0, b"u")]
        assert broker.leader("t").fetch_waiters, "and the Fetch still waits"
        await produce(other, batch(b"t"))
        assert await answer(client, fetched) == [[(0, b"t")]]
        response = await client.receive(ProduceResponse, 9, produced)
        assert response.responses[0].partition_responses[0].base_offset == 0
        await client.receive(ApiVersionsResponse, 0, versions)


async def test_a_client_completes_its_own_fetch(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        fetched = await parked(broker, client, long_poll("t"))
        produced = await client.send(produce_request({("t", 0): batch(b"mine")}), 9)
        assert await answer(client, fetched) == [[(0, b"mine")]]
        await client.receive(ProduceResponse, 9, produced)


async def test_what_waits_for_the_controller_mutes_its_connection(driver: Driver) -> None:
    """Later requests must not overtake it: they may be about the topic that it makes."""
    async with driver.broker() as broker:
        client, other = await broker.client(), await broker.client()
        await client.create_topic("t")
        broker.disk.gate.shut()
        topic = CreatableTopic(name="u", num_partitions=1, replication_factor=1)
        created = await client.send(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 5)
        produced = await client.send(produce_request({("u", 0): batch()}), 9)
        also = await client.send(produce_request({("t", 0): batch()}), 9)
        assert (await produce(other, batch(b"other"))).base_offset == 0, "others go on"
        assert broker.leader("t").log.log_end_offset == 1
        broker.disk.gate.open()
        await client.receive(CreateTopicsResponse, 5, created)
        for correlation_id, offset in ((produced, 0), (also, 1)):
            response = await client.receive(ProduceResponse, 9, correlation_id)
            part = response.responses[0].partition_responses[0]
            assert (part.error_code, part.base_offset) == (0, offset)


async def test_a_connection_takes_no_more_than_queued_max_requests(driver: Driver) -> None:
    async with driver.broker(queued__max__requests="3") as broker:
        client, other = await broker.client(), await broker.client()
        await client.create_topic("t")
        sent = [await client.send(long_poll("t"), 12) for _ in range(8)]
        await broker.until(lambda: len(broker.leader().fetch_waiters) == 3, "three parked")
        assert (await produce(other, batch(b"v"))).base_offset == 0
        for correlation_id in sent:
            assert await answer(client, correlation_id) == [[(0, b"v")]]


# ---------------------------------------------------------------------- long polls


async def test_a_long_poll_is_answered_by_a_produce_of_another_connection(driver: Driver) -> None:
    async with driver.broker() as broker:
        readers = [await broker.client() for _ in range(3)]
        writer = await broker.client()
        await writer.create_topic("t")
        await writer.create_topic("u")
        sent = [await parked(broker, reader, long_poll("t", "u")) for reader in readers]
        await produce(writer, batch(b"a"), topic="u")
        for reader, correlation_id in zip(readers, sent, strict=True):
            assert await answer(reader, correlation_id) == [[], [(0, b"a")]]


async def test_min_bytes_waits_for_enough_over_all_partitions(driver: Driver) -> None:
    async with driver.broker() as broker:
        reader, writer = await broker.client(), await broker.client()
        await writer.create_topic("t")
        await writer.create_topic("u")
        request = long_poll("t", "u", min_bytes=2 * BATCH_BYTES + 1)
        sent = await parked(broker, reader, request)
        await produce(writer, batch(b"1"))
        await produce(writer, batch(b"2"), topic="u")
        assert len(broker.leader().fetch_waiters) == 1, "one byte is missing"
        await produce(writer, batch(b"3"))
        assert await answer(reader, sent) == [[(0, b"1"), (1, b"3")], [(0, b"2")]]


async def test_a_long_poll_ends_at_max_wait_with_what_there_is(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        for max_wait_ms in (1, 500, 30_000):
            before_s = trio.current_time()
            request = fetch_request({("t", 0): 0}, max_wait_ms=max_wait_ms)
            (part,) = await fetch(client, request)
            assert trio.current_time() - before_s == pytest.approx(max_wait_ms / 1000)
            assert (part.error_code, part.high_watermark, records_of(part)) == (0, 0, b"")
        await produce(client, batch(b"little"))
        before_s = trio.current_time()
        request = fetch_request({("t", 0): 0}, max_wait_ms=700, min_bytes=1 << 20)
        (part,) = await fetch(client, request)
        assert trio.current_time() - before_s == pytest.approx(0.7)
        assert values_in(part) == [(0, b"little")]


async def test_a_long_poll_ends_at_max_wait_on_sockets(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        before_s = trio.current_time()
        (part,) = await fetch(client, fetch_request({("t", 0): 0}, max_wait_ms=50))
        assert trio.current_time() - before_s >= 0.05
        assert (part.error_code, records_of(part)) == (0, b"")


async def test_without_max_wait_nothing_is_parked(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        for max_wait_ms in (0, -1):
            (part,) = await fetch(client, fetch_request({("t", 0): 0}, max_wait_ms=max_wait_ms))
            assert (part.error_code, records_of(part)) == (0, b"")
        for min_bytes in (0, -1):
            request = fetch_request({("t", 0): 0}, max_wait_ms=LONG_MS, min_bytes=min_bytes)
            (part,) = await fetch(client, request)
            assert (part.error_code, records_of(part)) == (0, b"")


# ---------------------------------------------------------------------- what ends a wait


async def test_the_deletion_of_its_topic_answers_a_parked_fetch(driver: Driver) -> None:
    async with driver.broker() as broker:
        reader, admin = await broker.client(), await broker.client()
        await admin.create_topic("t")
        await admin.create_topic("u")
        sent = await parked(broker, reader, long_poll("t", "u"))
        await admin.delete_topic("t")
        response = await reader.receive(FetchResponse, 12, sent)
        deleted, other = [topic.partitions[0] for topic in response.responses]
        assert deleted.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert other.error_code == 0


async def test_a_deletion_that_no_client_asked_for_answers_too(driver: Driver) -> None:
    async with driver.broker() as broker:
        reader, admin = await broker.client(), await broker.client()
        await admin.create_topic("t")
        sent = await parked(broker, reader, long_poll("t"))
        request = DeleteTopicsRequest(topic_names=["t"])
        await broker.broker.controller.submit(request, deadline_s=10)
        response = await reader.receive(FetchResponse, 12, sent)
        error_code = response.responses[0].partitions[0].error_code
        assert error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_topic_of_the_same_name_is_another_topic(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await produce(client, batch(b"old"))
        old_id = broker.leader().log.topic_id
        await client.delete_topic("t")
        assert (await produce(client, batch())).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        await client.create_topic("t")
        assert (await produce(client, batch(b"new"))).base_offset == 0
        (part,) = await fetch(client, fetch_request({(old_id, 0): 0}), 13)
        assert part.error_code == ErrorCode.UNKNOWN_TOPIC_ID
        assert await client.fetch("t", 0) == [(0, b"new")]


async def test_the_failure_of_its_disk_answers_a_parked_produce(driver: Driver) -> None:
    async with driver.broker() as broker:
        writers, admin = [await broker.client() for _ in range(2)], await broker.client()
        await admin.create_topic("t", flush__messages="1")
        broker.disk.gate.shut()
        sent = [
            await writer.send(produce_request({("t", 0): batch()}, acks=acks), 9)
            for writer, acks in zip(writers, (1, -1), strict=True)
        ]
        await broker.until(lambda: broker.leader().log.written_end_offset == 2, "both written")
        leader = broker.leader()
        broker.broker.replicas.fail(leader.topic_partition)
        broker.broker.service.run_turn()
        for writer, correlation_id in zip(writers, sent, strict=True):
            response = await writer.receive(ProduceResponse, 9, correlation_id)
            part = response.responses[0].partition_responses[0]
            assert part.error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert not leader.acks_waiters
        assert not leader.flush_waiters
        broker.disk.gate.open()


async def test_a_directory_that_fails_answers_parked_fetches(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(log__dirs="/one,/two") as broker:
        reader, writer = await broker.client(), await broker.client()
        await writer.create_topic("t")
        await writer.create_topic("u")
        disk = broker.disk
        assert isinstance(disk, MemoryDisk)
        failing, other = ("t", "u") if disk.exists("/two/t-0") else ("u", "t")
        sent = await parked(broker, reader, long_poll(failing, other))
        disk.fail("write", "/two", errno.EIO)
        await writer.send(produce_request({(failing, 0): batch()}), 9)
        assert await writer.receive_close() == b""
        response = await reader.receive(FetchResponse, 12, sent)
        failed, good = [topic.partitions[0] for topic in response.responses]
        assert failed.error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert good.error_code == 0


async def test_where_batches_end_is_looked_up_in_memory(
    memory: MemoryDriver, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A range that has to be cut costs a look into the file: not on the loop, if it is cold."""
    async with memory.broker() as broker:
        disk = broker.disk
        assert isinstance(disk, MemoryDisk)
        pread = MemoryFile.pread

        def read(self: MemoryFile, length: int, position: int) -> bytes:
            if disk.is_cold:
                disk.assert_in_thread()
                disk.is_cold = False
            return pread(self, length, position)

        client = await broker.client()
        await client.create_topic("t")
        for _ in range(4):
            await produce(client, batch(b"x" * 10_000))
        monkeypatch.setattr(MemoryFile, "pread", read)
        for first in (0, 2):
            disk.is_cold = True
            request = fetch_request({("t", 0): first}, partition_max_bytes=25_000)
            (part,) = await fetch(client, request)
            assert len(values_in(part)) == 2


async def test_a_read_that_fails_takes_its_directory_offline(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(log__dirs="/one,/two") as broker:
        client, reader = await broker.client(), await broker.client()
        await client.create_topic("t")
        await client.create_topic("u")
        for topic in ("t", "u"):
            await produce(client, batch(), topic=topic)
        disk = broker.disk
        assert isinstance(disk, MemoryDisk)
        failing, other = ("t", "u") if disk.exists("/two/t-0") else ("u", "t")
        disk.is_cold = True
        disk.fail("read", "/two", errno.EIO)
        await reader.send(fetch_request({(failing, 0): 0}), 12)
        assert await reader.receive_close() == b""
        await broker.until(lambda: broker.connections == 1, "noticed")
        (part,) = await fetch(client, fetch_request({(failing, 0): 0}))
        assert part.error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert len(await client.fetch(other, 0)) == 1


async def test_a_client_that_leaves_leaves_no_waiter_behind(driver: Driver) -> None:
    async with driver.broker() as broker:
        admin = await broker.client()
        await admin.create_topic("t", flush__messages="1")
        leader = broker.leader()
        broker.disk.gate.shut()
        for number in range(5):
            fetching, producing = await broker.client(), await broker.client()
            await parked(broker, fetching, long_poll("t"))
            for acks in (1, -1):
                await producing.send(produce_request({("t", 0): batch()}, acks=acks), 9)
            await broker.until(lambda: len(leader.acks_waiters) == 1, "parked")
            assert len(leader.flush_waiters) == 1
            if number % 2:
                await producing.send_bytes(b"\xff\xff\xff\xff")
            await fetching.aclose()
            await producing.aclose()
            await broker.until(lambda: broker.connections == 1, "they are gone")
            broker.assert_nothing_waits()
        broker.disk.gate.open()
        await broker.until(lambda: leader.high_watermark == 10, "their records stay")


async def test_a_client_that_leaves_during_a_cold_read_is_forgotten(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver.broker() as broker:
        client, leaving = await broker.client(), await broker.client()
        await client.create_topic("t")
        await produce(client, batch())
        make_all_files_cold(monkeypatch)
        broker.disk.gate.shut()
        await leaving.send(fetch_request({("t", 0): 0}), 12)
        await leaving.send(fetch_request({("t", 0): 0}), 12)
        await client.ask(ApiVersionsRequest(), 0, ApiVersionsResponse)
        await leaving.aclose()
        await broker.until(lambda: broker.connections == 1, "it is gone")
        broker.disk.gate.open()
        (part,) = await fetch(client, fetch_request({("t", 0): 0}))
        assert len(values_in(part)) == 1

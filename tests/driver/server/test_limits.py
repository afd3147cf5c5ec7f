"""What clients may not do, or not all at once: sizes, counts, idleness, and not reading."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from metadata.records import BROKER_CONFIG
from raftkafka.errors import ConfigInvalid, ErrorCode
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from raftkafka.protocol.messages.configs import (
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
    IncrementalAlterConfigsResponse,
)
from tests.sim.wire_client import Disconnected, WireClient
from tests.support.client_requests import batch, fetch, fetch_request, produce, values_in
from tests.support.whole_broker import Driver, MemoryDriver, Whole
from tests.support.wire import frame

LOOPBACK = "127.0.0.1"


async def is_served(client: WireClient) -> bool:
    """Whether the broker answers on a connection."""
    try:
        await client.ask(ApiVersionsRequest(), 0, ApiVersionsResponse)
    except Disconnected:
        return False
    return True


# ---------------------------------------------------------------------- frames


async def test_senseless_frame_sizes_close_the_connection_at_once(driver: Driver) -> None:
    async with driver.broker(socket__request__max__bytes="100000") as broker:
        before_s = trio.current_time()
        for size in (-1, -(2**31), 2**31 - 1, 100_001, 0, 1, 7):
            client = await broker.client()
            await client.send_bytes(size.to_bytes(4, signed=True) + b"\0" * max(0, min(size, 9)))
            assert await client.receive_close() == b""
        assert trio.current_time() - before_s < 1
        client = await broker.client()
        await client.create_topic("t")
        assert (await produce(client, batch(b"x" * 99_000))).error_code == 0
        with pytest.raises(Disconnected):
            await produce(client, batch(b"x" * 100_000))


async def test_a_body_that_ends_early_closes_the_connection(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.send_bytes(frame(ApiKey.METADATA, 1, b"\x7f\xff\xff\xff"))
        assert await client.receive_close() == b""


async def test_large_requests_without_records_are_refused(driver: Driver) -> None:
    """Millions of tiny elements would stop the loop for seconds."""
    async with driver.broker() as broker:
        client = await broker.client()
        names = (1 << 21).to_bytes(4) + b"\0\1t" * (1 << 21)
        await client.send_bytes(frame(ApiKey.METADATA, 1, names))
        assert await client.receive_close() == b""


async def test_what_came_before_a_senseless_frame_is_answered(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        good = frame(ApiKey.API_VERSIONS, 0, b"", 7)
        await client.send_bytes(good + good + b"\xff" * 4 + good)
        received = await client.receive_close()
        size = 4 + int.from_bytes(received[:4])
        assert received[size:] == received[:size], "two answers and no third"


async def test_large_requests_come_in_pieces(driver: Driver) -> None:
    async with driver.broker() as broker:
        client, other = await broker.client(), await broker.client()
        await client.create_topic("t", max__message__bytes=str(1 << 23))
        large = batch(b"x" * (1 << 22))
        for offset in range(3):
            assert (await produce(client, large)).base_offset == offset
            assert await is_served(other)
        request = fetch_request({("t", 0): 1}, max_bytes=1 << 26, partition_max_bytes=1 << 26)
        (part,) = await fetch(client, request)
        assert [offset for offset, _ in values_in(part)] == [1, 2]


# ---------------------------------------------------------------------- counts


async def admitted(broker: Whole, count: int, listener: str = "PLAINTEXT") -> list[WireClient]:
    """Open connections; return those that are served."""
    clients = [await broker.client(listener) for _ in range(count)]
    return [client for client in clients if await is_served(client)]


async def test_max_connections(driver: Driver) -> None:
    async with driver.broker(max__connections="3") as broker:
        clients = await admitted(broker, 5)
        assert len(clients) == 3
        await clients[1].aclose()
        await broker.until(lambda: broker.connections == 2, "one is gone")
        assert len(await admitted(broker, 2)) == 1


async def alter_broker(client: WireClient, node: str, **configs: str) -> int:
    """Set keys of one broker, or of all (""); return the error code."""
    resource = IncrementalAlterConfigsResource(
        resource_type=BROKER_CONFIG,
        resource_name=node,
        configs=[
            IncrementalAlterConfigsConfig(name=name.replace("__", "."), value=value)
            for name, value in configs.items()
        ],
    )
    request = IncrementalAlterConfigsRequest(resources=[resource])
    answer = await client.ask(request, 1, IncrementalAlterConfigsResponse)
    return answer.responses[0].error_code


@pytest.mark.parametrize("node", ["", "1"])
@pytest.mark.parametrize("key", ["max__connections", "max__connections__per__ip"])
async def test_limits_of_a_running_broker(driver: Driver, node: str, key: str) -> None:
    """Those who are in stay in; a new limit survives a restart."""
    disk = driver.disk()
    async with driver.broker(disk=disk, dies=False) as broker:
        clients = await admitted(broker, 4)
        assert await alter_broker(clients[0], node, **{key: "3"}) == 0
        assert len(await admitted(broker, 1)) == 0
        for client in clients:
            assert await is_served(client)
        assert await alter_broker(clients[0], node, **{key: "5"}) == 0
        assert len(await admitted(broker, 3)) == 1
        assert await alter_broker(clients[0], node, **{key: "-1"}) == ErrorCode.INVALID_REQUEST
    async with driver.broker(disk=disk) as broker:
        assert len(await admitted(broker, 7)) == 5


async def test_max_connections_per_ip(driver: Driver) -> None:
    async with driver.broker(max__connections__per__ip="2") as broker:
        clients = await admitted(broker, 4)
        assert len(clients) == 2
        await clients[0].aclose()
        await broker.until(lambda: broker.connections == 1, "one is gone")
        assert len(await admitted(broker, 2)) == 1


@pytest.mark.parametrize(
    "listener", ["PLAINTEXT://127.0.0.1:0", "PLAINTEXT://:0"], ids=["IPv4", "both families"]
)
@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
async def test_limits_of_single_addresses(driver: Driver, listener: str, address: str) -> None:
    """By address or by name, and also on a socket for both families."""
    async with driver.broker(
        listeners=listener,
        advertised__listeners=listener.replace("//:", "//127.0.0.1:"),
        max__connections__per__ip="1",
        max__connections__per__ip__overrides=f"{address}:3,10.0.0.9:7",
    ) as broker:
        assert len(await admitted(broker, 5)) == 3


async def test_a_limit_for_a_host_that_there_is_not_is_a_wrong_configuration(
    driver: Driver,
) -> None:
    with pytest.RaisesGroup(
        pytest.RaisesExc(ConfigInvalid, match=r"nobody\.invalid"), flatten_subgroups=True
    ):
        async with driver.broker(max__connections__per__ip__overrides="nobody.invalid:3"):
            pass


async def test_idle_connections_cost_little_and_others_are_served(driver: Driver) -> None:
    async with driver.broker() as broker:
        count = 2000
        idle = [await broker.stream() for _ in range(count)]
        await broker.until(lambda: broker.connections == count, "all are there")
        assert await is_served(await broker.client())
        for stream in idle:
            await stream.aclose()


async def test_connections_that_are_reset_at_once_harm_nobody(driver: Driver) -> None:
    async with driver.broker() as broker:
        for _ in range(100):
            stream = await broker.stream()
            assert isinstance(stream, trio.SocketStream)
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.socket.close()
        assert await is_served(await broker.client())


# ---------------------------------------------------------------------- idleness


async def test_idle_connections_are_closed(memory: MemoryDriver, autojump_clock: MockClock) -> None:
    async with memory.broker(connections__max__idle__ms="1000") as broker:
        idle, busy, waiting = [await broker.client() for _ in range(3)]
        await busy.create_topic("t")
        assert await is_served(idle)
        sent = await waiting.send(fetch_request({("t", 0): 0}, max_wait_ms=5000), 12)
        before_s = trio.current_time()
        for _ in range(4):
            await trio.sleep(0.7)
            assert await is_served(busy)
        assert broker.connections == 2
        assert await idle.receive_close() == b""
        assert await waiting.receive_frame(), sent
        assert trio.current_time() - before_s == pytest.approx(5, abs=0.1)


async def test_an_idle_connection_is_closed_no_sooner_and_little_later(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(connections__max__idle__ms="1000") as broker:
        await trio.sleep(3600)
        client = await broker.client()
        before_s = trio.current_time()
        assert await client.receive_close() == b""
        assert 1 <= trio.current_time() - before_s <= 1.3, "though nothing happened for an hour"


async def test_connections_may_be_idle_for_ever(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(connections__max__idle__ms="-1") as broker:
        client = await broker.client()
        await trio.sleep(80_000)
        assert await is_served(client)


async def test_a_client_that_takes_its_answer_slowly_is_not_idle(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    memory.buffered = False
    async with memory.broker(connections__max__idle__ms="1000") as broker:
        writer, stream = await broker.client(), await broker.stream()
        await writer.create_topic("t", max__message__bytes="2000000")
        await produce(writer, batch(b"x" * 1_000_000))
        reader = WireClient(stream)
        await reader.send(fetch_request({("t", 0): 0}), 12)
        received = 0
        while received < 1_000_000:
            await trio.sleep(0.2)
            part = await stream.receive_some(100_000)
            assert part, "closed"
            received += len(part)
        before_s = trio.current_time()
        await reader.receive_close()
        assert 0.8 <= trio.current_time() - before_s <= 1.6, "idle at last"


# ---------------------------------------------------------------------- not reading


@asynccontextmanager
async def flooded(broker: Whole) -> AsyncGenerator[trio.abc.Stream]:
    """Have a client that asks and asks, and does not read."""
    writer = await broker.client()
    await writer.create_topic("t", max__message__bytes="2000000")
    for _ in range(4):
        await produce(writer, batch(b"x" * 1_000_000))
    stream = await broker.stream()
    deaf = WireClient(stream)
    request = fetch_request({("t", 0): 0}, max_bytes=1 << 24, partition_max_bytes=1 << 24)
    with trio.move_on_after(2):
        for _ in range(1000):
            await deaf.send(request, 12)
    (connection,) = [c for c in broker.broker.service.acceptance.connections if c.unsent_bytes]
    assert connection.blocked
    assert connection.unsent_bytes < 10_000_000
    yield stream
    await stream.aclose()


async def test_who_does_not_read_is_not_read_and_others_are_served(driver: Driver) -> None:
    async with driver.broker() as broker, flooded(broker):
        other = await broker.client()
        for _ in range(50):
            assert (await produce(other, batch())).error_code == 0


async def test_deleted_ranges_are_never_sent_as_something_else(driver: Driver) -> None:
    """The connection that waits for them is closed."""
    async with driver.broker() as broker, flooded(broker) as stream:
        other = await broker.client()
        await other.delete_topic("t")
        received = await WireClient(stream).receive_close()
        while received:
            rest = received[4 + int.from_bytes(received[:4]) :]
            if not rest:
                break
            received = rest
        assert 0 < len(received) < 4 + int.from_bytes(received[:4]), "cut off in an answer"
        assert await is_served(other)

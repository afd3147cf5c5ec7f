"""Topics that come with a Metadata request, and configurations that change under open logs."""

from __future__ import annotations

import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.configs import (
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
    IncrementalAlterConfigsResponse,
)
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from raftkafka.protocol.messages.produce import ProduceResponse
from tests.sim.wire_client import WireClient
from tests.support.client_requests import (
    batch,
    fetch,
    fetch_request,
    produce,
    produce_request,
    records_of,
)
from tests.support.whole_broker import Driver, MemoryDriver

BROKER_RESOURCE = 4


def metadata_request(*names: str, create: bool = True) -> MetadataRequest:
    topics = [MetadataRequestTopic(name=name) for name in names]
    return MetadataRequest(topics=topics, allow_auto_topic_creation=create)


async def test_metadata_creates_a_topic_and_names_its_leader(driver: Driver) -> None:
    async with driver.broker(num__partitions="3") as broker:
        client = await broker.client()
        for version in range(14):
            name = f"t{version}"
            response = await client.ask(metadata_request(name), version, MetadataResponse)
            (topic,) = response.topics
            assert (topic.error_code, topic.name) == (0, name)
            assert {part.partition_index for part in topic.partitions} == {0, 1, 2}
            for part in topic.partitions:
                assert (part.error_code, part.leader_id, part.isr_nodes) == (0, 1, [1])
            assert (await produce(client, batch(), topic=name, partition=2)).base_offset == 0


async def test_a_produce_right_behind_the_metadata_that_creates_its_topic(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        created = await client.send(metadata_request("t"), 9)
        produced = await client.send(produce_request({("t", 0): batch()}), 9)
        response = await client.receive(MetadataResponse, 9, created)
        assert response.topics[0].error_code == 0
        answer = await client.receive(ProduceResponse, 9, produced)
        assert answer.responses[0].partition_responses[0].error_code == 0


async def test_many_clients_create_the_same_topic(driver: Driver) -> None:
    async with driver.broker() as broker:
        clients = [await broker.client() for _ in range(10)]
        sent = [await client.send(metadata_request("t", "u"), 9) for client in clients]
        for client, correlation_id in zip(clients, sent, strict=True):
            response = await client.receive(MetadataResponse, 9, correlation_id)
            assert [topic.error_code for topic in response.topics] == [0, 0]


async def test_nothing_is_created_unasked(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        response = await client.ask(metadata_request("t", create=False), 9, MetadataResponse)
        assert response.topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert (await produce(client, batch())).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        await fetch(client, fetch_request({("t", 0): 0}))
        response = await client.ask(metadata_request(), 9, MetadataResponse)
        assert response.topics == []


async def test_creation_by_metadata_can_be_off(driver: Driver) -> None:
    async with driver.broker(auto__create__topics__enable="false") as broker:
        client = await broker.client()
        response = await client.ask(metadata_request("t"), 9, MetadataResponse)
        assert response.topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


# ---------------------------------------------------------------------- configurations


async def alter_broker(client: WireClient, broker: str, **configs: str) -> None:
    """Set keys of one broker, or with an empty name of all."""
    resource = IncrementalAlterConfigsResource(
        resource_type=BROKER_RESOURCE,
        resource_name=broker,
        configs=[
            IncrementalAlterConfigsConfig(name=name.replace("__", "."), value=value)
            for name, value in configs.items()
        ],
    )
    request = IncrementalAlterConfigsRequest(resources=[resource])
    response = await client.ask(request, 1, IncrementalAlterConfigsResponse)
    assert response.responses[0].error_code == 0, response


async def test_the_size_limit_of_an_open_log_changes(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        large = batch(b"x" * 1000)
        for limit, error in (("2000", 0), ("500", ErrorCode.MESSAGE_TOO_LARGE), ("2000", 0)):
            await client.alter_topic("t", max__message__bytes=limit)
            for _ in range(2):
                assert (await produce(client, large)).error_code == error


async def test_a_broker_key_reaches_every_open_log_that_has_no_value_of_its_own(
    driver: Driver,
) -> None:
    """Also where a topic has the name that is the broker's id."""
    async with driver.broker() as broker:
        client = await broker.client()
        for topic in ("t", "1"):
            await client.create_topic(topic)
        await client.create_topic("own", max__message__bytes="2000")
        large = batch(b"x" * 1000)
        for broker_id, limit, error in (
            ("", "500", ErrorCode.MESSAGE_TOO_LARGE),
            ("", "2000", 0),
            ("1", "500", ErrorCode.MESSAGE_TOO_LARGE),
            ("1", "2000", 0),
        ):
            await alter_broker(client, broker_id, message__max__bytes=limit)
            for topic in ("t", "1"):
                assert (await produce(client, large, topic=topic)).error_code == error
            assert (await produce(client, large, topic="own")).error_code == 0


async def test_flush_messages_1_holds_from_the_request_on_that_follows_it(driver: Driver) -> None:
    async with driver.broker() as broker:
        client, reader = await broker.client(), await broker.client()
        await client.create_topic("t")
        for _ in range(2):
            assert (await produce(client, batch())).error_code == 0
        await client.alter_topic("t", flush__messages="1")
        broker.disk.gate.shut()
        sent = await client.send(produce_request({("t", 0): batch()}), 9)
        leader = broker.leader()
        await broker.until(lambda: leader.log.written_end_offset == 3, "written")
        assert len(leader.acks_waiters) == 1
        assert len(await reader.fetch("t", 0)) == 2
        broker.disk.gate.open()
        await client.receive(ProduceResponse, 9, sent)
        await client.alter_topic("t", flush__messages="2000")
        broker.disk.gate.shut()
        assert (await produce(client, batch())).error_code == 0, "and no longer"
        broker.disk.gate.open()


async def test_retention_of_an_open_log_changes(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(log__retention__check__interval__ms="1000") as broker:
        client = await broker.client()
        await client.create_topic("t", segment__bytes="1048576")
        now = memory.wall_ms()
        for _ in range(3):
            await produce(client, batch(b"x" * 600_000, timestamp=now))
        await trio.sleep(10)
        assert broker.leader().log.log_start_offset == 0
        reader = await broker.client()
        sent = await reader.send(fetch_request({("t", 0): 3}, max_wait_ms=30_000), 12)
        await client.alter_topic("t", retention__bytes="600000")
        await trio.sleep(2)
        assert broker.leader().log.log_start_offset == 2
        (part,) = await fetch(client, fetch_request({("t", 0): 0}))
        assert part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
        await client.alter_topic("t", retention__ms="5000")
        await trio.sleep(2)
        assert broker.leader().log.log_start_offset == 3, "consumed or not"
        (part,) = await fetch(client, fetch_request({("t", 0): 3}))
        assert (part.error_code, records_of(part), part.log_start_offset) == (0, b"", 3)
        assert (await produce(client, batch(b"new"))).base_offset == 3
        assert await reader.receive_frame(), sent


async def test_a_topic_that_is_deleted_while_its_logs_are_made_is_no_warning(
    driver: Driver,
) -> None:
    async with driver.broker(num__partitions="200") as broker:
        maker, remover = await broker.client(), await broker.client()
        with capture_logs() as logs:
            for number in range(3):
                await maker.ask(metadata_request(f"t{number}"), 9, MetadataResponse)
                await remover.delete_topic(f"t{number}")
            await broker.until(lambda: not broker.broker.controller.image.topics, "all are gone")
        assert {it["event"] for it in logs if it["log_level"] == "warning"} <= {"loop_held"}

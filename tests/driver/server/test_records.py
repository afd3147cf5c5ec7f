"""DeleteRecords, DescribeProducers and DescribeLogDirs over the wire."""

from __future__ import annotations

import errno

from trio.testing import MockClock

from metadata.image import CONSUMER_OFFSETS
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.log_dirs import (
    DescribableLogDirTopic,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
)
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from raftkafka.protocol.messages.produce import ProduceResponse
from raftkafka.protocol.messages.producers import (
    DescribeProducersRequest,
    DescribeProducersRequestTopic,
    DescribeProducersResponse,
)
from tests.sim.memory_disk import MemoryDisk
from tests.sim.wire_client import WireClient
from tests.support.client_requests import batch, fetch, fetch_request, produce, produce_request
from tests.support.delete_records import delete_records
from tests.support.whole_broker import Driver, MemoryDriver

# ---------------------------------------------------------------------- DeleteRecords


async def test_the_log_starts_where_records_were_deleted(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await produce(client, batch(*[b"v"] * 10))
        for version, before, start in ((0, 2, 2), (1, 5, 5), (2, 3, 5), (2, 0, 5), (2, -1, 10)):
            part = await delete_records(client, "t", before, version=version)
            assert (part.error_code, part.low_watermark) == (0, start)
        assert (await produce(client, batch(b"next"))).base_offset == 10
        assert await client.fetch("t", 10) == [(10, b"next")]
        (fetched,) = await fetch(client, fetch_request({("t", 0): 9}))
        assert fetched.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
        produced = await produce(client, batch())
        assert produced.log_start_offset == 10, "the answers of a known shape tell it too"


async def test_deletions_that_are_refused(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await client.create_topic("compacted", cleanup__policy="compact")
        await client.create_topic("both", cleanup__policy="compact,delete")
        internal = MetadataRequest(
            topics=[MetadataRequestTopic(name=CONSUMER_OFFSETS)], allow_auto_topic_creation=True
        )
        await client.ask(internal, 9, MetadataResponse)
        await produce(client, batch(b"a", b"b"))
        for topic, partition, before, error in (
            ("t", 0, 3, ErrorCode.OFFSET_OUT_OF_RANGE),
            ("t", 0, -2, ErrorCode.OFFSET_OUT_OF_RANGE),
            ("t", 1, 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
            ("nobody's", 0, 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
            ("compacted", 0, 0, ErrorCode.POLICY_VIOLATION),
            (CONSUMER_OFFSETS, 0, 0, ErrorCode.INVALID_TOPIC_EXCEPTION),
        ):
            part = await delete_records(client, topic, before, partition=partition)
            assert (part.error_code, part.low_watermark) == (error, -1), topic
            assert part.partition_index == partition
        assert (await delete_records(client, "both", 0)).error_code == 0
        assert broker.leader().log.log_start_offset == 0


async def test_what_is_not_committed_is_not_deleted(driver: Driver) -> None:
    async with driver.broker() as broker:
        client, writer = await broker.client(), await broker.client()
        await client.create_topic("t", flush__messages="1")
        await produce(client, batch())
        broker.disk.gate.shut()
        sent = await writer.send(produce_request({("t", 0): batch()}), 9)
        await broker.until(lambda: broker.leader().log.written_end_offset == 2, "written")
        part = await delete_records(client, "t", 2)
        assert part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
        part = await delete_records(client, "t", -1)
        assert part.low_watermark == 1, "up to the high watermark"
        broker.disk.gate.open()
        await writer.receive(ProduceResponse, 9, sent)


async def test_deleted_records_stay_deleted(driver: Driver) -> None:
    disk = driver.disk()
    async with driver.broker(disk=disk, dies=False) as broker:
        client = await broker.client()
        await client.create_topic("t")
        await produce(client, batch(b"a", b"b", b"c"))
        await delete_records(client, "t", 2)
    async with driver.broker(disk=disk) as broker:
        assert broker.leader().log.log_start_offset == 2
        assert await (await broker.client()).fetch("t", 2) == [(2, b"c")]


# ---------------------------------------------------------------------- DescribeProducers


async def test_producers_are_listed(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        before_ms = driver.wall_ms()
        await produce(client, batch())
        await produce(client, batch(b"a", b"b", producer=(7, 3, 0)))
        await produce(client, batch(producer=(7, 3, 2)))
        await produce(client, batch(producer=(9, 0, 5)))
        request = DescribeProducersRequest(
            topics=[
                DescribeProducersRequestTopic(name="t", partition_indexes=[0, 1]),
                DescribeProducersRequestTopic(name="u", partition_indexes=[0]),
            ]
        )
        response = await client.ask(request, 0, DescribeProducersResponse)
        here, away, nowhere = [part for topic in response.topics for part in topic.partitions]
        assert [
            (it.producer_id, it.producer_epoch, it.last_sequence) for it in here.active_producers
        ] == [(7, 3, 2), (9, 0, 5)]
        for producer in here.active_producers:
            assert before_ms <= producer.last_timestamp <= driver.wall_ms()
            assert (producer.coordinator_epoch, producer.current_txn_start_offset) == (-1, -1)
        for part, index in ((away, 1), (nowhere, 0)):
            assert part.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            assert (part.partition_index, part.active_producers) == (index, [])


# ---------------------------------------------------------------------- DescribeLogDirs


async def describe(
    client: WireClient, topics: dict[str, list[int]] | None, version: int = 4
) -> list[DescribeLogDirsResult]:
    asked = None
    if topics is not None:
        asked = [DescribableLogDirTopic(topic=t, partitions=p) for t, p in topics.items()]
    response = await client.ask(
        DescribeLogDirsRequest(topics=asked), version, DescribeLogDirsResponse
    )
    assert response.error_code == 0
    return response.results


def sizes(result: DescribeLogDirsResult) -> dict[tuple[str, int], int]:
    return {
        (topic.name, part.partition_index): part.partition_size
        for topic in result.topics
        for part in topic.partitions
    }


async def test_log_directories_in_every_version(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await client.create_topic("u")
        for number in range(3):
            await produce(client, batch(b"%d" % number))
        size = 3 * len(batch(b"0"))
        for version in range(1, 5):
            (result,) = await describe(client, None, version)
            assert (result.error_code, result.log_dir) == (0, f"{driver.folder}/data")
            assert sizes(result) == {("t", 0): size, ("u", 0): 0}
            for topic in result.topics:
                assert [(p.offset_lag, p.is_future_key) for p in topic.partitions] == [(0, False)]
            total_is_known = result.total_bytes > 0 and result.usable_bytes > 0
            assert total_is_known == (version >= 4)
        (result,) = await describe(client, {"u": [0, 1], "nobody's": [0]})
        assert sizes(result) == {("u", 0): 0}
        (result,) = await describe(client, {})
        assert sizes(result) == {}


async def test_a_directory_that_failed_is_named(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(log__dirs="/one,/two") as broker:
        client = await broker.client()
        await client.create_topic("t")
        await client.create_topic("u")
        disk = broker.disk
        assert isinstance(disk, MemoryDisk)
        failing, other = ("t", "u") if disk.exists("/two/t-0") else ("u", "t")
        disk.fail("write", "/two", errno.EIO)
        writer = await broker.client()
        await writer.send(produce_request({(failing, 0): batch()}), 9)
        assert await writer.receive_close() == b""
        good, failed = await describe(client, None)
        assert (good.log_dir, good.error_code, sizes(good)) == ("/one", 0, {(other, 0): 0})
        assert (failed.log_dir, failed.error_code) == ("/two", ErrorCode.KAFKA_STORAGE_ERROR)
        assert failed.topics == []

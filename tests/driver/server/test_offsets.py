"""ListOffsets and OffsetForLeaderEpoch over the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import crc32c
import pytest
import trio
from structlog.testing import capture_logs

from raftkafka.compression import Codec
from raftkafka.errors import ErrorCode
from raftkafka.log import slices_driver
from raftkafka.log.checkpoints import CLEAN_SHUTDOWN, LAST_START
from raftkafka.log.lookup import RecordScan
from raftkafka.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from raftkafka.records import CRC_START, HEADER_BYTES, Record, build_batch
from tests.sim.wire_client import WireClient
from tests.support.client_requests import (
    batch,
    fetch,
    fetch_request,
    produce,
    produce_request,
    values_in,
)
from tests.support.delete_records import delete_records
from tests.support.whole_broker import Driver, Whole

VERSIONS = range(1, 10)
LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED = range(-1, -6, -1)
BASE_MS = 1_700_000_000_000
NOTHING = (0, -1, -1)

Answered = tuple[int, int, int]
"""Error, timestamp, offset."""


def request_of(*asked: tuple[str, int, int], leader_epoch: int = -1) -> ListOffsetsRequest:
    """Return a request of (topic, partition, timestamp)."""
    topics: dict[str, ListOffsetsTopic] = {}
    for topic, partition, timestamp in asked:
        topics.setdefault(topic, ListOffsetsTopic(name=topic)).partitions.append(
            ListOffsetsPartition(
                partition_index=partition, timestamp=timestamp, current_leader_epoch=leader_epoch
            )
        )
    return ListOffsetsRequest(replica_id=-1, topics=list(topics.values()))


async def ask(
    client: WireClient, request: ListOffsetsRequest, version: int = 9
) -> list[ListOffsetsPartitionResponse]:
    response = await client.ask(request, version, ListOffsetsResponse)
    return [part for topic in response.topics for part in topic.partitions]


async def look_up(client: WireClient, timestamp: int, version: int = 9) -> Answered:
    (part,) = await ask(client, request_of(("t", 0, timestamp)), version)
    return part.error_code, part.timestamp, part.offset


async def fill(client: WireClient, *batches: tuple[int, ...]) -> None:
    """Make a topic with batches of records of these times after a base."""
    await client.create_topic("t")
    for number, times in enumerate(batches):
        records = [Record(n, BASE_MS + ms, None, b"v") for n, ms in enumerate(times)]
        codec = (Codec.NONE, Codec.LZ4)[number % 2]
        assert (await produce(client, build_batch(records, codec=codec))).error_code == 0


async def test_positions_in_every_version(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await fill(client, (0, 10), (50, 40), (30,))
        await delete_records(client, "t", 1)
        expected = {
            LATEST: (1, (0, -1, 5)),
            EARLIEST: (1, (0, -1, 1)),
            MAX_TIMESTAMP: (7, (0, BASE_MS + 50, 2)),
            EARLIEST_LOCAL: (8, (0, -1, 1)),
            LATEST_TIERED: (9, NOTHING),
            -6: (99, NOTHING),
            -(2**63): (99, NOTHING),
        }
        for version in VERSIONS:
            for timestamp, (since, answered) in expected.items():
                if version < since:
                    answered = (ErrorCode.UNSUPPORTED_VERSION, -1, -1)
                assert await look_up(client, timestamp, version) == answered, timestamp


async def test_timestamps_in_every_version(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await fill(client, (0, 10), (50, 40), (30,), (60,))
        first_at_or_after = {
            -BASE_MS: (0, 0),
            -5: (0, 0),
            0: (0, 0),
            1: (10, 1),
            10: (10, 1),
            11: (50, 2),
            50: (50, 2),
            51: (60, 5),
            60: (60, 5),
        }
        for version in VERSIONS:
            for after_ms, (ms, offset) in first_at_or_after.items():
                answered = await look_up(client, BASE_MS + after_ms, version)
                assert answered == (0, BASE_MS + ms, offset), after_ms
            for beyond in (BASE_MS + 61, 2**63 - 1):
                assert await look_up(client, beyond, version) == NOTHING
        await delete_records(client, "t", 2)
        assert await look_up(client, BASE_MS) == (0, BASE_MS + 50, 2)


async def test_an_empty_log(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        for timestamp in (LATEST, EARLIEST, EARLIEST_LOCAL):
            assert await look_up(client, timestamp) == (0, -1, 0)
        for timestamp in (MAX_TIMESTAMP, 0, BASE_MS):
            assert await look_up(client, timestamp) == NOTHING


async def test_what_is_not_visible_is_not_found(driver: Driver) -> None:
    async with driver.broker() as broker:
        client, writer = await broker.client(), await broker.client()
        await fill(client, (0,))
        await client.alter_topic("t", flush__messages="1")
        await produce(client, batch())
        broker.disk.gate.shut()
        records = build_batch([Record(0, BASE_MS + 100, None, b"v")])
        await writer.send(produce_request({("t", 0): records}), 9)
        await broker.until(lambda: broker.leader().log.written_end_offset == 3, "written")
        assert await look_up(client, LATEST) == (0, -1, 2)
        assert await look_up(client, BASE_MS + 1) == NOTHING
        assert await look_up(client, MAX_TIMESTAMP) == NOTHING
        broker.disk.gate.open()
        await broker.until(lambda: broker.leader().high_watermark == 3, "flushed")
        assert await look_up(client, BASE_MS + 1) == (0, BASE_MS + 100, 2)


async def test_partitions_that_are_asked_for_twice_are_invalid_and_no_others(
    driver: Driver,
) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await client.create_topic("u")
        request = request_of(("t", 0, LATEST), ("u", 0, LATEST), ("u", 1, LATEST))
        request.topics.append(ListOffsetsTopic(name="t", partitions=request.topics[0].partitions))
        assert [part.error_code for part in await ask(client, request)] == [
            ErrorCode.INVALID_REQUEST,
            0,
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode.INVALID_REQUEST,
        ]


async def test_leader_epochs(driver: Driver) -> None:
    disk = driver.disk()
    async with driver.broker(disk=disk, dies=False) as broker:
        await fill(await broker.client(), (0,), (10,))
        old = broker.leader().leader_epoch
    for name in (CLEAN_SHUTDOWN, LAST_START):
        disk.remove(f"{driver.folder}/data/{name}")
    async with driver.broker(disk=disk) as broker:
        client = await broker.client()
        await produce(client, build_batch([Record(0, BASE_MS + 20, None, b"v")]))
        new = broker.leader().leader_epoch
        assert new > old

        for version in (3, 4, 5, 9):
            for timestamp, epoch in ((LATEST, new), (EARLIEST, old), (BASE_MS + 1, old)):
                (part,) = await ask(client, request_of(("t", 0, timestamp)), version)
                assert part.leader_epoch == (epoch if version >= 4 else -1)
        for claimed, error in (
            (new, 0),
            (new - 1, ErrorCode.FENCED_LEADER_EPOCH),
            (new + 1, ErrorCode.UNKNOWN_LEADER_EPOCH),
        ):
            request = request_of(("t", 0, LATEST), leader_epoch=claimed)
            (part,) = await ask(client, request)
            assert part.error_code == error

        for version in (2, 3, 4):
            expected = {old: (0, old, 2), new: (0, new, 3), new + 1: (0, -1, -1), -1: (0, -1, -1)}
            for epoch, answered in expected.items():
                assert await end_of(client, epoch, version) == answered
        assert await end_of(client, old, current=old) == (ErrorCode.FENCED_LEADER_EPOCH, -1, -1)
        assert await end_of(client, old, current=new) == (0, old, 2)
        error = ErrorCode.UNKNOWN_LEADER_EPOCH
        assert await end_of(client, old, current=new + 1) == (error, -1, -1)
        error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert await end_of(client, old, topic="nobody's") == (error, -1, -1)


async def end_of(
    client: WireClient, epoch: int, version: int = 4, *, current: int = -1, topic: str = "t"
) -> tuple[int, int, int]:
    """Return error, epoch and end offset, as OffsetForLeaderEpoch answers."""
    asked = OffsetForLeaderPartition(partition=0, leader_epoch=epoch, current_leader_epoch=current)
    request = OffsetForLeaderEpochRequest(
        replica_id=-1, topics=[OffsetForLeaderTopic(topic=topic, partitions=[asked])]
    )
    response = await client.ask(request, version, OffsetForLeaderEpochResponse)
    ((part,),) = [topic.partitions for topic in response.topics]
    return part.error_code, part.leader_epoch, part.end_offset


async def test_a_high_watermark_that_lags_its_epoch_makes_latest_wait(driver: Driver) -> None:
    """Rule 14: after a restart it may be behind what was served before."""
    async with driver.broker() as broker:
        client = await broker.client()
        await fill(client, (0,))
        leader = broker.leader()
        leader.epoch_start_offset = 2
        for version in VERSIONS:
            error = ErrorCode.LEADER_NOT_AVAILABLE
            if version >= 5:
                error = ErrorCode.OFFSET_NOT_AVAILABLE
            for timestamp in (LATEST, BASE_MS):
                assert await look_up(client, timestamp, version) == (error, -1, -1)
            assert await look_up(client, EARLIEST, version) == (0, -1, 0)
        leader.epoch_start_offset = 1
        assert await look_up(client, LATEST) == (0, -1, 1)


# ---------------------------------------------------------------------- large batches


def large_batch(codec: Codec, *, first_ms: int = 0, records: int = 2000) -> bytes:
    """Return a batch that takes long to look through; its last record is the newest."""
    return build_batch(
        [Record(n, BASE_MS + first_ms + n, None, b"value") for n in range(records)], codec=codec
    )


@asynccontextmanager
async def look_up_that_waits(
    broker: Whole, client: WireClient, timestamp: int
) -> AsyncGenerator[list[Answered]]:
    """Look up a time in a large batch; in the block, no thread has looked into it yet."""
    answers: list[Answered] = []

    async def ask_for_it() -> None:
        answers.append(await look_up(client, timestamp))

    broker.disk.gate.shut()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_for_it)
        await broker.until(lambda: broker.disk.gate.waiting > 0, "a thread's turn")
        yield answers
        assert not answers
        broker.disk.gate.open()


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.GZIP, Codec.ZSTD])
@pytest.mark.parametrize("timestamp", [BASE_MS + 1500, MAX_TIMESTAMP])
async def test_large_batches_are_looked_through_by_a_thread(
    driver: Driver, codec: Codec, timestamp: int
) -> None:
    """The loop serves others meanwhile."""
    async with driver.broker() as broker:
        client, other = await broker.client(), await broker.client()
        await fill(client, (0,))
        await produce(client, large_batch(codec))
        async with look_up_that_waits(broker, client, timestamp) as answers:
            assert await look_up(other, LATEST) == (0, -1, 2001)
            assert await look_up(other, BASE_MS) == (0, BASE_MS, 0), "a small batch needs none"
        found = 2000 if timestamp == MAX_TIMESTAMP else 1501
        assert answers == [(0, BASE_MS + found - 1, found)]


async def test_many_records_are_looked_through_in_slices(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have their turns meanwhile; a thread would keep the interpreter from them."""
    monkeypatch.setattr(slices_driver, "SLICE_S", 0.0)
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await produce(client, large_batch(Codec.ZSTD, records=40_000))
        turns = 0

        async def take_turns() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        advance = RecordScan.advance
        steps: list[int] = []

        def count_turns(scan: RecordScan, records: int) -> None:
            steps.append(turns)
            advance(scan, records)

        monkeypatch.setattr(RecordScan, "advance", count_turns)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_turns)
            assert await look_up(client, BASE_MS + 39_999) == (0, BASE_MS + 39_999, 39_999)
            nursery.cancel_scope.cancel()
        assert len(steps) > 80
        assert len(set(steps)) >= len(steps) // 2 - 1, "a turn for others after two steps at most"


async def test_a_log_that_is_cut_during_a_look_up_is_looked_through_again(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await fill(client, (0,))
        await produce(client, large_batch(Codec.ZSTD, first_ms=10))
        log = broker.leader().log
        async with look_up_that_waits(broker, client, BASE_MS + 1500) as answers:
            log.truncate_to(1)
            newer = bytearray(build_batch([Record(0, BASE_MS + 2500, None, b"new")]))
            log.append_as_leader(memoryview(newer), 0, BASE_MS)
            log.write()
        assert answers == [(0, BASE_MS + 2500, 1)]


@pytest.mark.parametrize("timestamp", [BASE_MS + 1500, MAX_TIMESTAMP])
async def test_a_topic_that_is_deleted_during_a_look_up(driver: Driver, timestamp: int) -> None:
    async with driver.broker() as broker:
        client, other = await broker.client(), await broker.client()
        await fill(client, (0,))
        await produce(client, large_batch(Codec.ZSTD))
        leader = broker.leader()
        async with look_up_that_waits(broker, client, timestamp) as answers:
            broker.disk.gate.let_through(1000)
            await other.delete_topic("t")
            assert leader.ended is not None
        assert answers == [(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1)]


# ---------------------------------------------------------------------- damage


async def test_damage_is_told_to_readers_and_logged_once_for_each_segment(driver: Driver) -> None:
    disk = driver.disk()
    async with driver.broker(disk=disk, dies=False) as broker:
        client = await broker.client()
        await client.create_topic("t", segment__bytes="1048576")
        for number in range(6):
            records = [Record(0, BASE_MS + number, None, b"x" * 400_000)]
            assert (await produce(client, build_batch(records))).error_code == 0
    folder = f"{driver.folder}/data/t-0"
    first, second, *_ = sorted(n for n in disk.listdir(folder) if n.endswith(".log"))
    for name in (first, second):
        path = f"{folder}/{name}"
        disk.open(path).pwrite([b"\x7f" * disk.size(path)], 0)
    async with driver.broker(disk=disk) as broker:
        client = await broker.client()
        with capture_logs() as logs:
            for _ in range(3):
                for offset in (0, 1, 3):
                    (part,) = await fetch(client, fetch_request({("t", 0): offset}))
                    if offset:
                        assert part.error_code == ErrorCode.CORRUPT_MESSAGE
                for timestamp in (BASE_MS, BASE_MS + 3):
                    answered = await look_up(client, timestamp)
                    assert answered == (ErrorCode.CORRUPT_MESSAGE, -1, -1)
            (part,) = await fetch(client, fetch_request({("t", 0): 4}))
            assert [offset for offset, _ in values_in(part)] == [4, 5], "the others are served"
        damages = [it for it in logs if it["event"] == "segment_damaged"]
        assert sorted(it["file"] for it in damages) == [f"{folder}/{n}" for n in (first, second)]
        assert {it["log_level"] for it in damages} == {"error"}


async def test_a_batch_that_does_not_hold_what_it_says(driver: Driver) -> None:
    """Its header and CRC are right, which is all that an append looks at."""
    content = bytearray(build_batch([Record(n, BASE_MS + n, None, b"v") for n in range(9)]))
    content[HEADER_BYTES] = 0x7F
    crc = crc32c.crc32c(bytes(content[CRC_START:]))
    content[CRC_START - 4 : CRC_START] = crc.to_bytes(4)
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        assert (await produce(client, bytes(content))).error_code == 0
        with capture_logs() as logs:
            for timestamp in (BASE_MS, MAX_TIMESTAMP, BASE_MS):
                assert await look_up(client, timestamp) == (ErrorCode.CORRUPT_MESSAGE, -1, -1)
        assert [it["event"] for it in logs] == ["segment_damaged"]

"""Produce over the wire: acks, refusals by partition, and what is acknowledged when."""

from __future__ import annotations

import errno

import pytest
import trio
from trio.testing import MockClock

from metadata.image import CONSUMER_OFFSETS
from raftkafka.compression import Codec
from raftkafka.errors import ErrorCode
from raftkafka.log.partition_log import PartitionLog
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from raftkafka.protocol.messages.produce import ProduceResponse
from raftkafka.records import CONTROL, LOG_APPEND_TIME, TRANSACTIONAL, Record, build_batch
from tests.sim.memory_disk import MemoryDisk
from tests.sim.wire_client import WireClient
from tests.support.client_requests import (
    ALL,
    TIMESTAMP_MS,
    batch,
    fetch,
    fetch_request,
    produce,
    produce_request,
    records_of,
    values_in,
)
from tests.support.whole_broker import Driver, MemoryDriver

VERSIONS = range(3, 12)


async def read_all(client: WireClient, topic: str = "t") -> list[tuple[int, bytes]]:
    (part,) = await fetch(client, fetch_request({(topic, 0): 0}))
    assert part.error_code == 0
    return values_in(part)


async def test_every_version_and_acks(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        offset = 0
        for version in VERSIONS:
            for acks in (1, ALL, 1, ALL):
                part = await produce(client, batch(b"%d" % offset), version=version, acks=acks)
                assert (part.index, part.error_code, part.base_offset) == (0, 0, offset)
                assert part.log_append_time_ms == -1
                assert part.log_start_offset == (0 if version >= 5 else -1)
                offset += 1
        assert await read_all(client) == [(n, b"%d" % n) for n in range(offset)]


async def test_acks_0_is_not_answered(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        for number in range(3):
            await client.send(produce_request({("t", 0): batch(b"%d" % number)}, acks=0), 9)
        part = await produce(client, batch(b"3"))
        assert part.base_offset == 3, "the answer that came is to the request with acks"


async def test_acks_0_is_told_of_an_error_by_a_close(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        request = produce_request({("t", 0): batch(b"kept"), ("unknown", 0): batch()}, acks=0)
        await client.send(request, 9)
        assert await client.receive_close() == b""
        assert await read_all(await broker.client()) == [(0, b"kept")]


async def test_other_acks_are_refused(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        for acks in (2, -2, 100):
            part = await produce(client, batch(), acks=acks)
            assert part.error_code == ErrorCode.INVALID_REQUIRED_ACKS
            assert part.base_offset == -1
        assert broker.leader().log.log_end_offset == 0


async def test_partitions_of_one_request_succeed_and_fail_by_themselves(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await client.create_topic("u")
        damaged = bytearray(batch(b"damaged"))
        damaged[-3] ^= 1
        request = produce_request(
            {
                ("t", 0): batch(b"a", b"b"),
                ("t", 1): batch(),
                ("nobody's", 0): batch(),
                ("u", -1): batch(),
                ("u", 0): bytes(damaged),
            },
        )
        response = await client.ask(request, 9, ProduceResponse)
        answered = {
            (topic.name, part.index): (part.error_code, part.base_offset)
            for topic in response.responses
            for part in topic.partition_responses
        }
        assert answered == {
            ("t", 0): (0, 0),
            ("t", 1): (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1),
            ("nobody's", 0): (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1),
            ("u", -1): (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1),
            ("u", 0): (ErrorCode.CORRUPT_MESSAGE, -1),
        }
        assert await read_all(client) == [(0, b"a"), (1, b"b")]
        assert await read_all(client, "u") == []


async def create_internal(client: WireClient) -> None:
    request = MetadataRequest(
        topics=[MetadataRequestTopic(name=CONSUMER_OFFSETS)], allow_auto_topic_creation=True
    )
    response = await client.ask(request, 9, MetadataResponse)
    assert [topic.error_code for topic in response.topics] == [0]


async def test_internal_topics_take_nothing_from_clients(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await create_internal(client)
        part = await produce(client, batch(), topic=CONSUMER_OFFSETS)
        assert part.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
        assert broker.leader(CONSUMER_OFFSETS).log.log_end_offset == 0


async def test_zstd_needs_version_7(driver: Driver) -> None:
    """Also when the requests before had the same shape, and were not compressed."""
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        for version in VERSIONS:
            for codec in (Codec.NONE, Codec.NONE, Codec.ZSTD):
                part = await produce(client, batch(*[b"same"] * 50, codec=codec), version=version)
                refused = codec == Codec.ZSTD and version < 7
                assert part.error_code == (
                    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE if refused else ErrorCode.NONE
                )


async def test_compressed_batches_pass_through_untouched(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        for offset, codec in enumerate(Codec):
            sent = batch(*[b"same"] * 50, codec=codec)
            await produce(client, sent)
            (part,) = await fetch(client, fetch_request({("t", 0): 50 * offset}))
            assert records_of(part)[16:] == sent[16:], "all but offset and leader epoch"


def changed(records: bytes, position: int, data: bytes) -> bytes:
    return records[:position] + data + records[position + len(data) :]


BAD_BATCHES = {
    "none": (None, ErrorCode.INVALID_RECORD),
    "empty": (b"", ErrorCode.INVALID_RECORD),
    "short": (b"\0" * 16, ErrorCode.INVALID_RECORD),
    "damaged": (changed(batch(b"vvvv"), -3, b"\xff"), ErrorCode.CORRUPT_MESSAGE),
    "wrong crc": (changed(batch(), 17, b"\0\0\0\0"), ErrorCode.CORRUPT_MESSAGE),
    "magic 1": (changed(batch(), 16, b"\1"), ErrorCode.INVALID_RECORD),
    "magic 9": (changed(batch(), 16, b"\x09"), ErrorCode.CORRUPT_MESSAGE),
    "length 0": (changed(batch(), 8, b"\0\0\0\0"), ErrorCode.CORRUPT_MESSAGE),
    "length -1": (changed(batch(), 8, b"\xff" * 4), ErrorCode.CORRUPT_MESSAGE),
    "cut": (batch(b"value")[:-1], ErrorCode.INVALID_RECORD),
    "two": (batch() + batch(), ErrorCode.INVALID_RECORD),
    "control": (batch(flags=CONTROL), ErrorCode.INVALID_RECORD),
    "log append time": (batch(flags=LOG_APPEND_TIME), ErrorCode.INVALID_TIMESTAMP),
    "no sequence": (batch(producer=(7, 0, -1)), ErrorCode.INVALID_RECORD),
    "base offset": (changed(batch(), 0, b"\0" * 7 + b"\5"), ErrorCode.INVALID_RECORD),
    "transactional": (
        batch(producer=(7, 0, 0), flags=TRANSACTIONAL),
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ),
}


@pytest.mark.parametrize("shape_is_known", [False, True])
async def test_bad_batches_are_refused_and_nothing_is_appended(
    driver: Driver, shape_is_known: bool
) -> None:
    """Whether or not a good batch of the same shape came before on the connection."""
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        end = 0
        for name, (records, error) in BAD_BATCHES.items():
            if shape_is_known:
                part = await produce(client, batch(b"good"))
                assert (part.error_code, part.base_offset) == (0, end), name
                end += 1
            part = await produce(client, records)
            assert part.error_code == error, f"{name}: {part}"
            assert (part.base_offset, part.log_append_time_ms) == (-1, -1), name
            assert broker.leader().log.log_end_offset == end, name


async def test_a_batch_larger_than_max_message_bytes_is_refused(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t", max__message__bytes="200")
        assert (await produce(client, batch(b"x" * 100))).error_code == 0
        part = await produce(client, batch(b"x" * 200))
        assert part.error_code == ErrorCode.MESSAGE_TOO_LARGE
        assert (await produce(client, batch(b"x" * 100))).base_offset == 1


async def test_records_without_a_key_are_named_one_by_one(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t", cleanup__policy="compact")
        keys = (b"k", None, b"k", None)
        records = [Record(n, TIMESTAMP_MS, key, b"v") for n, key in enumerate(keys)]
        for version in VERSIONS:
            part = await produce(client, build_batch(records), version=version)
            assert part.error_code == ErrorCode.INVALID_RECORD
            named = [it.batch_index for it in part.record_errors]
            assert named == ([1, 3] if version >= 8 else [])
            text = "One or more records have been rejected" if version >= 8 else None
            assert part.error_message == text


async def test_nobody_has_transactions_yet(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        part = await produce(client, batch(), transactional_id="tx")
        assert part.error_code == ErrorCode.INVALID_TXN_STATE
        assert broker.leader().log.log_end_offset == 0


async def test_log_append_time_is_told_from_the_request_on_that_finds_it(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        assert (await produce(client, batch())).log_append_time_ms == -1
        assert (await produce(client, batch())).log_append_time_ms == -1
        await client.alter_topic("t", message__timestamp__type="LogAppendTime")
        before_ms = driver.wall_ms()
        part = await produce(client, batch())
        assert before_ms <= part.log_append_time_ms <= driver.wall_ms()
        await client.alter_topic("t", message__timestamp__type="CreateTime")
        assert (await produce(client, batch())).log_append_time_ms == -1


# ---------------------------------------------------------------------- idempotence


async def test_what_is_sent_again_gets_its_old_offset(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        batches = [batch(b"%d" % n, b"x", producer=(7, 0, 2 * n)) for n in range(6)]
        for number, one in enumerate(batches):
            assert (await produce(client, one)).base_offset == 2 * number
        for number in range(1, 6):
            part = await produce(client, batches[number])
            assert (part.error_code, part.base_offset) == (0, 2 * number)
        part = await produce(client, batches[0])
        assert part.error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, "five are remembered"
        part = await produce(client, batch(producer=(7, 0, 99)))
        assert part.error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        assert (await produce(client, batch(producer=(7, 1, 0)))).base_offset == 12
        part = await produce(client, batch(producer=(7, 0, 12)))
        assert part.error_code == ErrorCode.INVALID_PRODUCER_EPOCH
        assert broker.leader().log.log_end_offset == 13


async def test_a_pipelined_repetition_gets_its_old_offset_too(driver: Driver) -> None:
    """Both in one turn: the first is not written when the second comes."""
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        request = produce_request({("t", 0): batch(producer=(7, 0, 0))})
        sent = [await client.send(request, 9) for _ in range(3)]
        for correlation_id in sent:
            response = await client.receive(ProduceResponse, 9, correlation_id)
            part = response.responses[0].partition_responses[0]
            assert (part.error_code, part.base_offset) == (0, 0)
        assert broker.leader().log.log_end_offset == 1


# ---------------------------------------------------------------------- flush.messages=1


async def test_flush_messages_1_acknowledges_and_shows_only_what_is_fsynced(
    driver: Driver,
) -> None:
    async with driver.broker() as broker:
        client, other, reader = [await broker.client() for _ in range(3)]
        await client.create_topic("t", flush__messages="1")
        assert (await produce(client, batch(b"first"))).base_offset == 0
        broker.disk.gate.shut()
        sent = await client.send(produce_request({("t", 0): batch(b"all")}), 9)
        sent_too = await other.send(produce_request({("t", 0): batch(b"one")}, acks=1), 9)
        leader = broker.leader()
        await broker.until(lambda: leader.log.written_end_offset == 3, "both written")
        assert (len(leader.acks_waiters), len(leader.flush_waiters)) == (1, 1)
        assert await read_all(reader) == [(0, b"first")]
        broker.disk.gate.open()
        for it, correlation_id, offset in ((client, sent, 1), (other, sent_too, 2)):
            answer = await it.receive(ProduceResponse, 9, correlation_id)
            assert answer.responses[0].partition_responses[0].base_offset == offset
        assert leader.log.flushed_offset == 3
        assert [value for _, value in await read_all(reader)] == [b"first", b"all", b"one"]


async def test_acks_0_and_flush_messages_1_wait_for_nothing(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t", flush__messages="1")
        await client.create_topic("u")
        broker.disk.gate.shut()
        await client.send(produce_request({("t", 0): batch()}, acks=0), 9)
        assert (await produce(client, batch(), topic="u")).error_code == 0
        assert broker.leader().log.written_end_offset == 1
        assert not broker.leader().flush_waiters
        broker.disk.gate.open()


async def test_an_fsync_that_hangs_ends_in_a_time_out_and_the_records_stay(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker() as broker:
        client = await broker.client()
        await client.create_topic("t", flush__messages="1")
        await client.create_topic("u")
        for acks in (ALL, 1):
            broker.disk.gate.shut()
            before_s = trio.current_time()
            request = produce_request(
                {("t", 0): batch(b"v"), ("u", 0): batch()}, acks=acks, timeout_ms=1500
            )
            response = await client.ask(request, 9, ProduceResponse)
            assert trio.current_time() - before_s == pytest.approx(1.5)
            waited, prompt = [topic.partition_responses[0] for topic in response.responses]
            assert (waited.error_code, waited.base_offset) == (ErrorCode.REQUEST_TIMED_OUT, -1)
            assert prompt.error_code == 0
            broker.assert_nothing_waits()
            broker.disk.gate.open()
        await broker.until(lambda: broker.leader().high_watermark == 2, "flushed in the end")
        assert await read_all(client) == [(0, b"v"), (1, b"v")]


async def test_a_time_out_of_0_does_not_wait(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t", flush__messages="1")
        broker.disk.gate.shut()
        for timeout_ms in (0, -1):
            part = await produce(client, batch(), timeout_ms=timeout_ms)
            assert part.error_code == ErrorCode.REQUEST_TIMED_OUT
        broker.disk.gate.open()


async def test_a_repetition_is_acknowledged_when_the_first_one_is_fsynced(driver: Driver) -> None:
    async with driver.broker() as broker:
        first, again = await broker.client(), await broker.client()
        await first.create_topic("t", flush__messages="1")
        broker.disk.gate.shut()
        request = produce_request({("t", 0): batch(producer=(7, 0, 0))})
        sent, sent_again = await first.send(request, 9), await again.send(request, 9)
        leader = broker.leader()
        await broker.until(lambda: len(leader.acks_waiters) == 2, "both wait")
        assert leader.log.log_end_offset == 1
        broker.disk.gate.open()
        for client, correlation_id in ((first, sent), (again, sent_again)):
            answer = await client.receive(ProduceResponse, 9, correlation_id)
            part = answer.responses[0].partition_responses[0]
            assert (part.error_code, part.base_offset) == (0, 0)


async def test_many_acknowledgements_ride_on_one_fsync(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    """While one fsync runs the next ones wait, and share what comes after it."""
    async with memory.broker() as broker:
        clients = [await broker.client() for _ in range(40)]
        await clients[0].create_topic("t", flush__messages="1")
        flushes: list[int] = []
        log = broker.leader().log
        mark_flushed = type(log).mark_flushed

        with pytest.MonkeyPatch.context() as patch:

            def count(self: PartitionLog, offset: int) -> None:
                flushes.append(offset)
                mark_flushed(self, offset)

            patch.setattr(type(log), "mark_flushed", count)
            async with trio.open_nursery() as nursery:
                for client in clients:
                    nursery.start_soon(produce, client, batch())
        assert flushes[-1] == 40
        assert len(flushes) <= 3, "the first one, all that came meanwhile, the rest"


async def test_flush_before_visible_acknowledges_first_and_shows_later(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t", flush__before__visible="true", flush__messages="3")
        broker.disk.gate.shut()
        for number in range(3):
            assert (await produce(client, batch(b"%d" % number))).error_code == 0
            assert await read_all(client) == []
        broker.disk.gate.open()
        await broker.until(lambda: broker.leader().visible_end == 3, "flushed")
        assert len(await read_all(client)) == 3
        for _ in range(2):
            await produce(client, batch())
        assert len(await read_all(client)) == 3, "two more do not make a flush"


# ---------------------------------------------------------------------- disks that fail


async def test_a_failed_fsync_fails_who_waits_for_it_and_no_other_directory(
    memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(log__dirs="/one,/two") as broker:
        client, other = await broker.client(), await broker.client()
        await client.create_topic("t", flush__messages="1")
        await client.create_topic("u", flush__messages="1")
        disk = broker.disk
        assert isinstance(disk, MemoryDisk)
        failing = next(d for d in ("/one", "/two") if disk.exists(f"{d}/t-0"))
        disk.fail("sync", f"{failing}/t-0", errno.EIO)
        part = await produce(client, batch())
        assert part.error_code == ErrorCode.KAFKA_STORAGE_ERROR
        part = await produce(other, batch())
        assert part.error_code == ErrorCode.KAFKA_STORAGE_ERROR, "offline from now on"
        assert (await produce(other, batch(), topic="u")).error_code == 0

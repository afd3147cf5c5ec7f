"""Fetch over the wire: what is readable, how much of it, and what a client is told instead."""

from __future__ import annotations

import pytest

from raftkafka.errors import ErrorCode
from raftkafka.log.checkpoints import CLEAN_SHUTDOWN, LAST_START
from raftkafka.protocol.messages.fetch import (
    FetchDivergingEpoch,
    FetchPartitionData,
    FetchReplicaState,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from raftkafka.types import ZERO_ID
from tests.sim.wire_client import WireClient
from tests.support.client_requests import (
    batch,
    fetch,
    fetch_request,
    produce,
    records_of,
    values_in,
)
from tests.support.delete_records import delete_records
from tests.support.gated_disks import make_all_files_cold
from tests.support.whole_broker import Driver, Whole

VERSIONS = range(4, 17)
FIRST_WITH_IDS = 13
BATCH_BYTES = len(batch(b"v" * 100))
UNKNOWN_ID = bytes(range(16))


async def filled(broker: Whole, batches: int = 3, topic: str = "t") -> WireClient:
    """Make a topic with batches of one record each; return a client."""
    client = await broker.client()
    await client.create_topic(topic)
    for number in range(batches):
        part = await produce(client, batch(b"%d" % number * 100), topic=topic)
        assert part.base_offset == number
    return client


def named(broker: Whole, version: int, topic: str = "t") -> str | bytes:
    """Return how a topic is named in a version."""
    return broker.leader(topic).log.topic_id if version >= FIRST_WITH_IDS else topic


async def test_every_version(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await filled(broker)
        await delete_records(client, "t", 1)
        for version in VERSIONS:
            topic = named(broker, version)
            response = await client.ask(fetch_request({(topic, 0): 1}), version, FetchResponse)
            assert (response.error_code, response.session_id) == (0, 0)
            (answered,) = response.responses
            assert (answered.topic, answered.topic_id) == (
                ("", topic) if version >= FIRST_WITH_IDS else (topic, ZERO_ID)
            )
            (part,) = answered.partitions
            assert (part.partition_index, part.error_code) == (0, 0)
            assert (part.high_watermark, part.last_stable_offset) == (3, 3)
            assert part.log_start_offset == (1 if version >= 5 else -1)
            assert part.diverging_epoch is None
            assert part.preferred_read_replica == -1
            assert part.aborted_transactions is None
            assert [offset for offset, _ in values_in(part)] == [1, 2]


async def test_unknown_topics_ids_and_partitions(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await filled(broker)
        (part,) = await fetch(client, fetch_request({("nobody's", 0): 0}, max_wait_ms=60_000))
        assert part.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert (part.high_watermark, part.last_stable_offset) == (-1, -1)
        for partition in (1, -1, 2**31 - 1):
            (part,) = await fetch(client, fetch_request({("t", partition): 0}, max_wait_ms=60_000))
            assert part.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        for unknown in (UNKNOWN_ID, ZERO_ID):
            request = fetch_request({(unknown, 0): 0}, max_wait_ms=60_000)
            response = await client.ask(request, 13, FetchResponse)
            assert response.responses[0].topic_id == unknown
            assert response.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


async def test_an_error_in_one_partition_answers_all_at_once(driver: Driver) -> None:
    """min_bytes is far away; what is there comes with the error."""
    async with driver.broker() as broker:
        client = await filled(broker)
        request = fetch_request({("t", 0): 0, ("t", 1): 0}, max_wait_ms=60_000, min_bytes=1_000_000)
        good, bad = await fetch(client, request)
        assert len(values_in(good)) == 3
        assert bad.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_offsets_outside_the_log_are_out_of_range(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await filled(broker)
        await delete_records(client, "t", 1)
        for offset in (0, -1, 4, 2**62):
            (part,) = await fetch(client, fetch_request({("t", 0): offset}, max_wait_ms=60_000))
            assert part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE, offset
            assert (part.high_watermark, records_of(part)) == (-1, b"")
        (part,) = await fetch(client, fetch_request({("t", 0): 3}))
        assert (part.error_code, part.high_watermark, records_of(part)) == (0, 3, b"")


async def test_no_partitions_are_answered_at_once(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await filled(broker)
        request = fetch_request({}, max_wait_ms=60_000)
        assert await fetch(client, request) == []
        request.topics = [FetchTopic(topic="t")]
        assert await fetch(client, request) == []


# ---------------------------------------------------------------------- leader epochs


async def test_leader_epochs_fence_and_divergence_is_told(driver: Driver) -> None:
    disk = driver.disk()
    async with driver.broker(disk=disk, dies=False) as broker:
        await filled(broker, 2)
        first_epoch = broker.leader().leader_epoch
    for name in (CLEAN_SHUTDOWN, LAST_START):
        disk.remove(f"{driver.folder}/data/{name}")
    async with driver.broker(disk=disk, dies=False) as broker:
        client = await broker.client()
        await produce(client, batch())
        epoch = broker.leader().leader_epoch
        assert epoch > first_epoch, "after an unclean stop leadership begins anew"

        (part,) = await fetch(client, fetch_request({("t", 0): 0}, leader_epoch=epoch))
        assert (part.error_code, len(values_in(part))) == (0, 3)
        for claimed, error in (
            (epoch - 1, ErrorCode.FENCED_LEADER_EPOCH),
            (epoch + 1, ErrorCode.UNKNOWN_LEADER_EPOCH),
        ):
            request = fetch_request({("t", 0): 3}, leader_epoch=claimed, max_wait_ms=60_000)
            for version in (9, 11, 12):
                (part,) = await fetch(client, request, version)
                assert (part.error_code, records_of(part)) == (error, b"")

        async def fetch_after(last_fetched_epoch: int, offset: int) -> FetchPartitionData:
            request = fetch_request(
                {("t", 0): offset}, last_fetched_epoch=last_fetched_epoch, max_wait_ms=60_000
            )
            (part,) = await fetch(client, request)
            return part

        part = await fetch_after(first_epoch, 2)
        assert (part.diverging_epoch, len(values_in(part))) == (None, 1), (
            "its log is a part of ours"
        )
        part = await fetch_after(first_epoch, 3)
        assert part.error_code == 0
        assert part.diverging_epoch == FetchDivergingEpoch(epoch=first_epoch, end_offset=2)
        assert (records_of(part), part.high_watermark) == (b"", 3)
        part = await fetch_after(epoch + 5, 3)
        assert part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE, "an epoch nobody here knows"

        await delete_records(client, "t", 1)
        part = await fetch_after(first_epoch, 0)
        assert part.error_code == ErrorCode.OFFSET_OUT_OF_RANGE


# ---------------------------------------------------------------------- sessions and replicas


async def test_whole_fetches_need_no_session_and_get_none(driver: Driver) -> None:
    """A session that is named in a whole fetch is one to be dropped (``FetchManager``)."""
    async with driver.broker() as broker:
        client = await filled(broker)
        for session_id, session_epoch in ((0, 0), (0, -1), (77, 0), (77, -1)):
            request = fetch_request({("t", 0): 0})
            request.session_id, request.session_epoch = session_id, session_epoch
            for version in (7, 12):
                response = await client.ask(request, version, FetchResponse)
                assert (response.error_code, response.session_id) == (0, 0)
                assert len(values_in(response.responses[0].partitions[0])) == 3


async def test_to_go_on_with_a_session_is_refused(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await filled(broker)
        for session_id, session_epoch in ((77, 1), (0, 1), (77, 2**31 - 1), (-1, 5), (77, -2)):
            request = fetch_request({("t", 0): 0}, max_wait_ms=60_000)
            request.session_id, request.session_epoch = session_id, session_epoch
            response = await client.ask(request, 12, FetchResponse)
            assert response.error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND
            assert (response.session_id, response.responses) == (0, [])


async def test_a_forged_replica_id_is_refused(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await filled(broker)
        for version in (4, 12, 14, 15, 16):
            topic = named(broker, version)
            for replica_id in (0, 1, 2, -1):
                request = fetch_request({(topic, 0): 0}, max_wait_ms=60_000)
                if version >= 15:
                    state = FetchReplicaState(replica_id=replica_id, replica_epoch=1)
                    request.replica_state = state
                else:
                    request.replica_id = replica_id
                (part,) = await fetch(client, request, version)
                if replica_id < 0:
                    assert part.error_code == 0, "a consumer that says so"
                else:
                    assert part.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
                    assert records_of(part) == b""


async def test_read_committed_lists_no_aborted_transactions(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await filled(broker)
        for version in VERSIONS:
            topic = named(broker, version)
            request = fetch_request({(topic, 0): 0}, isolation_level=1)
            (part,) = await fetch(client, request, version)
            assert (part.error_code, part.aborted_transactions) == (0, [])
            assert (part.last_stable_offset, len(values_in(part))) == (3, 3)


# ---------------------------------------------------------------------- how much


async def offsets_read(client: WireClient, request: FetchRequest) -> list[list[int]]:
    return [[offset for offset, _ in values_in(part)] for part in await fetch(client, request)]


async def test_limits_hold_and_the_first_batch_comes_anyway(driver: Driver) -> None:
    """KIP-74: a batch larger than every limit must not stop its consumer."""
    async with driver.broker() as broker:
        client = await filled(broker, 3, "t")
        await filled(broker, 3, "u")
        both = {("t", 0): 0, ("u", 0): 0}

        async def read(**limits: int) -> list[list[int]]:
            return await offsets_read(client, fetch_request(both, **limits))

        assert await read() == [[0, 1, 2], [0, 1, 2]]
        assert await read(partition_max_bytes=2 * BATCH_BYTES) == [[0, 1], [0, 1]]
        assert await read(partition_max_bytes=3 * BATCH_BYTES - 1) == [[0, 1], [0, 1]]
        assert await read(max_bytes=4 * BATCH_BYTES) == [[0, 1, 2], [0]]
        assert await read(max_bytes=4 * BATCH_BYTES - 1) == [[0, 1, 2], []]
        for little in (1, 0, -5):
            assert await read(max_bytes=little) == [[0], []]
            assert await read(partition_max_bytes=little) == [[0], []]
        at_end = {("t", 0): 3, ("u", 0): 0}
        assert await offsets_read(client, fetch_request(at_end, max_bytes=1)) == [[], [0]]


async def test_fetch_max_bytes_of_the_broker_holds_too(driver: Driver) -> None:
    async with driver.broker(fetch__max__bytes="1024") as broker:
        client = await filled(broker, 10)
        read = await offsets_read(client, fetch_request({("t", 0): 1}))
        assert read == [list(range(1, 1 + 1024 // BATCH_BYTES))]


async def test_an_answer_begins_with_the_batch_that_holds_the_offset(driver: Driver) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await produce(client, batch(b"a", b"b", b"c"))
        await produce(client, batch(b"d"))
        assert await offsets_read(client, fetch_request({("t", 0): 2})) == [[0, 1, 2, 3]]
        assert await offsets_read(client, fetch_request({("t", 0): 3})) == [[3]]


async def test_an_answer_ends_with_its_segment(driver: Driver) -> None:
    async with driver.broker(log__segment__bytes="1048576") as broker:
        client = await broker.client()
        await client.create_topic("t", segment__bytes="1048576")
        large = batch(b"x" * 400_000)
        for _ in range(4):
            assert (await produce(client, large)).error_code == 0
        request = fetch_request({("t", 0): 0}, max_bytes=1 << 24, partition_max_bytes=1 << 24)
        assert await offsets_read(client, request) == [[0, 1]]
        request.topics[0].partitions[0].fetch_offset = 2
        assert await offsets_read(client, request) == [[2, 3]]


async def test_a_cold_range_is_read_ahead_by_a_thread(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not in memory must not stop the loop."""
    async with driver.broker() as broker:
        client, other = await filled(broker), await broker.client()
        make_all_files_cold(monkeypatch)
        broker.disk.gate.shut()
        sent = await client.send(fetch_request({("t", 0): 0}), 12)
        assert (await produce(other, batch())).error_code == 0, "others are served meanwhile"
        broker.disk.gate.open()
        response = await client.receive(FetchResponse, 12, sent)
        assert len(values_in(response.responses[0].partitions[0])) == 4

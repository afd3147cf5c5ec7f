"""Produce and Fetch as clients make them, for tests over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from raftkafka.compression import Codec
from raftkafka.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionData,
    FetchRequest,
    FetchResponse,
    FetchTopic,
)
from raftkafka.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from raftkafka.records import Record, build_batch, iterate_batches, iterate_records
from tests.sim.wire_client import WireClient

TIMESTAMP_MS = 1_700_000_000_000
TIMEOUT_MS = 10_000
MAX_BYTES = 1 << 20
ALL = -1

Topic = TypeVar("Topic", bound=str | bytes)
"""A name, or an id."""


def batch(
    *values: bytes,
    timestamp: int = TIMESTAMP_MS,
    codec: Codec = Codec.NONE,
    producer: tuple[int, int, int] = (-1, -1, -1),
    flags: int = 0,
) -> bytes:
    """Return one batch; ``producer`` is (id, epoch, first sequence)."""
    records = [Record(n, timestamp, None, value) for n, value in enumerate(values or (b"v",))]
    producer_id, epoch, sequence = producer
    return build_batch(
        records,
        codec=codec,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        flags=flags,
    )


def produce_request(
    batches: Mapping[tuple[str, int], bytes | None],
    *,
    acks: int = ALL,
    timeout_ms: int = TIMEOUT_MS,
    transactional_id: str | None = None,
) -> ProduceRequest:
    """Return a Produce of one batch for each partition."""
    topics: dict[str, list[PartitionProduceData]] = {}
    for (topic, partition), records in batches.items():
        data = PartitionProduceData(
            index=partition, records=None if records is None else memoryview(records)
        )
        topics.setdefault(topic, []).append(data)
    return ProduceRequest(
        transactional_id=transactional_id,
        acks=acks,
        timeout_ms=timeout_ms,
        topic_data=[TopicProduceData(name=n, partition_data=parts) for n, parts in topics.items()],
    )


async def produce(
    client: WireClient,
    records: bytes | None,
    *,
    topic: str = "t",
    partition: int = 0,
    version: int = 9,
    acks: int = ALL,
    timeout_ms: int = TIMEOUT_MS,
    transactional_id: str | None = None,
) -> PartitionProduceResponse:
    """Produce to one partition; return what the broker says of it."""
    request = produce_request(
        {(topic, partition): records},
        acks=acks,
        timeout_ms=timeout_ms,
        transactional_id=transactional_id,
    )
    response = await client.ask(request, version, ProduceResponse)
    ((part,),) = [t.partition_responses for t in response.responses]
    return part


def fetch_request(
    offsets: Mapping[tuple[Topic, int], int],
    *,
    max_wait_ms: int = 0,
    min_bytes: int = 1,
    max_bytes: int = MAX_BYTES,
    partition_max_bytes: int = MAX_BYTES,
    leader_epoch: int = -1,
    last_fetched_epoch: int = -1,
    isolation_level: int = 0,
) -> FetchRequest:
    """Return a Fetch; topics are named by str, or by id as bytes."""
    topics: list[FetchTopic] = []
    for (topic, partition), offset in offsets.items():
        asked = FetchPartition(
            partition=partition,
            fetch_offset=offset,
            current_leader_epoch=leader_epoch,
            last_fetched_epoch=last_fetched_epoch,
            partition_max_bytes=partition_max_bytes,
        )
        named = FetchTopic(topic=topic) if isinstance(topic, str) else FetchTopic(topic_id=topic)
        named.partitions.append(asked)
        topics.append(named)
    return FetchRequest(
        max_wait_ms=max_wait_ms,
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        isolation_level=isolation_level,
        topics=topics,
    )


async def fetch(
    client: WireClient, request: FetchRequest, version: int = 12
) -> Sequence[FetchPartitionData]:
    """Return the partitions of the answer, in its order."""
    response = await client.ask(request, version, FetchResponse)
    assert response.error_code == 0
    return [part for topic in response.responses for part in topic.partitions]


def records_of(part: FetchPartitionData) -> bytes:
    """Return the batches of an answer."""
    return bytes(cast("memoryview", part.records))


def values_in(part: FetchPartitionData) -> list[tuple[int, bytes]]:
    """Return offset and value of every record of an answer."""
    return [
        (record.offset, record.value or b"")
        for _, one in iterate_batches(records_of(part))
        for record in iterate_records(one)
    ]

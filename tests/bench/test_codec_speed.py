"""The codec in the server's direction, read the request and write the response, beside kio."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO

import pytest
from kio.index import load_request_schema, load_response_schema
from kio.serial import entity_reader, entity_writer

from raftkafka.protocol.codec import decoder, encode_bytes, encoder
from raftkafka.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionData,
    FetchRequest,
    FetchResponse,
    FetchResponseTopic,
    FetchTopic,
)
from raftkafka.protocol.messages.groups import HeartbeatRequest, HeartbeatResponse
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from raftkafka.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from raftkafka.protocol.schema import Request, Response

ROUNDS = 7
ROUND_S = 0.03
FACTOR_MIN = 2.0
"""Times faster than kio; between 3 and 10 on an idle machine."""

CASES: list[tuple[str, int, Request, Response]] = [
    (
        "Produce, 200 bytes",
        9,
        ProduceRequest(
            acks=-1,
            timeout_ms=30000,
            topic_data=[
                TopicProduceData(
                    name="my-topic",
                    partition_data=[PartitionProduceData(index=3, records=memoryview(bytes(200)))],
                )
            ],
        ),
        ProduceResponse(
            responses=[
                TopicProduceResponse(
                    name="my-topic",
                    partition_responses=[PartitionProduceResponse(index=3, base_offset=12345)],
                )
            ]
        ),
    ),
    (
        "Fetch, 10 kB",
        12,
        FetchRequest(
            max_wait_ms=500,
            min_bytes=1,
            topics=[
                FetchTopic(
                    topic="my-topic",
                    partitions=[
                        FetchPartition(partition=3, fetch_offset=10, partition_max_bytes=1)
                    ],
                )
            ],
        ),
        FetchResponse(
            responses=[
                FetchResponseTopic(
                    topic="my-topic",
                    partitions=[FetchPartitionData(partition_index=3, records=bytes(10_000))],
                )
            ]
        ),
    ),
    (
        "Heartbeat",
        4,
        HeartbeatRequest(group_id="my-group", generation_id=5, member_id="consumer-1-" + "f" * 36),
        HeartbeatResponse(),
    ),
    (
        "Metadata, 100 partitions",
        12,
        MetadataRequest(topics=[MetadataRequestTopic(name="my-topic")]),
        MetadataResponse(
            brokers=[
                MetadataResponseBroker(node_id=node, host="host", port=9092) for node in range(3)
            ],
            topics=[
                MetadataResponseTopic(
                    name="my-topic",
                    partitions=[
                        MetadataResponsePartition(
                            partition_index=partition, replica_nodes=[0, 1, 2], isr_nodes=[0, 1, 2]
                        )
                        for partition in range(100)
                    ],
                )
            ],
        ),
    ),
]


def microseconds(call: Callable[[], object]) -> float:
    """Return the time of one call, over a round of them."""
    count = 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < ROUND_S:
        for _ in range(10):
            call()
        count += 10
    return elapsed / count * 1e6


@pytest.mark.alone
@pytest.mark.parametrize(
    ("name", "version", "request_", "response"), CASES, ids=[name for name, *_ in CASES]
)
def test_server_direction(name: str, version: int, request_: Request, response: Response) -> None:
    view = memoryview(encode_bytes(request_, version))
    decode, encode = decoder(type(request_), version), encoder(type(response), version)

    def ours() -> None:
        decode(view, 0)
        encode(response, [])

    wire = bytes(view)
    read = entity_reader(load_request_schema(request_.api_key, version))
    schema = load_response_schema(response.api_key, version)
    entity, _ = entity_reader(schema)(encode_bytes(response, version), 0)
    write = entity_writer(schema)

    def theirs() -> None:
        read(wire, 0)
        write(BytesIO(), entity)

    pairs = [(microseconds(ours), microseconds(theirs)) for _ in range(ROUNDS)]
    ours_us, theirs_us = (min(column) for column in zip(*pairs, strict=True))
    print(f"{name} v{version}: {ours_us:.2f} us, kio {theirs_us:.2f} us")
    assert ours_us * FACTOR_MIN < theirs_us

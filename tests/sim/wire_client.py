"""A client of few words over any trio stream: a request goes out, its answer comes back."""

from __future__ import annotations

from typing import TypeVar, cast

import trio

from raftkafka.protocol.apis import response_class, response_header_version
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import parse_response_header, request_frame
from raftkafka.protocol.messages.configs import (
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
    IncrementalAlterConfigsResponse,
)
from raftkafka.protocol.messages.fetch import (
    FetchPartition,
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
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
)
from raftkafka.protocol.schema import Request, Response
from raftkafka.records import Record, build_batch, iterate_batches, iterate_records

R = TypeVar("R", bound=Response)

TOPIC_RESOURCE = 2


class Disconnected(Exception):
    """The broker closed the connection: what became of the request is unknown."""


class WireClient:
    """One connection; requests are answered one at a time."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._received = bytearray()
        self._correlation_id = 0

    async def send(self, request: Request, version: int) -> int:
        """Send a request without waiting for its answer; return its correlation id."""
        self._correlation_id += 1
        parts = request_frame(request, version, self._correlation_id, "sim")
        await self.send_bytes(b"".join(bytes(cast("bytes", part)) for part in parts))
        return self._correlation_id

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are, which may be no request at all."""
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Disconnected from error

    async def receive_frame(self) -> memoryview:
        """Return the next answer without its size."""
        size = int.from_bytes(await self._take(4))
        return memoryview(await self._take(size))

    async def receive(self, answer: type[R], version: int, correlation_id: int) -> R:
        """Return the next answer, which must be the one to that request.

        Raises:
            Disconnected: no answer came.
        """
        frame = await self.receive_frame()
        header_version = response_header_version(answer.api_key, version)
        received_id, body = parse_response_header(frame, header_version)
        assert received_id == correlation_id, "answers come in the order of requests"
        response, end = decode(answer, version, frame, body)
        assert end == len(frame)
        return response

    async def ask(self, request: Request, version: int, answer: type[R]) -> R:
        """Send a request and return its answer.

        Raises:
            Disconnected: no answer came.
        """
        assert answer is response_class(request.api_key)
        return await self.receive(answer, version, await self.send(request, version))

    async def receive_close(self) -> bytes:
        """Wait until the broker closes the connection; return what came before."""
        received = bytes(self._received)
        while True:
            try:
                data = await self._stream.receive_some(1 << 16)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return received
            if not data:
                return received
            received += data

    async def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            try:
                data = await self._stream.receive_some(1 << 16)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise Disconnected from error
            if not data:
                raise Disconnected
            self._received += data
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    async def aclose(self) -> None:
        """Close the connection."""
        await trio.aclose_forcefully(self._stream)

    async def create_topic(self, topic: str, **configs: str) -> None:
        """Make a topic of one partition; ``__`` in a configuration's name stands for a dot."""
        request = CreateTopicsRequest(
            timeout_ms=10_000,
            topics=[
                CreatableTopic(
                    name=topic,
                    num_partitions=1,
                    replication_factor=1,
                    configs=[
                        CreatableTopicConfig(name=name.replace("__", "."), value=value)
                        for name, value in configs.items()
                    ],
                )
            ],
        )
        response = await self.ask(request, 5, CreateTopicsResponse)
        assert response.topics[0].error_code == 0, response

    async def alter_topic(self, topic: str, **configs: str) -> None:
        """Set configurations of a topic."""
        resource = IncrementalAlterConfigsResource(
            resource_type=TOPIC_RESOURCE,
            resource_name=topic,
            configs=[
                IncrementalAlterConfigsConfig(name=name.replace("__", "."), value=value)
                for name, value in configs.items()
            ],
        )
        request = IncrementalAlterConfigsRequest(resources=[resource])
        response = await self.ask(request, 1, IncrementalAlterConfigsResponse)
        assert response.responses[0].error_code == 0, response

    async def delete_topic(self, topic: str) -> None:
        """Delete a topic."""
        request = DeleteTopicsRequest(topic_names=[topic], timeout_ms=10_000)
        response = await self.ask(request, 5, DeleteTopicsResponse)
        assert response.responses[0].error_code == 0, response

    async def produce(
        self, topic: str, values: list[bytes], *, partition: int = 0, acks: int = -1
    ) -> PartitionProduceResponse:
        """Append one batch; return what the broker says of it."""
        batch = build_batch([Record(i, 1_700_000_000_000, None, v) for i, v in enumerate(values)])
        request = ProduceRequest(
            acks=acks,
            timeout_ms=10_000,
            topic_data=[
                TopicProduceData(
                    name=topic,
                    partition_data=[
                        PartitionProduceData(index=partition, records=memoryview(batch))
                    ],
                )
            ],
        )
        response = await self.ask(request, 9, ProduceResponse)
        return response.responses[0].partition_responses[0]

    async def fetch(
        self, topic: str, offset: int, *, partition: int = 0, max_wait_ms: int = 0
    ) -> list[tuple[int, bytes]]:
        """Return offsets and values from ``offset`` on, as many as one answer holds."""
        asked = FetchPartition(
            partition=partition, fetch_offset=offset, partition_max_bytes=1 << 20
        )
        request = FetchRequest(
            max_wait_ms=max_wait_ms,
            min_bytes=1,
            topics=[FetchTopic(topic=topic, partitions=[asked])],
        )
        response = await self.ask(request, 11, FetchResponse)
        part = response.responses[0].partitions[0]
        assert part.error_code == 0, part
        records = cast("memoryview", part.records)
        return [
            (record.offset, record.value or b"")
            for _, batch in iterate_batches(records)
            for record in iterate_records(batch)
            if record.offset >= offset
        ]

"""DeleteRecords of one partition, over the wire."""

from __future__ import annotations

from raftkafka.protocol.messages.topics import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from tests.sim.wire_client import WireClient


async def delete_records(
    client: WireClient, topic: str, before_offset: int, *, partition: int = 0, version: int = 2
) -> DeleteRecordsPartitionResult:
    """Let a partition start at an offset; return what the broker says."""
    asked = DeleteRecordsPartition(partition_index=partition, offset=before_offset)
    request = DeleteRecordsRequest(
        topics=[DeleteRecordsTopic(name=topic, partitions=[asked])], timeout_ms=10_000
    )
    response = await client.ask(request, version, DeleteRecordsResponse)
    ((part,),) = [topic.partitions for topic in response.topics]
    return part

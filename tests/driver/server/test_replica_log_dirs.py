"""AlterReplicaLogDirs over the wire: a replica stays where it lies, and who asks is told so."""

from __future__ import annotations

import errno

import pytest
from trio.testing import MockClock

from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopic,
)
from tests.sim.memory_disk import MemoryDisk
from tests.sim.wire_client import WireClient
from tests.support.client_requests import batch, produce_request
from tests.support.whole_broker import MemoryDriver


async def placed(client: WireClient, path: str, topic: str, version: int) -> int:
    """Ask for the directory of partition 0 of a topic; return the error code."""
    topics = [AlterReplicaLogDirTopic(name=topic, partitions=[0])]
    request = AlterReplicaLogDirsRequest(dirs=[AlterReplicaLogDir(path=path, topics=topics)])
    answer = await client.ask(request, version, AlterReplicaLogDirsResponse)
    ((name, (partition,)),) = [(it.topic_name, it.partitions) for it in answer.results]
    assert (name, partition.partition_index) == (topic, 0)
    return partition.error_code


@pytest.mark.parametrize("version", [1, 2])
async def test_only_where_it_lies(
    version: int, memory: MemoryDriver, autojump_clock: MockClock
) -> None:
    async with memory.broker(log__dirs="/one,/two") as broker:
        client = await broker.client()
        await client.create_topic("t")
        await client.create_topic("u")
        disk = broker.disk
        assert isinstance(disk, MemoryDisk)
        here, there = ("/one", "/two") if disk.exists("/one/t-0") else ("/two", "/one")
        assert await placed(client, here, "t", version) == ErrorCode.NONE
        assert await placed(client, there, "u", version) == ErrorCode.NONE
        assert await placed(client, there, "t", version) == ErrorCode.UNSUPPORTED_VERSION
        assert await placed(client, "/three", "t", version) == ErrorCode.LOG_DIR_NOT_FOUND
        assert await placed(client, here, "absent", version) == ErrorCode.REPLICA_NOT_AVAILABLE
        disk.fail("write", there, errno.EIO)
        writer = await broker.client()
        await writer.send(produce_request({("u", 0): batch()}), 9)
        assert await writer.receive_close() == b""
        assert await placed(client, there, "u", version) == ErrorCode.KAFKA_STORAGE_ERROR

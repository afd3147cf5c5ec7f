"""The controller above the real quorum: what it committed is there after a kill."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio

from metadata.controller.brokers import BrokerRegistration
from metadata.controller_driver import Controller
from metadata.image import MetadataImage
from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.settings import RaftSettings
from raftkafka.config import BrokerConfig
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    DeleteTopicsRequest,
)
from tests.sim.memory_disk import MemoryDisk
from tests.support.metadata import broker_record

NODE_ID = 1


@asynccontextmanager
async def running(
    disk: MemoryDisk, *, snapshot_every_bytes: int = 1 << 20
) -> AsyncGenerator[Controller, None]:
    """Run one life of a lone voter on a disk."""
    controller = Controller(NODE_ID, BrokerConfig.of({}), Random(1))
    settings = RaftSettings(
        NODE_ID, frozenset({NODE_ID}), snapshot_every_bytes=snapshot_every_bytes, retained_entries=1
    )
    quorum = Quorum(QuorumConfig("/metadata", settings), disk, Random(2), controller)
    async with trio.open_nursery() as nursery:
        await nursery.start(quorum.run)
        await nursery.start(controller.run, quorum)
        yield controller
        nursery.cancel_scope.cancel()


async def register(controller: Controller, incarnation: bytes) -> None:
    record = broker_record(NODE_ID)
    await controller.register_broker(
        BrokerRegistration(
            NODE_ID, incarnation, record.endpoints, record.directories, ready=True, clean_stop=True
        ),
        deadline_s=5,
    )


async def create(controller: Controller, name: str) -> None:
    configs = [CreatableTopicConfig(name="retention.ms", value="60000")]
    topic = CreatableTopic(name=name, num_partitions=3, replication_factor=1, configs=configs)
    await controller.submit(CreateTopicsRequest(topics=[topic]), deadline_s=5)


@pytest.mark.parametrize("snapshot_every_bytes", [1 << 20, 2000], ids=["journal", "snapshots"])
@pytest.mark.parametrize("power_loss", [False, True])
async def test_what_was_answered_survives(snapshot_every_bytes: int, power_loss: bool) -> None:
    disk = MemoryDisk(Random(3))
    before: MetadataImage | None = None
    for life in range(3):
        async with running(disk, snapshot_every_bytes=snapshot_every_bytes) as controller:
            if before is not None:
                assert controller.image.topics == before.topics
                assert controller.image.configs == before.configs
                assert controller.image.cluster_id == before.cluster_id
                assert controller.image.next_producer_id == before.next_producer_id
            await register(controller, b"life number    " + bytes([life]))
            for number in range(12):
                await create(controller, f"t{life}.{number}")
            request = DeleteTopicsRequest(topic_names=[f"t{life}.{n}" for n in range(6)])
            await controller.submit(request, deadline_s=5)
            await controller.next_producer_id(deadline_s=5)
            before = controller.image
            disk = disk.after_power_loss() if power_loss else disk.after_kill()
    assert before is not None
    assert len(before.topics) == 18


async def test_producer_ids_of_an_earlier_life_are_not_given_again() -> None:
    disk = MemoryDisk(Random(3))
    drawn: list[int] = []
    for life in range(3):
        async with running(disk) as controller:
            await register(controller, b"life number    " + bytes([life]))
            drawn += [await controller.next_producer_id(deadline_s=5) for _ in range(2)]
            disk = disk.after_kill()
    assert drawn == [0, 1, 1000, 1001, 2000, 2001]

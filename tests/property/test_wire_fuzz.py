"""Whatever clients ask, each request gets exactly one answer or its connection closes.

Random requests of every advertised API and version against a whole broker on virtual time. An
exception in the broker's loop would end the broker, and with it the test.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from raftkafka.protocol.apis import ApiKey, response_class
from raftkafka.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from raftkafka.protocol.messages.produce import ProduceRequest
from raftkafka.protocol.schema import Request
from raftkafka.server.api_table import ADVERTISED
from tests.sim.wire_client import Disconnected, WireClient
from tests.support.plausible_requests import Plausible
from tests.support.whole_broker import MemoryDriver, Whole

CLIENTS = 3
BURSTS = 60
BURST_MAX = 5
ANSWER_DEADLINE_S = 120.0
TOPICS = ("t", "u", "flushed", "compacted", "new-1", "new-2")


async def ask(client: WireClient, burst: Sequence[tuple[Request, int]]) -> bool:
    """Send some requests at once and take the answers; False if the connection was closed."""
    with trio.fail_after(ANSWER_DEADLINE_S):
        try:
            sent = [await client.send(request, version) for request, version in burst]
            for correlation_id, (request, version) in zip(sent, burst, strict=True):
                if not (isinstance(request, ProduceRequest) and request.acks == 0):
                    await client.receive(response_class(request.api_key), version, correlation_id)
            await client.ask(ApiVersionsRequest(), 0, ApiVersionsResponse)
        except Disconnected:
            return False
    return True


async def ask_on(broker: Whole, source: random.Random) -> None:
    """Be a client that asks this and that, and comes back when it is thrown out."""
    others = Plausible([a for a in ADVERTISED if a[0] != ApiKey.PRODUCE], TOPICS, source)
    produce = Plausible([(ApiKey.PRODUCE, 3, 11)], TOPICS, source)
    client = await broker.client()
    for _ in range(BURSTS):
        topics = broker.broker.controller.image.topics
        others.topic_ids = [topic.topic_id for topic in topics.values()]
        burst = [
            (produce if source.random() < 0.3 else others).draw()
            for _ in range(source.randint(1, BURST_MAX))
        ]
        if not await ask(client, burst):
            await client.aclose()
            client = await broker.client()


@pytest.mark.parametrize("seed", range(4))
async def test_every_request_gets_one_answer_or_a_close(
    seed: int, tmp_path: Path, autojump_clock: MockClock
) -> None:
    source = random.Random(seed)
    with capture_logs() as events:
        async with MemoryDriver(tmp_path).broker() as broker:
            client = await broker.client()
            await client.create_topic("t")
            await client.create_topic("u")
            await client.create_topic("flushed", flush__messages="1")
            await client.create_topic("compacted", cleanup__policy="compact")
            async with trio.open_nursery() as nursery:
                for _ in range(CLIENTS):
                    nursery.start_soon(ask_on, broker, random.Random(source.random()))
    assert not [event for event in events if event["log_level"] == "error"]

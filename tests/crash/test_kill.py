"""kill -9 of a loaded broker at random instants: what was acknowledged is there once, in order."""

from __future__ import annotations

import os
import time
from random import Random

import pytest

from tests.support.acknowledged import Writer, start_load
from tests.support.broker import MakeServer
from tests.support.requests import create_topic

PARTITIONS = 4
SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000
LOADED_S_MAX = 0.15
STARTING_S_MAX = 0.4


@pytest.mark.parametrize(
    "kills",
    [pytest.param(8, id="8 kills"), pytest.param(52, id="52 kills", marks=pytest.mark.long)],
)
def test_acknowledged_records_survive_kill_9(kills: int, make_server: MakeServer) -> None:
    print(f"RAFTKAFKA_SEED={SEED}")
    random = Random(SEED)
    server = make_server({"log.flush.offset.checkpoint.interval.ms": "50"})
    server.start()
    # Small segments, so that kills meet rolling and indexes too.
    create_topic(server.port, "t", PARTITIONS, segment_bytes=str(1 << 20), retention_ms="-1")
    writers = [Writer("t", p, Random(random.getrandbits(32))) for p in range(PARTITIONS)]
    for _ in range(kills):
        start_load(writers, server.port)
        time.sleep(random.random() * LOADED_S_MAX)  # the random instant itself
        server.kill()
        for writer in writers:
            writer.stop()
        if random.random() < 0.3:  # and once more while it recovers
            server.spawn()
            time.sleep(random.random() * STARTING_S_MAX)
            server.kill()
        server.start()
        for writer in writers:
            writer.check(server.port)
            assert writer.refusals == set()
    for writer in writers:
        writer.check(server.port, from_the_beginning=True)
    assert server.stop() == 0
    server.start()
    for writer in writers:
        writer.check(server.port, from_the_beginning=True)
    server.stop()

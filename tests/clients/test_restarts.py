"""A broker dies under a producer and comes back: the client rides it out and loses nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.clients.conftest import Meeting
from tests.clients.registry import Client, params
from tests.support.batches import count_of
from tests.support.wire import until

COUNT = 60
PAUSE_MS = 25
RETRIES = 1000


@pytest.mark.parametrize("client", params(where="reports_offsets"))
def test_client_rides_out_a_killed_broker(client: Client, own_meeting: Meeting) -> None:
    topic = own_meeting.create()
    values = [str(n) for n in range(COUNT)]
    records = [{"value": value} for value in values]
    command: dict[str, object] = {"records": records, "pause_ms": PAUSE_MS, "acks": "all"}
    if not client.retries_by_default:
        command["retries"] = RETRIES
    running = own_meeting.begin(client, "produce", topic, **command)
    until(lambda: len(running.lines) >= COUNT // 4, "a quarter acknowledged")
    own_meeting.server.kill()
    own_meeting.server.start()
    lines = running.wait()
    failed = [line for line in lines if "error" in line]
    assert failed == [], "nothing is given up"
    acknowledged = {line["i"] for line in lines if "i" in line}
    assert acknowledged == set(range(COUNT))
    end = sum(count_of(batch) for batch in own_meeting.server.batches(topic))
    counts = Counter(line["value"] for line in own_meeting.read_back(topic, end))
    assert set(counts) == set(values)
    if client.idempotent_by_default:
        assert set(counts.values()) == {1}, "an idempotent producer leaves no duplicate"

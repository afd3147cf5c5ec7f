"""Thousands of connections, idle, slow and busy: each is served, memory stays bounded."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.batches import batch
from tests.support.broker import ROOT, MakeServer, Server
from tests.support.requests import (
    create_topic,
    fetch_request,
    parse_fetched,
    parse_produced,
    produce_request,
    request_response,
)
from tests.support.wire import LOOPBACK, read_response

pytestmark = pytest.mark.alone

DESCRIPTORS = 8_000
IDLE, SLOW = 2_000, 200
SLOW_BYTES = 7
"""At a time; 7 falls inside every field."""
IDLE_BYTES_MAX = 24 << 10
"""Resident memory that one idle connection may cost the broker."""
CROWD_RSS_MAX_BYTES = 512 << 20
SLOW_TO_OTHERS_MAX_S = 1.0


@pytest.fixture(autouse=True)
def enough_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS, f"ulimit -Hn is only {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def server(make_server: MakeServer) -> Server:
    server = make_server()
    server.start()
    return server


def test_idle_and_slow_connections_harm_nobody(server: Server) -> None:
    create_topic(server.port, "t")
    request = produce_request("t", 0, batch([b"from a busy one"]))
    assert parse_produced(request_response(server.port, request)).error == 0
    rss_before = server.rss_bytes
    slow_request = produce_request("t", 0, batch([b"a few bytes at a time"]))
    with ExitStack() as connections:
        for _ in range(IDLE):
            connections.enter_context(socket.create_connection((LOOPBACK, server.port), 30))
        rss_idle = server.rss_bytes
        slow = [
            connections.enter_context(socket.create_connection((LOOPBACK, server.port), 30))
            for _ in range(SLOW)
        ]
        slowest_s = 0.0
        for n in range(0, len(slow_request), SLOW_BYTES):
            for connection in slow:
                connection.sendall(slow_request[n : n + SLOW_BYTES])
            start = time.monotonic()
            assert parse_produced(request_response(server.port, request)).error == 0
            slowest_s = max(slowest_s, time.monotonic() - start)
        answers = [parse_produced(read_response(connection)) for connection in slow]
        assert {answer.error for answer in answers} == {0}
        assert len({answer.base_offset for answer in answers}) == SLOW
    per_connection = (rss_idle - rss_before) / IDLE
    print(f"{per_connection / 1024:.1f} KiB per idle connection; slowest other {slowest_s:.3f} s")
    assert per_connection <= IDLE_BYTES_MAX
    assert slowest_s <= SLOW_TO_OTHERS_MAX_S


def test_a_client_that_never_reads_is_not_read_either(server: Server) -> None:
    create_topic(server.port, "t")
    content = batch([bytes(500_000)])
    for _ in range(8):
        assert (
            parse_produced(request_response(server.port, produce_request("t", 0, content)))[0] == 0
        )
    rss_before = server.rss_bytes
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((LOOPBACK, server.port))
        deaf.settimeout(1.0)
        question = fetch_request("t", 0, 0, max_bytes=4 << 20)
        try:
            for _ in range(200_000):
                deaf.sendall(question)
        except TimeoutError:
            pass  # it reads no more: that is what we wait for
        else:
            pytest.fail("the broker read 200,000 fetches of a client that takes no answer")
        answer = parse_fetched(request_response(server.port, question))
        assert answer.error == 0, "others are served"
        assert server.rss_bytes - rss_before <= 64 << 20


@pytest.mark.parametrize(
    ("clients", "seconds"),
    [
        pytest.param(1_000, 4, id="1,000 for 4 s"),
        pytest.param(3_000, 60, id="3,000 for 60 s", marks=pytest.mark.long),
    ],
)
def test_a_crowd_that_writes_and_reads_at_once(clients: int, seconds: int, server: Server) -> None:
    create_topic(server.port, "t", 20)
    crowd = [str(server.port), "t", "20", str(clients), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.crowd", *crowd],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    print(result, f"RSS {server.rss_bytes >> 20} MiB")
    assert result["unanswered"] == 0
    assert result["fewest_rounds"] >= 1, "nobody starves"
    assert server.rss_bytes <= CROWD_RSS_MAX_BYTES

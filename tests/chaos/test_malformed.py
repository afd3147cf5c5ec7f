"""Live malformed requests, seeded: the broker serves on, holds no memory, reports no exception."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random

import pytest

from tests.chaos.malformed import Api, advertised, malformed_frame
from tests.support.batches import batch
from tests.support.broker import MakeServer, Server
from tests.support.requests import create_topic, parse_produced, produce_request, request_response
from tests.support.wire import API_VERSIONS, LOOPBACK, frame, read_response, until

SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000
THREADS = 6
FRAMES_PER_CONNECTION = 5
PATIENCE_S = 20.0
RSS_GROWTH_MAX_BYTES = 64 << 20
ONE_BAD_SIZE_GROWTH_MAX_BYTES = 2 << 20


class Attack:
    """Sends its share of the frames; remembers what went wrong instead of raising in a thread."""

    def __init__(self, port: int, apis: Sequence[Api], frames: int, random: Random) -> None:
        self.failures: list[str] = []
        self._port, self._apis, self._left, self._random = port, apis, frames, random
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while self._left > 0 and not self.failures:
            count = min(self._left, 1 + self._random.randrange(2 * FRAMES_PER_CONNECTION))
            self._left -= count
            frames = [malformed_frame(self._apis, self._random) for _ in range(count)]
            self._send(b"".join(frames))

    def _send(self, content: bytes) -> None:
        try:
            with socket.create_connection((LOOPBACK, self._port), PATIENCE_S) as connection:
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
        except TimeoutError:
            self.failures.append(f"neither answered nor closed: {content[:400].hex()}")
        except OSError:
            pass  # closed on us while we were still sending: that is its right


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(8_000, id="8,000"),
        pytest.param(110_000, id="110,000", marks=[pytest.mark.long, pytest.mark.alone]),
    ],
)
def test_malformed_requests_harm_nobody(frames: int, make_server: MakeServer) -> None:
    print(f"RAFTKAFKA_SEED={SEED}")
    random = Random(SEED)
    server = make_server({"auto.create.topics.enable": "false"})
    server.start()
    create_topic(server.port, "healthy")
    apis = advertised(server.port)
    attack(server, apis, 2_000, random)  # warms up: every API's codec is compiled once
    until(lambda: server.open_files < 100, "connections closed")
    rss_before, files_before = server.rss_bytes, server.open_files
    attack(server, apis, frames, random)
    produced = parse_produced(
        request_response(server.port, produce_request("healthy", 0, batch([b"still here"])))
    )
    assert produced.error == 0
    until(lambda: server.open_files <= files_before + 10, "connections closed")
    growth = server.rss_bytes - rss_before
    print(f"{frames} frames; RSS {rss_before >> 20} MiB, then {growth / 2**20:+.1f} MiB")
    assert growth <= RSS_GROWTH_MAX_BYTES
    assert server.stop() == 0


def attack(server: Server, apis: Sequence[Api], frames: int, random: Random) -> None:
    """Send ``frames`` malformed requests from several threads at once."""
    attacks = [
        Attack(server.port, apis, frames // THREADS, Random(random.getrandbits(32)))
        for _ in range(THREADS)
    ]
    for one in attacks:
        one.thread.start()
    for one in attacks:
        one.thread.join()
    assert [failure for one in attacks for failure in one.failures] == []
    assert server.is_running, server.log_text()[-3000:]


@pytest.mark.parametrize("size", [-(2**31), -1, 2**31 - 1, (100 << 20) + 1])
def test_an_impossible_size_closes_the_connection(size: int, make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    rss_before = server.rss_bytes
    with socket.create_connection((LOOPBACK, server.port), 5) as connection:
        connection.sendall(struct.pack(">i", size) + bytes(64))
        start = time.monotonic()
        with suppress(ConnectionResetError):  # closed with our bytes unread
            assert connection.recv(1) == b""
        assert time.monotonic() - start < 2
    assert server.rss_bytes - rss_before <= ONE_BAD_SIZE_GROWTH_MAX_BYTES
    server.stop()


def test_a_peer_that_sends_no_more_is_answered_and_closed(make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    for _ in range(50):  # request and end come together: one edge tells of both
        with socket.create_connection((LOOPBACK, server.port), 5) as connection:
            connection.sendall(frame(API_VERSIONS, 0, b""))
            connection.shutdown(socket.SHUT_WR)
            assert len(read_response(connection)) > 100
            assert connection.recv(1) == b""

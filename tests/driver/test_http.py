"""The HTTP listener: metrics and health, and what is no HTTP."""

from __future__ import annotations

import random
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from raftkafka.broker import Broker
from raftkafka.config import load
from raftkafka.disk_driver import OsDisk
from raftkafka.environment import Environment
from raftkafka.server.http_driver import HttpServer, Page
from raftkafka.server.listening import fastest_server
from tests.sim.wire_client import WireClient
from tests.support.broker import free_port

NOW_MS = 1_700_000_000_000


@asynccontextmanager
async def broker_with_http(folder: Path) -> AsyncGenerator[tuple[int, int]]:
    """Run a broker; return its ports for Kafka and for HTTP."""
    kafka, http = free_port(), free_port()
    config = load(
        None,
        {
            "log.dirs": str(folder),
            "listeners": f"PLAINTEXT://127.0.0.1:{kafka}",
            "http.listeners": f"HTTP://127.0.0.1:{http}",
        },
    ).config
    environment = Environment(
        OsDisk(), fastest_server, lambda: NOW_MS, random.Random(0), lambda: "localhost"
    )
    broker = Broker(config, environment)
    async with trio.open_nursery() as nursery:
        await nursery.start(broker.run)
        yield kafka, http
        broker.stop()


async def get(port: int, path: str) -> str:
    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    return await trio.to_thread.run_sync(read)


async def test_metrics_are_prometheus_text_and_count_what_was_produced(tmp_path: Path) -> None:
    async with broker_with_http(tmp_path) as (kafka, http):
        client = WireClient(await trio.open_tcp_stream("127.0.0.1", kafka))
        await client.create_topic("t")
        await client.produce("t", [b"a", b"b", b"c"])
        await client.fetch("t", 0)
        families = {f.name: f for f in text_string_to_metric_families(await get(http, "/metrics"))}
        messages = families["kafka_server_brokertopicmetrics_messagesin"].samples
        assert [(s.labels, s.value) for s in messages] == [({"topic": "t"}, 3.0)]
        (bytes_in,) = families["kafka_server_brokertopicmetrics_bytesin"].samples
        (bytes_out,) = families["kafka_server_brokertopicmetrics_bytesout"].samples
        assert bytes_in.value == bytes_out.value > 61
        assert families["kafka_server_replicamanager_partitioncount"].samples[0].value == 1
        assert 0 < families["raftkafka_loop_lag_max_ms"].samples[0].value < 60_000
        await client.aclose()


async def test_health_and_unknown_pages(tmp_path: Path) -> None:
    async with broker_with_http(tmp_path) as (_, http):
        assert await get(http, "/livez") == "alive\n"
        assert await get(http, "/readyz") == "ready\n"
        with pytest.raises(urllib.error.HTTPError, match="404") as missing:
            await get(http, "/nothing")
        missing.value.close()


@pytest.mark.parametrize(
    "junk",
    [b"\0" * 100, b"GET /livez HTTP/1.1\r\n" + b"x" * 100_000, b"\x16\x03\x01\x02"],
    ids=["zeros", "endless header", "TLS"],
)
async def test_what_is_no_http_is_closed_and_harms_nobody(tmp_path: Path, junk: bytes) -> None:
    async with broker_with_http(tmp_path) as (_, http):
        async with await trio.open_tcp_stream("127.0.0.1", http) as stream:
            with trio.fail_after(10), suppress(trio.BrokenResourceError):
                await stream.send_all(junk)
                await stream.send_eof()
                while await stream.receive_some():
                    pass
        assert await get(http, "/livez") == "alive\n"


async def test_a_page_that_breaks_is_logged_and_harms_nobody(nursery: trio.Nursery) -> None:
    async def broken() -> Page:
        raise KeyError("gone")

    async def sound() -> Page:
        return Page(200, b"ok")

    server = HttpServer({"/broken": broken, "/sound": sound})
    serve = partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1")
    (listener,) = await nursery.start(serve)
    port = listener.socket.getsockname()[1]
    with capture_logs() as logs, pytest.raises(urllib.error.HTTPError) as refused:
        await get(port, "/broken")
    assert refused.value.code == 500
    refused.value.close()
    assert [it["event"] for it in logs] == ["page_broke"]
    assert await get(port, "/sound") == "ok"
    nursery.cancel_scope.cancel()

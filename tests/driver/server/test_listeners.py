"""Where the broker listens, and what it tells clients of each listener."""

from __future__ import annotations

import socket

import pytest
import trio

from raftkafka.errors import AddressInUse
from raftkafka.protocol.messages.cluster import DescribeClusterRequest, DescribeClusterResponse
from raftkafka.protocol.messages.metadata import MetadataRequest, MetadataResponse
from tests.support.client_requests import batch, produce
from tests.support.whole_broker import Driver, Whole

PROTOCOLS = "PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT,SIX:PLAINTEXT"


async def told(broker: Whole, listener: str) -> tuple[str, int]:
    """Return host and port as Metadata and DescribeCluster name them on a listener."""
    client = await broker.client(listener)
    metadata = await client.ask(MetadataRequest(topics=[]), 9, MetadataResponse)
    ((host, port),) = [(node.host, node.port) for node in metadata.brokers]
    cluster = await client.ask(DescribeClusterRequest(), 0, DescribeClusterResponse)
    assert [(node.host, node.port) for node in cluster.brokers] == [(host, port)]
    assert metadata.controller_id == cluster.controller_id == 1
    return host, port


async def test_each_listener_has_its_own_address_for_clients(driver: Driver) -> None:
    """On port 0 the system chooses; an advertised address that is given is taken as it is."""
    async with driver.broker(
        listeners="PLAINTEXT://127.0.0.1:0,OUTSIDE://127.0.0.1:0,SIX://[::1]:0",
        listener__security__protocol__map=PROTOCOLS,
        inter__broker__listener__name="PLAINTEXT",
    ) as broker:
        ports = {e.name: e.port for e in broker.broker.advertised}
        assert len(set(ports.values())) == 3
        assert await told(broker, "PLAINTEXT") == ("127.0.0.1", ports["PLAINTEXT"])
        assert await told(broker, "OUTSIDE") == ("127.0.0.1", ports["OUTSIDE"])
        assert await told(broker, "SIX") == ("::1", ports["SIX"])
        for name in ports:
            client = await broker.client(name)
            if name == "PLAINTEXT":
                await client.create_topic("t")
            assert (await produce(client, batch())).error_code == 0


async def test_advertised_addresses_are_what_clients_are_told(driver: Driver) -> None:
    async with driver.broker(
        listeners="PLAINTEXT://127.0.0.1:0,OUTSIDE://127.0.0.1:0",
        advertised__listeners="PLAINTEXT://127.0.0.1:0,OUTSIDE://broker.example:19092",
        listener__security__protocol__map=PROTOCOLS,
        inter__broker__listener__name="PLAINTEXT",
    ) as broker:
        host, port = await told(broker, "PLAINTEXT")
        assert host == "127.0.0.1"
        assert port > 0
        assert [str(e) for e in broker.broker.advertised if e.name == "OUTSIDE"] == [
            "OUTSIDE://broker.example:19092"
        ]


async def test_a_listener_without_a_host_takes_both_families(driver: Driver) -> None:
    async with driver.broker(
        listeners="PLAINTEXT://:0", advertised__listeners="PLAINTEXT://localhost:0"
    ) as broker:
        port = broker.broker.advertised[0].port
        for host in ("127.0.0.1", "::1"):
            async with await trio.open_tcp_stream(host, port):
                pass
        assert await told(broker, "PLAINTEXT") == ("localhost", port)


async def test_an_address_in_use_is_named(driver: Driver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.RaisesGroup(
            pytest.RaisesExc(AddressInUse, match=f"127.0.0.1:{port}"), flatten_subgroups=True
        ):
            async with driver.broker(listeners=f"PLAINTEXT://127.0.0.1:{port}"):
                pass

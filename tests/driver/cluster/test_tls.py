"""Mutual TLS between nodes: whom the authority does not vouch for is no node.

The certificates in tests/support/certificates are for these tests alone; they last 100 years.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from metadata.cluster.network_driver import OsNetwork
from metadata.cluster.tls_driver import TlsNetwork, system_network
from raftkafka.config import load
from raftkafka.errors import ConfigInvalid
from tests.support.peers import Cluster, Node, until

CERTIFICATES = Path(__file__).parents[2] / "support" / "certificates"


def network(keystore: str = "node", truststore: str = "authority", **keys: str) -> TlsNetwork:
    given = {
        "controller.quorum.voters": "1@127.0.0.1:9093,2@127.0.0.1:9094,3@127.0.0.1:9095",
        "controller.listener.names": "CONTROLLER",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.truststore.type": "PEM",
        "ssl.keystore.location": str(CERTIFICATES / f"{keystore}.pem"),
        "ssl.truststore.location": str(CERTIFICATES / f"{truststore}.pem"),
        **{name.replace("_", "."): text for name, text in keys.items()},
    }
    made = system_network(load(None, given).config)
    assert isinstance(made, TlsNetwork)
    return made


async def two_nodes(nursery: trio.Nursery, first: TlsNetwork, second: TlsNetwork) -> list[Node]:
    cluster = Cluster(in_memory=False, secret=b"")
    await cluster.take_ports(1, 2)
    nodes = [
        cluster.node(1, network=first, changes=lambda it: replace(it, handshake_deadline_s=0.5)),
        cluster.node(2, network=second),
    ]
    for node in nodes:
        await nursery.start(node.run)
    return nodes


async def test_nodes_with_certificates_meet() -> None:
    async with trio.open_nursery() as nursery:
        one, two = await two_nodes(nursery, network(), network())
        await until(lambda: one.connected == {2} and two.connected == {1})
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (network(), network("stranger"), "certificate|alert|unknown ca"),
        (network("stranger"), network(), "certificate verify failed"),
        (network("elsewhere"), network(), "IP address mismatch"),
    ],
)
async def test_who_is_not_vouched_for_is_shut_out(
    first: TlsNetwork, second: TlsNetwork, why: str
) -> None:
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            one, two = await two_nodes(nursery, first, second)
            await until(lambda: any(re.search(why, str(it.get("reason"))) for it in lines))
            assert one.events == two.events == []
            nursery.cancel_scope.cancel()


async def test_who_speaks_no_tls_is_shut_out() -> None:
    cluster = Cluster(in_memory=False, secret=b"")
    await cluster.take_ports(1, 2)
    one = cluster.node(1, network=network())
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(one.run)
            voter = cluster.voters[1]
            connection = await OsNetwork().connect(voter.host, voter.port)
            await connection.stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
            await until(lambda: len(lines) == 1)
            assert lines[0]["event"] == "cluster_connection_refused"
            await connection.stream.aclose()
            nursery.cancel_scope.cancel()


async def test_the_host_need_not_match_where_that_is_configured() -> None:
    lenient = network(ssl_endpoint_identification_algorithm="")
    async with trio.open_nursery() as nursery:
        one, two = await two_nodes(nursery, network("elsewhere"), lenient)
        await until(lambda: one.connected == {2} and two.connected == {1})
        nursery.cancel_scope.cancel()


def test_tls_is_1_2_at_least_and_asks_both_ends() -> None:
    made = network()
    for context in (made.dialling, made.dialled):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert context.verify_mode is ssl.CERT_REQUIRED
    assert made.dialling.check_hostname


def test_files_that_cannot_be_used_are_named() -> None:
    with pytest.raises(ConfigInvalid, match=r"ssl\.keystore\.location=.*missing.*private key"):
        network("missing")
    with pytest.raises(ConfigInvalid, match=r"ssl\.keystore\.location=.*authority"):
        network("authority")
    with pytest.raises(ConfigInvalid, match=r"ssl\.truststore\.location=.*missing.*certificates"):
        network(truststore="missing")

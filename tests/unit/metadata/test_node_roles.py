"""What a node is by its configuration, and where it tells the others to find it."""

from __future__ import annotations

import pytest

from metadata.node_roles import cluster_endpoint, cluster_settings, has_peers
from metadata.records import BrokerEndpoint
from raftkafka.config import BrokerConfig, load

INCARNATION = bytes(16)
CLIENTS = (BrokerEndpoint("PLAINTEXT", "localhost", 9092, "PLAINTEXT"),)
VOTERS = "1@127.0.0.1:9093,2@127.0.0.1:9094,3@127.0.0.1:9095"
STORES = {
    "ssl.keystore.location": "/k",
    "ssl.keystore.type": "PEM",
    "ssl.truststore.location": "/t",
    "ssl.truststore.type": "PEM",
}


def config(**given: str) -> BrokerConfig:
    return load(None, {name.replace("_", "."): text for name, text in given.items()}).config


def named(protocol: str, node_id: int = 1) -> BrokerConfig:
    keys = {
        "controller.quorum.voters": VOTERS,
        "controller.listener.names": "QUORUM",
        "listeners": "PLAINTEXT://:9092,QUORUM://:9999",
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,QUORUM:{protocol}",
        "node.id": str(node_id),
        **(STORES if protocol == "SSL" else {}),
    }
    return load(None, keys).config


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
def test_a_voter_is_found_at_its_entry_by_the_protocol_that_it_speaks_there(protocol: str) -> None:
    endpoint = cluster_endpoint(named(protocol), CLIENTS)
    assert endpoint == BrokerEndpoint("QUORUM", "127.0.0.1", 9093, protocol)


def test_another_broker_is_found_at_the_listener_between_brokers() -> None:
    assert cluster_endpoint(named("SSL", node_id=7), CLIENTS) == CLIENTS[0]


def test_a_voter_listens_at_its_entry_or_where_its_listener_says() -> None:
    listen = cluster_settings(config(controller_quorum_voters=VOTERS), INCARNATION, b"").listen
    assert listen == ("127.0.0.1", 9093)
    assert cluster_settings(named("PLAINTEXT"), INCARNATION, b"").listen == ("", 9999)
    assert cluster_settings(named("PLAINTEXT", node_id=7), INCARNATION, b"").listen is None


def test_a_node_has_peers_as_soon_as_it_is_told_of_a_quorum() -> None:
    assert not has_peers(config())
    assert has_peers(config(controller_quorum_voters="1@127.0.0.1:9093"))
    assert has_peers(config(controller_quorum_voters=VOTERS))
    assert has_peers(config(controller_quorum_bootstrap_servers="a:9093"))

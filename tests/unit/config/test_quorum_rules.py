"""Keys of a cluster that do not go together: what a node is told is wrong, and what to type."""

from __future__ import annotations

import pytest

from raftkafka.config import LoadedConfig, load
from raftkafka.config.quorum_rules import is_lone
from raftkafka.config.voters import parse_servers
from raftkafka.errors import ConfigInvalid

THREE = "1@127.0.0.1:9093,2@127.0.0.1:9094,3@127.0.0.1:9095"
FAR = "1@a:9093,2@b:9093,3@c:9093"


def read(**given: str) -> LoadedConfig:
    return load(None, {name.replace("_", "."): text for name, text in given.items()})


def refusal(**given: str) -> str:
    with pytest.raises(ConfigInvalid) as raised:
        read(**given)
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("roles", ["", "broker,controller", "controller"])
def test_a_voter_is_a_controller_whatever_it_is_besides(roles: str) -> None:
    assert read(controller_quorum_voters=THREE, process_roles=roles).hints == []


@pytest.mark.parametrize("roles", ["", "broker,controller", "controller"])
def test_a_voter_may_be_the_only_one_and_then_others_can_join_it(roles: str) -> None:
    only = {"controller_quorum_voters": "1@127.0.0.1:9093", "process_roles": roles}
    assert read(**only).hints == []
    assert not is_lone(read(**only).config)
    assert is_lone(read().config)
    assert "none of listeners is CONTROLLER: add CONTROLLER://:9093 to listeners" in refusal(
        **only, controller_listener_names="CONTROLLER"
    )
    assert "a lone node has both roles" in refusal(process_roles="controller")


@pytest.mark.parametrize("roles", ["", "broker"])
def test_who_is_no_voter_follows(roles: str) -> None:
    assert read(controller_quorum_voters=THREE, node_id="4", process_roles=roles).hints == []
    servers = read(controller_quorum_bootstrap_servers="a:9093,b:9093", process_roles=roles)
    assert servers.config.controller_quorum_bootstrap_servers == ("a:9093", "b:9093")


def test_roles_are_what_the_list_makes_a_node() -> None:
    missing = refusal(controller_quorum_voters=THREE, node_id="4", process_roles="controller")
    assert f"node.id=4 is none of controller.quorum.voters={THREE}: put 4@host:port" in missing
    voter = refusal(controller_quorum_voters=THREE, process_roles="broker")
    assert "node.id=1 is one of" in voter
    assert "set process.roles=broker,controller" in voter
    assert "nobody keeps the metadata: set controller.quorum.voters=" in refusal(
        process_roles="broker"
    )
    assert "a lone node has both roles" in refusal(process_roles="controller")
    assert "String must be one of: broker, controller" in refusal(process_roles="zombie")


@pytest.mark.parametrize("count", [2, 4, 6, 7])
def test_the_quorum_has_one_three_or_five_voters(count: int) -> None:
    voters = ",".join(f"{node_id}@127.0.0.1:{9000 + node_id}" for node_id in range(1, count + 1))
    assert f"names {count} voters: valid are 1, 3 (one may fail) or 5" in refusal(
        controller_quorum_voters=voters
    )


def test_several_controllers_are_named_by_the_list() -> None:
    why = refusal(controller_quorum_bootstrap_servers="a:1,b:1", process_roles="broker,controller")
    assert "several controllers are named by controller.quorum.voters" in why


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1@a:9093,1@b:9093", "node 1 comes twice"),
        ("a:9093", "a:9093 does not read id@host:port"),
        ("1@:9093", "names no host"),
        ("1@a:0", "names no port"),
        ("1@a", "does not read id@host:port"),
        ("1@a:90930", "with a port to 65535"),
    ],
)
def test_a_wrong_line_of_voters_is_refused(line: str, why: str) -> None:
    assert why in refusal(controller_quorum_voters=line)


@pytest.mark.parametrize("text", ["a", ":9093", "a:0", "a:b", "1@a:9093"])
def test_a_wrong_server_is_refused(text: str) -> None:
    assert "does not read host:port" in refusal(controller_quorum_bootstrap_servers=text)
    with pytest.raises(ValueError, match="does not read"):
        parse_servers([text])


def test_a_voter_listens_where_the_listener_of_controllers_says() -> None:
    assert "none of listeners is CONTROLLER: add CONTROLLER://:9093 to listeners" in refusal(
        controller_quorum_voters=THREE, controller_listener_names="CONTROLLER"
    )
    elsewhere = read(
        controller_quorum_voters=THREE,
        controller_listener_names="CONTROLLER",
        listeners="PLAINTEXT://:9092,CONTROLLER://:9999",
    )
    assert elsewhere.hints[0].startswith("the others look for this node at port 9093")
    misspelt = refusal(
        controller_quorum_voters=THREE,
        controller_listener_names="CONTROLER",
        listeners="PLAINTEXT://:9092,CONTROLLER://:9093",
    )
    assert "none of listeners is CONTROLER: add" in misspelt


@pytest.mark.parametrize(
    ("listeners", "names", "why"),
    [
        ("PLAINTEXT://:9093", "", "put a port of its own for nodes there, 1@host:9094,"),
        ("PLAINTEXT://:9093,CONTROLLER://:9999", "CONTROLLER", "there, 1@host:9999, on all nodes"),
        ("PLAINTEXT://:9092,CONTROLLER://:9092", "CONTROLLER", "must have a different port"),
    ],
)
def test_a_port_is_for_nodes_or_for_clients(listeners: str, names: str, why: str) -> None:
    assert why in refusal(
        controller_quorum_voters=THREE, controller_listener_names=names, listeners=listeners
    )


def test_a_controller_alone_serves_no_clients() -> None:
    given = {
        "controller_quorum_voters": THREE,
        "controller_listener_names": "CONTROLLER",
        "listeners": "CONTROLLER://:9093",
    }
    assert read(process_roles="controller", **given).config.listeners == ()
    assert "clients need a listener of their own" in refusal(**given)


def test_between_machines_the_secret_is_missed_before_anybody_waits_for_it() -> None:
    assert "raftkafka secret FILE" in read(controller_quorum_voters=FAR).hints[0]
    assert read(controller_quorum_voters=FAR, cluster_secret_file="/s").hints == []


TLS = {
    "controller_quorum_voters": FAR,
    "controller_listener_names": "CONTROLLER",
    "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "listener_security_protocol_map": "PLAINTEXT:PLAINTEXT,CONTROLLER:SSL",
}
STORES = {"ssl_keystore_location": "/k", "ssl_truststore_location": "/t"}


def test_tls_needs_certificates_in_pem_files() -> None:
    assert "listener CONTROLLER is SSL: name a PEM file" in refusal(**TLS)
    assert "ssl.keystore.type: valid is PEM: convert /k" in refusal(**TLS, **STORES)
    loaded = read(**TLS, **STORES, ssl_keystore_type="PEM", ssl_truststore_type="PEM")
    assert loaded.config.cluster_protocol == "SSL"
    assert loaded.hints == []
    sasl = {**TLS, "listener_security_protocol_map": "PLAINTEXT:PLAINTEXT,CONTROLLER:SASL_SSL"}
    assert "listener CONTROLLER is SASL_SSL: valid are PLAINTEXT" in refusal(**sasl)


def test_times_that_cannot_work_are_refused() -> None:
    assert "no leader lasts with less than 50" in refusal(
        controller_quorum_election_timeout_ms="49"
    )
    assert "must not be more than broker.session.timeout.ms, which is 100" in refusal(
        broker_session_timeout_ms="100"
    )

"""Listeners as text and as values, and what clients are told."""

from __future__ import annotations

import pytest

from raftkafka.config.endpoints import (
    Endpoint,
    advertise,
    parse_endpoint,
    parse_ip_limits,
    parse_protocol_map,
)
from raftkafka.config.voters import Voter, parse_voters


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("PLAINTEXT://:9092", Endpoint("PLAINTEXT", "PLAINTEXT", "", 9092)),
        ("plaintext://localhost:0", Endpoint("PLAINTEXT", "PLAINTEXT", "localhost", 0)),
        ("CLIENT_1://[::1]:9092", Endpoint("CLIENT_1", "CLIENT_1", "::1", 9092)),
        ("A.B-C://0.0.0.0:65535", Endpoint("A.B-C", "A.B-C", "0.0.0.0", 65535)),
        ("X://[fe80::1%eth0]:1", Endpoint("X", "X", "fe80::1%eth0", 1)),
    ],
)
def test_a_listener(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text",
    ["", ":9092", "localhost:9092", "PLAINTEXT://host", "PLAINTEXT://::1:9092", "A://h:70000",
     "A://h:-1", "A://h:9092/", "A://h:x"],
)  # fmt: skip
def test_what_is_no_listener(text: str) -> None:
    with pytest.raises(ValueError, match="Unable to parse"):
        parse_endpoint(text)


def test_clients_are_told_a_host_and_a_port_that_work() -> None:
    configured = [
        Endpoint("A", "PLAINTEXT", "", 9092),
        Endpoint("B", "PLAINTEXT", "0.0.0.0", 0),
        Endpoint("C", "PLAINTEXT", "example.org", 19092),
    ]
    told = advertise(configured, {"A": 9092, "B": 40000, "C": 9094}, lambda: "here")
    assert [str(endpoint) for endpoint in told] == [
        "A://here:9092",
        "B://here:40000",
        "C://example.org:19092",
    ]


def test_this_hosts_name_is_not_asked_for_in_vain() -> None:
    endpoint = Endpoint("A", "PLAINTEXT", "127.0.0.1", 0)

    def fail() -> str:
        raise AssertionError

    assert advertise([endpoint], {"A": 7}, fail) == (endpoint._replace(port=7),)


def test_limits_of_addresses() -> None:
    assert parse_ip_limits("127.0.0.1:5, host:0,[::1]:7") == (
        ("127.0.0.1", 5),
        ("host", 0),
        ("::1", 7),
    )


@pytest.mark.parametrize("text", ["x", "host:-1", "host:many", "host:1,host:2"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"host|x"):
        parse_ip_limits(text)


def test_protocols_of_listeners() -> None:
    assert parse_protocol_map("client:plaintext,B:SASL_SSL") == (
        ("CLIENT", "PLAINTEXT"),
        ("B", "SASL_SSL"),
    )
    with pytest.raises(ValueError, match="A: TLS is none of PLAINTEXT, SSL"):
        parse_protocol_map("A:TLS")


def test_voters() -> None:
    assert parse_voters(["1@a:9093", "2@[::1]:9093"]) == (
        Voter(1, "a", 9093),
        Voter(2, "::1", 9093),
    )
    assert str(Voter(2, "::1", 9093)) == "2@[::1]:9093"


@pytest.mark.parametrize("text", ["a:9093", "x@a:9093", "1@a", "1@:9093", "-1@a:9093"])
def test_what_is_no_voter(text: str) -> None:
    with pytest.raises(ValueError, match=text.split("@")[0]):
        parse_voters([text])


def test_a_voter_comes_once() -> None:
    with pytest.raises(ValueError, match="node 1 comes twice"):
        parse_voters(["1@a:1", "1@b:1"])

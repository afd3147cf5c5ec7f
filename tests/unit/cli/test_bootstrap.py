"""Addresses as they are typed, and the broker that ``--zookeeper`` stands for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from raftkafka.cli import run_file
from raftkafka.cli.bootstrap import is_this_host, running_broker, zookeeper_to_broker
from raftkafka.client.address import Address, parse_addresses
from raftkafka.client.errors import ClientError


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("h:1", [("h", 1)]),
        ("h", [("h", 9092)]),
        ("a:1, b:2", [("a", 1), ("b", 2)]),
        ("[::1]:9", [("::1", 9)]),
        ("PLAINTEXT://h:1", [("h", 1)]),
    ],
)
def test_addresses(text: str, addresses: list[tuple[str, int]]) -> None:
    assert list(parse_addresses(text)) == addresses


@pytest.mark.parametrize("text", ["", ",", ":1", "h:", "h:x", "h:0", "h:70000", "[::1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ClientError):
        parse_addresses(text)


def test_a_port_can_be_required() -> None:
    with pytest.raises(ClientError, match="'h' has no port"):
        parse_addresses("h", default_port=None)


def test_an_address_is_shown_as_it_is_typed() -> None:
    assert [str(address) for address in (Address("h", 1), Address("::1", 2))] == ["h:1", "[::1]:2"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", os.uname().nodename])
def test_names_of_this_host(host: str) -> None:
    assert is_this_host(host)


@pytest.mark.parametrize("host", ["192.0.2.7", "no-such-host.invalid"])
def test_names_of_others(host: str) -> None:
    assert not is_this_host(host)


@pytest.mark.parametrize(
    ("listener", "address"),
    [
        ("PLAINTEXT://127.0.0.1:19092", Address("127.0.0.1", 19092)),
        ("PLAINTEXT://:19092", Address("localhost", 19092)),
        ("PLAINTEXT://0.0.0.0:19092", Address("localhost", 19092)),
        ("PLAINTEXT://[::]:19092", Address("localhost", 19092)),
    ],
)
def test_a_running_broker_is_where_it_listens(listener: str, address: Address) -> None:
    run_file.write(node_id=1, listeners=[listener], home="/data")
    assert running_broker() == address


def test_zookeeper_on_this_host_is_the_running_broker() -> None:
    run_file.write(node_id=1, listeners=["PLAINTEXT://127.0.0.1:19092"], home="/data")
    said: list[str] = []
    assert zookeeper_to_broker("localhost:2181/kafka", said.append) == (("127.0.0.1", 19092),)
    assert said == ["`--zookeeper` ignored; using 127.0.0.1:19092"]


def test_zookeeper_without_a_running_broker_is_port_9092() -> None:
    said: list[str] = []
    assert zookeeper_to_broker("localhost:2181", said.append) == (("localhost", 9092),)
    assert said == ["`--zookeeper` ignored; using localhost:9092"]


def test_zookeeper_elsewhere_is_the_broker_there() -> None:
    run_file.write(node_id=1, listeners=["PLAINTEXT://127.0.0.1:19092"], home="/data")
    found = zookeeper_to_broker("192.0.2.7:2181,192.0.2.8:2181/chroot", lambda _: None)
    assert found == (("192.0.2.7", 9092),)

"""Keys that have to go together, and files of Kafka's own releases, which do."""

from __future__ import annotations

import pytest

from raftkafka.config import load
from raftkafka.errors import ConfigInvalid


def refusal(**given: str) -> str:
    """What is said of a file with these keys, written with underscores for dots."""
    with pytest.raises(ConfigInvalid) as raised:
        load(None, {name.replace("_", "."): text for name, text in given.items()})
    assert raised.value.exit_code == 2
    return str(raised.value)


def test_listeners_have_different_names_and_ports() -> None:
    twice = refusal(listeners="A://:1,A://:2", listener_security_protocol_map="A:PLAINTEXT")
    assert "each listener must have a different name, not A twice" in twice
    same_port = refusal(
        listeners="A://:9092,B://:9092", listener_security_protocol_map="A:PLAINTEXT,B:PLAINTEXT"
    )
    assert "each listener must have a different port, not 9092 twice" in same_port


def test_ipv4_and_ipv6_may_share_a_port_and_several_may_have_none() -> None:
    protocols = "A:PLAINTEXT,B:PLAINTEXT"
    for listeners in ("A://127.0.0.1:9092,B://[::1]:9092", "A://:0,B://:0"):
        given = {"listeners": listeners, "listener.security.protocol.map": protocols}
        assert len(load(None, given).config.listeners) == 2


@pytest.mark.parametrize(
    ("listeners", "protocols", "why"),
    [
        ("SSL://:9093", "", "listener SSL is SSL, which is not supported yet: valid is PLAINTEXT"),
        ("SASL_PLAINTEXT://:1", "", "listener SASL_PLAINTEXT is SASL_PLAINTEXT, which is not"),
        (
            "PLAINTEXT://:1,X://:2",
            "PLAINTEXT:PLAINTEXT,X:SASL_SSL",
            "listener X is SASL_SSL, which",
        ),
        ("X://:9092", "", "listener X has no security protocol: add X:PLAINTEXT to"),
        ("PLAINTEXT://:9092", "PLAINTEXT:SSL", "listener PLAINTEXT is SSL, which is not"),
    ],
)
def test_no_listener_is_open_that_its_owner_believes_to_be_guarded(
    listeners: str, protocols: str, why: str
) -> None:
    given = {"listeners": listeners}
    if protocols:
        given["listener.security.protocol.map"] = protocols
    with pytest.raises(ConfigInvalid, match=why):
        load(None, given)


def test_brokers_talk_in_plain_text_so_far() -> None:
    assert "valid is PLAINTEXT" in refusal(security_inter_broker_protocol="SSL")


def test_what_is_advertised_is_a_listener_that_can_be_reached() -> None:
    assert "X is none of listeners" in refusal(advertised_listeners="X://a:1")
    nobody = refusal(advertised_listeners="PLAINTEXT://0.0.0.0:9092")
    assert "nobody can connect to 0.0.0.0: give a name or an address of this host" in nobody
    assert "X is none of listeners" in refusal(inter_broker_listener_name="X")


def test_listening_everywhere_needs_no_advertised_listener() -> None:
    config, hints = load(None, {"listeners": "PLAINTEXT://0.0.0.0:9092"})
    assert config.advertised_listeners[0].host == "0.0.0.0"
    assert hints == []


def test_a_listener_of_the_quorum_is_not_for_clients() -> None:
    given = {
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "controller.listener.names": "controller",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    }
    config, hints = load(None, given)
    assert [e.name for e in config.listeners] == ["PLAINTEXT"]
    assert [e.name for e in config.advertised_listeners] == ["PLAINTEXT"]
    assert [e.name for e in config.controller_listeners] == ["CONTROLLER"]
    assert hints == ["not opened, because a lone node has no peers: CONTROLLER://:9093"]
    given["listeners"] = "CONTROLLER://:9093"
    with pytest.raises(ConfigInvalid, match="clients need a listener of their own"):
        load(None, given)


def test_limits_leave_room() -> None:
    assert "must not be more than group.max.session.timeout.ms, which is 100" in refusal(
        group_max_session_timeout_ms="100"
    )
    assert "must not be more than replica.lag.time.max.ms" in refusal(
        replica_lag_time_max_ms="100", replica_socket_timeout_ms="30000"
    )
    assert "0 shuts everyone out" in refusal(max_connections_per_ip="0")
    assert load(
        None, {"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "127.0.0.1:9"}
    ).config.max_connections_per_ip_overrides == (("127.0.0.1", 9),)


def test_log_directories_are_there_and_differ() -> None:
    assert "log.dirs=/a,/b,/a: each directory must come once" in refusal(log_dirs="/a,/b,/a")
    assert "names no directory" in refusal(log_dirs="/a,")


def test_compaction_is_hinted_at() -> None:
    (hint,) = load(None, {"log.cleanup.policy": "compact,delete"}).hints
    assert hint.startswith("log.cleanup.policy=compact: compaction begins with the log cleaner")


KAFKA_0_8 = """
broker.id=0
port=9092
num.network.threads=2
num.io.threads=8
socket.send.buffer.bytes=1048576
socket.receive.buffer.bytes=1048576
socket.request.max.bytes=104857600
log.dirs=/tmp/kafka-logs
num.partitions=2
log.retention.hours=168
log.segment.bytes=536870912
log.retention.check.interval.ms=60000
log.cleaner.enable=false
zookeeper.connect=localhost:2181
zookeeper.connection.timeout.ms=1000000
"""
KAFKA_2 = """
broker.id=0
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kafka-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
zookeeper.connect=localhost:2181
zookeeper.connection.timeout.ms=18000
group.initial.rebalance.delay.ms=0
"""
KAFKA_4 = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
"""


@pytest.mark.parametrize("content", [KAFKA_0_8, KAFKA_2, KAFKA_4], ids=["0.8", "2", "4"])
def test_what_kafka_ships_starts_a_broker(content: str) -> None:
    given = dict(line.split("=", 1) for line in content.split())
    config, hints = load(None, given)
    assert [str(e) for e in config.listeners] == ["PLAINTEXT://:9092"]
    assert config.num_partitions == int(given["num.partitions"])
    assert not [hint for hint in hints if "unknown" in hint]

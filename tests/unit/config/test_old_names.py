"""What tutorials and files of older releases hold still means what it meant."""

from __future__ import annotations

import pytest

from raftkafka.config import load
from raftkafka.errors import ConfigInvalid


@pytest.mark.parametrize(
    ("given", "listeners", "advertised"),
    [
        ({"port": "9093"}, "PLAINTEXT://:9093", "PLAINTEXT://:9093"),
        ({"host.name": "localhost"}, "PLAINTEXT://localhost:9092", "PLAINTEXT://localhost:9092"),
        ({"hostname": "::1", "port": "1"}, "PLAINTEXT://[::1]:1", "PLAINTEXT://[::1]:1"),
        (
            {"port": "9093", "advertised.host.name": "kafka.example.org"},
            "PLAINTEXT://:9093",
            "PLAINTEXT://kafka.example.org:9093",
        ),
        ({"advertised.port": "19092"}, "PLAINTEXT://:9092", "PLAINTEXT://:19092"),
        (
            {"port": "9093", "advertised.listeners": "PLAINTEXT://a:1"},
            "PLAINTEXT://:9093",
            "PLAINTEXT://a:1",
        ),
    ],
)
def test_host_name_and_port_are_a_listener(
    given: dict[str, str], listeners: str, advertised: str
) -> None:
    config, hints = load(None, given)
    assert [str(e) for e in config.listeners] == [listeners]
    assert [str(e) for e in config.advertised_listeners] == [advertised]
    assert any(f"read as listeners={listeners}" in hint for hint in hints)


def test_host_name_and_port_are_nothing_beside_listeners() -> None:
    config, hints = load(None, {"listeners": "PLAINTEXT://:9094", "port": "9093"})
    assert config.listeners[0].port == 9094
    assert hints == ["--override: no effect beside listeners: port"]


@pytest.mark.parametrize("name", ["port", "advertised.port"])
def test_a_port_that_is_none(name: str) -> None:
    with pytest.raises(
        ConfigInvalid, match=f"^--override: Invalid value x for configuration {name}"
    ):
        load(None, {name: "x"})


@pytest.mark.parametrize(
    ("old", "text", "attributes"),
    [
        ("broker.id", "7", {"node_id": 7, "broker_id": 7}),
        ("brokerid", "7", {"node_id": 7}),
        ("log.retention.hours", "1", {"log_retention_hours": 1}),
        ("log.retention.minutes", "5", {"log_retention_minutes": 5}),
        ("log.roll.ms", "5000", {"log_roll_ms": 5000}),
        ("log.roll.hours", "2", {"log_roll_hours": 2}),
        ("log.cleanup.policy", "delete", {"log_cleanup_policy": ("delete",)}),
        ("log.dir", "/a,/b", {"log_dirs": ("/a", "/b"), "metadata_log_dir": "/a"}),
        ("message.max.bytes", "5", {"message_max_bytes": 5}),
        ("socket.send.buffer.bytes", "5", {"socket_send_buffer_bytes": 5}),
        ("socket.receive.buffer.bytes", "5", {"socket_receive_buffer_bytes": 5}),
        ("delete.topic.enable", "false", {"delete_topic_enable": False}),
        ("num.recovery.threads.per.data.dir", "5", {"num_recovery_threads_per_data_dir": 5}),
        ("queued.max.requests", "5", {"queued_max_requests": 5}),
        ("log.file.size", "2000000", {"log_segment_bytes": 2000000}),
        ("log.retention.size", "5", {"log_retention_bytes": 5}),
        ("log.cleanup.interval.mins", "2", {"log_retention_check_interval_ms": 120_000}),
        ("log.flush.interval", "5", {"log_flush_interval_messages": 5}),
        ("log.default.flush.interval.ms", "5", {"log_flush_interval_ms": 5}),
        (
            "log.default.flush.scheduler.interval.ms",
            "5",
            {"log_flush_scheduler_interval_ms": 5},
        ),
        ("max.message.size", "5", {"message_max_bytes": 5}),
        ("max.socket.request.bytes", "5", {"socket_request_max_bytes": 5}),
        ("socket.send.buffer", "5", {"socket_send_buffer_bytes": 5}),
        ("socket.receive.buffer", "5", {"socket_receive_buffer_bytes": 5}),
        (
            "log.message.timestamp.difference.max.ms",
            "5",
            {"log_message_timestamp_before_max_ms": 5, "log_message_timestamp_after_max_ms": 5},
        ),
        ("transaction.state.log.min.isr", "1", {"transaction_state_log_min_isr": 1}),
        ("replica.socket.timeout.ms", "900", {"replica_socket_timeout_ms": 900}),
    ],
)
def test_an_old_name_does_what_it_says(old: str, text: str, attributes: dict[str, object]) -> None:
    config = load(None, {old: text}).config
    assert {name: getattr(config, name) for name in attributes} == attributes


def test_an_old_name_is_hinted_at_and_gives_way_to_the_new_one() -> None:
    config, hints = load(None, {"log.file.size": "2000000", "log.segment.bytes": "3000000"})
    assert config.log_segment_bytes == 3000000
    assert hints == ["--override: log.file.size is now called log.segment.bytes"]


def test_an_old_value_that_is_none_names_the_old_key() -> None:
    with pytest.raises(ConfigInvalid, match=r"for configuration log.cleanup.interval.mins: Not a"):
        load(None, {"log.cleanup.interval.mins": "x"})


def test_the_two_names_of_an_id_must_agree() -> None:
    assert load(None, {"broker.id": "3", "node.id": "3"}).config.node_id == 3
    assert load(None, {"broker.id": "-1"}).config.node_id == 1
    assert load(None, {"broker.id": "-1", "node.id": "4"}).config.node_id == 4
    with pytest.raises(ConfigInvalid, match=r"broker.id=3 and node.id=4"):
        load(None, {"broker.id": "3", "node.id": "4"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("zookeeper.connect", "localhost:2181/chroot"),
        ("zookeeper.anything.new", "1"),
        ("zk.connect", "localhost:2181"),
        ("enable.zookeeper", "true"),
        ("replica.lag.max.messages", "4000"),
        ("num.network.threads", "3"),
        ("num.io.threads", "8"),
        ("inter.broker.protocol.version", "2.8"),
        ("log.message.format.version", "0.10.0"),
        ("broker.id.generation.enable", "true"),
        ("controller.quorum.fetch.timeout.ms", "2000"),
        ("transaction.state.log.replication.factor", "1"),
        ("ssl.keystore.password", "a"),
        ("sasl.enabled.mechanisms", "PLAIN"),
        ("super.users", "User:a"),
        ("metric.reporters", "org.example.Reporter"),
        ("listener.name.external.max.connections", "5"),
        ("log.segment.bytes.per.topic", "a:1"),
        ("unstable.api.versions.enable", "true"),
    ],
)
def test_a_key_without_effect_is_accepted_and_hinted_at(name: str, text: str) -> None:
    hints = load(None, {name: text}).hints
    assert len(hints) == 1
    assert hints[0].startswith(f"{name}: ")

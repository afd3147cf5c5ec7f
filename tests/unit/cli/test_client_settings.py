"""Java's properties, old and new, as librdkafka understands them."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer

from raftkafka.cli.client_settings import producer_defaults, translate
from raftkafka.client.errors import ClientError

OLD_PRODUCER = {
    "metadata.broker.list": "h:1",
    "request.required.acks": "-1",
    "compression.codec": "2",
    "queue.buffering.max.ms": "20",
    "queue.buffering.max.messages": "1000",
    "batch.num.messages": "200",
    "message.send.max.retries": "3",
    "send.buffer.bytes": "100000",
    "topic.metadata.refresh.interval.ms": "1000",
}
OLD_CONSUMER = {
    "group.id": "g",
    "auto.commit.enable": "true",
    "auto.offset.reset": "smallest",
    "fetch.message.max.bytes": "1000000",
    "fetch.min.bytes": "1",
    "fetch.wait.max.ms": "100",
    "socket.receive.buffer.bytes": "65536",
    "socket.timeout.ms": "30000",
}


def test_the_old_producers_names_become_todays() -> None:
    assert translate(OLD_PRODUCER).librdkafka == {
        "bootstrap.servers": "h:1",
        "acks": "-1",
        "compression.type": "snappy",
        "linger.ms": "20",
        "queue.buffering.max.messages": "1000",
        "batch.num.messages": "200",
        "retries": "3",
        "socket.send.buffer.bytes": "100000",
        "topic.metadata.refresh.interval.ms": "1000",
    }


def test_the_old_consumers_names_become_todays() -> None:
    settings = translate(OLD_CONSUMER).librdkafka
    assert settings["enable.auto.commit"] == "true"
    assert settings["auto.offset.reset"] == "earliest"
    assert settings["max.partition.fetch.bytes"] == "1000000"


@pytest.mark.parametrize(("old", "new"), [("largest", "latest"), ("smallest", "earliest")])
def test_offset_resets_of_old(old: str, new: str) -> None:
    assert translate({"auto.offset.reset": old}).librdkafka["auto.offset.reset"] == new


def test_what_is_no_setting_of_a_client_is_kept_apart() -> None:
    settings = translate(
        {
            "producer.type": "sync",
            "consumer.timeout.ms": "1500",
            "zookeeper.connect": "z:2181/kafka",
        }
    )
    assert (settings.is_sync, settings.timeout_ms) == (True, 1500)
    assert settings.zookeeper == "z:2181/kafka"
    assert settings.librdkafka == {}
    assert translate({"consumer.timeout.ms": "-1"}).timeout_ms is None, "for ever"


def test_settings_without_effect_are_named() -> None:
    settings = translate(
        {
            "queue.enqueue.timeout.ms": "1",
            "zookeeper.session.timeout.ms": "400",
            "value.serializer": "com.example.Avro",
            "key.serializer": "org.apache.kafka.common.serialization.StringSerializer",
            "serializer.class": "kafka.serializer.StringEncoder",
        }
    )
    named = ["queue.enqueue.timeout.ms", "value.serializer", "zookeeper.session.timeout.ms"]
    assert sorted(settings.without_effect) == named
    assert settings.librdkafka == {}


def test_units_and_names_of_java() -> None:
    settings = translate(
        {
            "buffer.memory": "33554432",
            "fetch.max.wait.ms": "100",
            "receive.buffer.bytes": "65536",
            "max.request.size": "2000000",
            "batch.size": "0",
            "partitioner.class": "org.apache.kafka.clients.producer.internals.DefaultPartitioner",
        }
    )
    assert settings.librdkafka == {
        "queue.buffering.max.kbytes": "32768",
        "fetch.wait.max.ms": "100",
        "socket.receive.buffer.bytes": "65536",
        "message.max.bytes": "2000000",
        "batch.size": "1",
        "partitioner": "murmur2_random",
    }


def test_a_name_and_password_are_taken_from_jaas() -> None:
    jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="a" '
    settings = translate({"sasl.jaas.config": jaas + 'password="b c";'})
    assert settings.librdkafka == {"sasl.username": "a", "sasl.password": "b c"}


def test_a_value_that_is_no_number() -> None:
    with pytest.raises(ClientError, match=r"buffer\.memory=lots is no number"):
        translate({"buffer.memory": "lots"})


@pytest.mark.parametrize(
    ("given", "idempotent"),
    [
        ({}, "true"),
        ({"acks": "-1"}, "true"),
        ({"acks": "1"}, "false"),
        ({"retries": "0"}, "false"),
        ({"max.in.flight.requests.per.connection": "6"}, "false"),
        ({"acks": "all", "enable.idempotence": "false"}, "false"),
    ],
)
def test_idempotence_is_javas_default_unless_ruled_out(
    given: dict[str, str], idempotent: str
) -> None:
    settings = producer_defaults(given)
    assert settings["enable.idempotence"] == idempotent
    assert settings["partitioner"] == "murmur2_random", "the partitions that Java chooses"


def test_librdkafka_takes_what_comes_out() -> None:
    producer = {**producer_defaults({}), **translate(OLD_PRODUCER).librdkafka}
    Producer({**producer, "enable.idempotence": "false", "log_level": 0})
    consumer = Consumer({**translate(OLD_CONSUMER).librdkafka, "log_level": 0})
    consumer.close()

"""confluent-kafka (librdkafka), driven by commands; runs with 2.3.0 and with the current one."""

from __future__ import annotations

import sys
import time
from typing import Any

import confluent_kafka
from command import Command, emit, emit_record, headers_of, key_of, run, value_of
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, ResourceType


def version(_: Command) -> None:
    emit(version=f"{confluent_kafka.__version__} (librdkafka {confluent_kafka.libversion()[0]})")


def produce(command: Command) -> None:
    options: dict[str, Any] = {"bootstrap.servers": command["bootstrap"]}
    for ours, theirs in (
        ("acks", "acks"),
        ("compression", "compression.type"),
        ("idempotent", "enable.idempotence"),
        ("linger_ms", "linger.ms"),
    ):
        if ours in command:
            options[theirs] = command[ours]
    producer = Producer(options)
    topic = command["topic"]
    count = 0
    if command.get("partitioner") == "custom":
        count = len(producer.list_topics(topic, timeout=20).topics[topic].partitions)
    for i, record in enumerate(command["records"]):
        arguments: dict[str, Any] = {}
        if "partition" in record:
            arguments["partition"] = record["partition"]
        if count:  # in Python, a partitioner of one's own is the partition given with the record
            arguments["partition"] = int(record["key"]) % count
        if "timestamp" in record:
            arguments["timestamp"] = record["timestamp"]

        def delivered(error: KafkaError | None, message: Message, i: int = i) -> None:
            if error is not None:
                emit(i=i, error=error.name())
            else:
                emit(i=i, partition=message.partition(), offset=message.offset())

        try:
            producer.produce(
                topic,
                value_of(record),
                key_of(record),
                headers=headers_of(record) or None,
                on_delivery=delivered,
                **arguments,
            )
        except confluent_kafka.KafkaException as failure:
            emit(i=i, error=failure.args[0].name())
        if command.get("sync"):
            producer.flush()
        producer.poll(command.get("pause_ms", 0) / 1000)
    left = producer.flush(command.get("patience_s", 60))
    emit(unsent=left)


def consume(command: Command) -> None:
    # It insists on a group id, and would commit to that group when closed.
    options = {"group.id": "none", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": command["bootstrap"], **options})
    topic = command["topic"]
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in command["partitions"]])
    deadline = time.monotonic() + command.get("patience_s", 30)
    left = command["count"]
    while left and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            emit(error=message.error().name())
            continue
        emit_record(
            message.partition(),
            message.offset(),
            message.key(),
            message.value(),
            message.headers() or [],
            message.timestamp()[1],
        )
        left -= 1
    consumer.close()


def admin(command: Command) -> None:
    client = AdminClient({"bootstrap.servers": command["bootstrap"]})
    topic = command["topic"]
    resource = ConfigResource(ResourceType.TOPIC, topic)

    def done(futures: dict[Any, Any]) -> str | None:
        (future,) = futures.values()
        try:
            future.result(20)
        except confluent_kafka.KafkaException as failure:
            return str(failure.args[0].name())
        return None

    def configs() -> dict[str, str]:
        (future,) = client.describe_configs([resource]).values()
        return {name: entry.value for name, entry in future.result(20).items()}

    new = NewTopic(topic, 2, 1, config={"retention.ms": "3600000"})
    emit(step="create", error=done(client.create_topics([new])))
    emit(step="create again", error=done(client.create_topics([new])))
    emit(step="config", value=configs()["retention.ms"])
    altered = ConfigResource(ResourceType.TOPIC, topic, set_config={"retention.ms": "7200000"})
    emit(step="alter", error=done(client.alter_configs([altered])))
    emit(step="config", value=configs()["retention.ms"])
    emit(step="grow", error=done(client.create_partitions([NewPartitions(topic, 3)])))
    emit(step="partitions", value=len(client.list_topics(topic, 20).topics[topic].partitions))
    emit(step="delete", error=done(client.delete_topics([topic])))
    emit(step="gone", value=topic not in client.list_topics(timeout=20).topics)


if __name__ == "__main__":
    run({"version": version, "produce": produce, "consume": consume, "admin": admin})
    sys.exit(0)

"""kafka-python, driven by commands; runs with 2.0 and with the current one."""

from __future__ import annotations

import time
from typing import Any

import kafka
from command import Command, emit, emit_record, headers_of, key_of, run, value_of
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    NewPartitions,
    NewTopic,
)
from kafka.errors import KafkaError

MAJOR = int(kafka.__version__.split(".")[0])


def version(_: Command) -> None:
    emit(version=kafka.__version__)


def by_key() -> object:
    """Return a partitioner of one's own: partition n for key n."""
    if MAJOR < 3:
        return lambda key, every, available: every[int(key) % len(every)]
    from kafka.partitioner import Partitioner

    class ByKey(Partitioner):
        def partition(self, topic: str, key: bytes, *more: Any) -> int:
            cluster = more[-1]
            return int(key) % len(cluster.partitions_for_topic(topic))

    return ByKey()


def produce(command: Command) -> None:
    options: dict[str, Any] = {"bootstrap_servers": command["bootstrap"]}
    if "acks" in command:
        options["acks"] = command["acks"] if command["acks"] == "all" else int(command["acks"])
    if "compression" in command:
        options["compression_type"] = (
            None if command["compression"] == "none" else command["compression"]
        )
    if "idempotent" in command:
        options["enable_idempotence"] = command["idempotent"]
    if "linger_ms" in command:
        options["linger_ms"] = command["linger_ms"]
    if command.get("partitioner") == "custom":
        options["partitioner"] = by_key()
    if "retries" in command:  # kafka-python 2.0 gives up at once unless told otherwise
        options["retries"] = command["retries"]
    if command.get("max_request_bytes"):
        options["max_request_size"] = command["max_request_bytes"]
    producer = KafkaProducer(**options)
    failed = 0
    for i, record in enumerate(command["records"]):

        def delivered(metadata: Any, i: int = i) -> None:
            emit(i=i, partition=metadata.partition, offset=metadata.offset)

        def refused(failure: BaseException, i: int = i) -> None:
            nonlocal failed
            failed += 1
            emit(i=i, error=type(failure).__name__)

        try:
            future = producer.send(
                command["topic"],
                value_of(record),
                key_of(record),
                headers_of(record),
                record.get("partition"),
                record.get("timestamp"),
            )
            future.add_callback(delivered).add_errback(refused)
            if command.get("sync"):
                future.get(command.get("patience_s", 60))
        except KafkaError as failure:
            refused(failure)
        time.sleep(command.get("pause_ms", 0) / 1000)
    producer.flush(command.get("patience_s", 60))
    producer.close()
    emit(unsent=failed)


def consume(command: Command) -> None:
    consumer = KafkaConsumer(bootstrap_servers=command["bootstrap"])
    partitions = [TopicPartition(command["topic"], p) for p in command["partitions"]]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    deadline = time.monotonic() + command.get("patience_s", 30)
    left = command["count"]
    while left and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                emit_record(
                    record.partition,
                    record.offset,
                    record.key,
                    record.value,
                    list(record.headers),
                    record.timestamp,
                )
                left -= 1
    consumer.close()


def outcome(action: Any) -> str | None:
    """Run ``action``; return the name of the error that it raised."""
    try:
        action()
    except KafkaError as failure:
        return type(failure).__name__
    return None


def config_value(client: Any, topic: str, name: str) -> str | None:
    """Ask for one topic key; 2.0 hands out the response as it is."""
    described = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    if MAJOR >= 3:
        return str(described["topic"][topic][name]["value"])
    for response in described:
        for resource in response.resources:
            for entry in resource[4]:
                if entry[0] == name:
                    return str(entry[1])
    return None


def admin(command: Command) -> None:
    client: Any = KafkaAdminClient(bootstrap_servers=command["bootstrap"])
    topic = command["topic"]
    new = NewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})
    emit(step="create", error=outcome(lambda: client.create_topics([new])))
    emit(step="create again", error=outcome(lambda: client.create_topics([new])))
    emit(step="config", value=config_value(client, topic, "retention.ms"))
    altered = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "7200000"})
    emit(step="alter", error=outcome(lambda: client.alter_configs([altered])))
    emit(step="config", value=config_value(client, topic, "retention.ms"))
    grown = {topic: NewPartitions(3)}
    emit(step="grow", error=outcome(lambda: client.create_partitions(grown)))
    (described,) = client.describe_topics([topic])
    emit(step="partitions", value=len(described["partitions"]))
    emit(step="delete", error=outcome(lambda: client.delete_topics([topic])))
    emit(step="gone", value=topic not in client.list_topics())
    client.close()


if __name__ == "__main__":
    run({"version": version, "produce": produce, "consume": consume, "admin": admin})

"""aiokafka, driven by commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from command import Command, emit, emit_record, headers_of, key_of, run, value_of


def version(_: Command) -> None:
    emit(version=aiokafka.__version__)


def by_key(key: bytes | None, all_partitions: list[int], available: list[int]) -> int:
    """Partition n for key n: a partitioner of one's own."""
    return all_partitions[int(key or b"0") % len(all_partitions)]


async def produce(command: Command) -> None:
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
        options["partitioner"] = by_key
    if command.get("max_request_bytes"):
        options["max_request_size"] = command["max_request_bytes"]
    failed = 0

    async def report(i: int, delivery: Awaitable[Any]) -> None:
        nonlocal failed
        try:
            metadata = await delivery
        except KafkaError as failure:
            failed += 1
            emit(i=i, error=type(failure).__name__)
        else:
            # acks=0 has no answer to tell an offset from
            emit(
                i=i,
                partition=getattr(metadata, "partition", -1),
                offset=getattr(metadata, "offset", -1),
            )

    async with aiokafka.AIOKafkaProducer(**options) as producer:
        reports: list[asyncio.Task[None]] = []
        for i, record in enumerate(command["records"]):
            try:
                delivery = await producer.send(
                    command["topic"],
                    value_of(record),
                    key_of(record),
                    record.get("partition"),
                    record.get("timestamp"),
                    headers_of(record),
                )
            except KafkaError as failure:
                failed += 1
                emit(i=i, error=type(failure).__name__)
                continue
            reports.append(asyncio.create_task(report(i, delivery)))
            if command.get("sync"):
                await reports[-1]
            await asyncio.sleep(command.get("pause_ms", 0) / 1000)
        await asyncio.wait_for(asyncio.gather(*reports), command.get("patience_s", 60))
    emit(unsent=failed)


async def consume(command: Command) -> None:
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=command["bootstrap"])
    await consumer.start()
    partitions = [aiokafka.TopicPartition(command["topic"], p) for p in command["partitions"]]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    for _ in range(command["count"]):
        record = await asyncio.wait_for(consumer.getone(), command.get("patience_s", 30))
        emit_record(
            record.partition,
            record.offset,
            record.key,
            record.value,
            list(record.headers),
            record.timestamp,
        )
    await consumer.stop()


async def outcome(action: Awaitable[Any]) -> str | None:
    """Await ``action``; return the name of the error that it raised or that its answer holds."""
    try:
        answer = await action
    except KafkaError as failure:
        return type(failure).__name__
    for attribute in ("topic_errors", "topic_error_codes", "resources"):
        for row in getattr(answer, attribute, []):
            code = row[0] if attribute == "resources" else row[1]
            if code:
                return str(code)
    return None


async def admin(command: Command) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=command["bootstrap"])
    await client.start()
    topic = command["topic"]

    async def config() -> str | None:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        (response,) = await client.describe_configs([resource])
        return {entry[0]: entry[1] for entry in response.resources[0][4]}.get("retention.ms")

    new = NewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})
    emit(step="create", error=await outcome(client.create_topics([new])))
    emit(step="create again", error=await outcome(client.create_topics([new])))
    emit(step="config", value=await config())
    altered = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "7200000"})
    emit(step="alter", error=await outcome(client.alter_configs([altered])))
    emit(step="config", value=await config())
    grown = {topic: NewPartitions(3)}
    emit(step="grow", error=await outcome(client.create_partitions(grown)))
    (described,) = await client.describe_topics([topic])
    emit(step="partitions", value=len(described["partitions"]))
    emit(step="delete", error=await outcome(client.delete_topics([topic])))
    emit(step="gone", value=topic not in await client.list_topics())
    await client.close()


def on_loop(action: Callable[[Command], Awaitable[None]]) -> Callable[[Command], None]:
    async def main(command: Command) -> None:
        await action(command)

    return lambda command: asyncio.run(main(command))


if __name__ == "__main__":
    run(
        {
            "version": version,
            "produce": on_loop(produce),
            "consume": on_loop(consume),
            "admin": on_loop(admin),
        }
    )

"""Settings of producers and consumers: Kafka's Java keys, old and new, for librdkafka.

librdkafka has most of Java's keys under the same names. What differs is here: other names,
other units, values that were spelt otherwise before Kafka 0.9, and keys that mean nothing to
it, which are named in one hint instead of being swallowed.

Sources: Kafka classes ``ProducerConfig`` and ``ConsumerConfig``, the same of 0.8's Scala
clients; librdkafka's ``CONFIGURATION.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from raftkafka.client.errors import ClientError

RENAMED = {
    "buffer.memory": "queue.buffering.max.kbytes",
    "compression.codec": "compression.type",
    "auto.commit.enable": "enable.auto.commit",
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "max.request.size": "message.max.bytes",
    "message.send.max.retries": "retries",
    "metadata.broker.list": "bootstrap.servers",
    "partitioner.class": "partitioner",
    "queue.buffering.max.ms": "linger.ms",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "request.required.acks": "acks",
    "send.buffer.bytes": "socket.send.buffer.bytes",
}

VALUES = {
    "auto.offset.reset": {"smallest": "earliest", "largest": "latest", "none": "error"},
    "compression.type": {"0": "none", "1": "gzip", "2": "snappy", "3": "lz4", "4": "zstd"},
    "batch.size": {"0": "1"},
    "partitioner": {
        "": "murmur2_random",
        "kafka.producer.DefaultPartitioner": "murmur2_random",
        "org.apache.kafka.clients.producer.internals.DefaultPartitioner": "murmur2_random",
        "org.apache.kafka.clients.producer.UniformStickyPartitioner": "random",
        "org.apache.kafka.clients.producer.RoundRobinPartitioner": "random",
    },
    "ssl.endpoint.identification.algorithm": {"": "none"},
}
"""Spellings of values, by librdkafka's key."""

WITHOUT_EFFECT = frozenset(
    {
        "auto.include.jmx.reporter",
        "compressed.topics",
        "config.providers",
        "consumer.id",
        "default.api.timeout.ms",
        "dual.commit.enabled",
        "exclude.internal.topics",
        "interceptor.classes",
        "max.block.ms",
        "metadata.max.idle.ms",
        "metric.reporters",
        "metrics.num.samples",
        "metrics.recording.level",
        "metrics.sample.window.ms",
        "num.consumer.fetchers",
        "offsets.channel.backoff.ms",
        "offsets.channel.socket.timeout.ms",
        "offsets.commit.max.retries",
        "offsets.storage",
        "partitioner.adaptive.partitioning.enable",
        "partitioner.availability.timeout.ms",
        "partitioner.ignore.keys",
        "queue.enqueue.timeout.ms",
        "queued.max.message.chunks",
        "rebalance.backoff.ms",
        "rebalance.max.retries",
        "refresh.leader.backoff.ms",
        "zookeeper.connection.timeout.ms",
        "zookeeper.session.timeout.ms",
        "zookeeper.sync.time.ms",
    }
)
BYTES_ANYWAY = frozenset(
    {
        "key.deserializer",
        "key.serializer",
        "key.serializer.class",
        "serializer.class",
        "value.deserializer",
        "value.serializer",
    }
)
PLAIN_SERIALIZERS = ("StringEncoder", "DefaultEncoder", "StringSerializer", "ByteArraySerializer")
PLAIN_DESERIALIZERS = ("StringDeserializer", "ByteArrayDeserializer")
JAAS_WORD = re.compile(r'\b(username|password)\s*=\s*"((?:[^"\\]|\\.)*)"')


@dataclass(slots=True)
class Settings:
    """What properties say. ``librdkafka`` holds its keys and values."""

    librdkafka: dict[str, str] = field(default_factory=dict[str, str])
    without_effect: list[str] = field(default_factory=list[str])
    """Keys that were given and change nothing."""
    is_sync: bool = False
    """``producer.type=sync``: every message is acknowledged before the next is sent."""
    timeout_ms: int | None = None
    """``consumer.timeout.ms``: stop when nothing came for so long."""
    zookeeper: str | None = None
    """``zookeeper.connect``: stands for the broker of its host."""


def translate(properties: Mapping[str, str]) -> Settings:
    """Return what Java's properties mean for librdkafka.

    Raises:
        ClientError: a value that cannot be.
    """
    settings = Settings()
    for key, value in properties.items():
        _translate(key.strip(), value.strip(), settings)
    return settings


def _translate(key: str, value: str, settings: Settings) -> None:
    match key:
        case "producer.type":
            settings.is_sync = value == "sync"
        case "consumer.timeout.ms":
            timeout_ms = _number(key, value)
            settings.timeout_ms = timeout_ms if timeout_ms >= 0 else None
        case "zookeeper.connect":
            settings.zookeeper = value
        case "sasl.jaas.config":
            words = dict(JAAS_WORD.findall(value))
            settings.librdkafka |= {f"sasl.{name}": text for name, text in words.items()}
        case "buffer.memory":
            settings.librdkafka[RENAMED[key]] = str(max(_number(key, value) // 1024, 1))
        case _ if key in BYTES_ANYWAY:
            if not value.endswith(PLAIN_SERIALIZERS + PLAIN_DESERIALIZERS):
                settings.without_effect.append(key)
        case _ if key in WITHOUT_EFFECT:
            settings.without_effect.append(key)
        case _:
            name = RENAMED.get(key, key)
            settings.librdkafka[name] = VALUES.get(name, {}).get(value, value)


def producer_defaults(librdkafka: Mapping[str, str]) -> dict[str, str]:
    """Return settings with Java's producer defaults, where librdkafka's differ.

    Idempotence is on unless another setting rules it out, as in Java.
    """
    settings = {"partitioner": "murmur2_random", "linger.ms": "5", "acks": "all", **librdkafka}
    ruled_out = (
        settings["acks"] not in ("all", "-1")
        or settings.get("retries") == "0"
        or int(settings.get("max.in.flight.requests.per.connection", "5")) > 5
    )
    return {"enable.idempotence": str(not ruled_out).lower(), **settings}


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise ClientError(f"{key}={value} is no number") from error

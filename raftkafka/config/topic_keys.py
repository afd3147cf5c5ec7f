"""Keys of topics, each with the broker keys that hold where a topic does not say.

Source: Kafka 4.3 ``LogConfig``, ``TopicConfig``, ``ServerTopicConfigSynonyms``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from raftkafka.config.broker_keys import BROKER_KEYS
from raftkafka.config.checks import between, throttled_replicas
from raftkafka.config.effects import NO_REMOTE, NOT_YET, WITH_CLUSTER
from raftkafka.config.keys import Effect, Key, Update
from raftkafka.config.values import Type, Value, format_value

MINUTE_MS = 60 * 1000
HOUR_MS = 60 * MINUTE_MS


class Synonym(NamedTuple):
    """A broker key, and what its value is multiplied by to be the topic key's."""

    name: str
    factor: int = 1

    def value_of(self, text: str) -> Value:
        """Return the topic key's value for a text of the broker key."""
        value = BROKER_KEYS[self.name].parse(text)
        if self.factor == 1 or not isinstance(value, int):
            return value
        # -1 hours are -1 milliseconds: no limit
        return value * self.factor if value >= 0 else value


SYNONYMS: Mapping[str, tuple[Synonym, ...]] = MappingProxyType(
    {
        "cleanup.policy": (Synonym("log.cleanup.policy"),),
        "compression.gzip.level": (Synonym("compression.gzip.level"),),
        "compression.lz4.level": (Synonym("compression.lz4.level"),),
        "compression.type": (Synonym("compression.type"),),
        "compression.zstd.level": (Synonym("compression.zstd.level"),),
        "delete.retention.ms": (Synonym("log.cleaner.delete.retention.ms"),),
        "file.delete.delay.ms": (Synonym("log.segment.delete.delay.ms"),),
        "flush.before.visible": (Synonym("log.flush.before.visible"),),
        "flush.messages": (Synonym("log.flush.interval.messages"),),
        "flush.ms": (Synonym("log.flush.interval.ms"), Synonym("log.flush.scheduler.interval.ms")),
        "index.interval.bytes": (Synonym("log.index.interval.bytes"),),
        "local.retention.bytes": (Synonym("log.local.retention.bytes"),),
        "local.retention.ms": (Synonym("log.local.retention.ms"),),
        "max.compaction.lag.ms": (Synonym("log.cleaner.max.compaction.lag.ms"),),
        "max.message.bytes": (Synonym("message.max.bytes"),),
        "message.timestamp.after.max.ms": (Synonym("log.message.timestamp.after.max.ms"),),
        "message.timestamp.before.max.ms": (Synonym("log.message.timestamp.before.max.ms"),),
        "message.timestamp.type": (Synonym("log.message.timestamp.type"),),
        "min.cleanable.dirty.ratio": (Synonym("log.cleaner.min.cleanable.ratio"),),
        "min.compaction.lag.ms": (Synonym("log.cleaner.min.compaction.lag.ms"),),
        "min.insync.replicas": (Synonym("min.insync.replicas"),),
        "preallocate": (Synonym("log.preallocate"),),
        "retention.bytes": (Synonym("log.retention.bytes"),),
        "retention.ms": (
            Synonym("log.retention.ms"),
            Synonym("log.retention.minutes", MINUTE_MS),
            Synonym("log.retention.hours", HOUR_MS),
        ),
        "segment.bytes": (Synonym("log.segment.bytes"),),
        "segment.index.bytes": (Synonym("log.index.size.max.bytes"),),
        "segment.jitter.ms": (
            Synonym("log.roll.jitter.ms"),
            Synonym("log.roll.jitter.hours", HOUR_MS),
        ),
        "segment.ms": (Synonym("log.roll.ms"), Synonym("log.roll.hours", HOUR_MS)),
        "unclean.leader.election.enable": (Synonym("unclean.leader.election.enable"),),
    }
)
"""The broker keys beneath each topic key, the first that is set winning."""

DOCS = {
    "flush.ms": "How long a record may stay unflushed.",
    "retention.ms": "The age at which a segment is deleted, -1 for never.",
    "segment.jitter.ms": "The most that is taken at random off a segment's age, so that not all "
    "roll at once.",
    "segment.ms": "The age at which the next segment begins.",
}
"""Where the broker key's own would speak of other broker keys."""

RANGES = {"retention.ms": between(-1, None)}
"""Where a topic may have what a broker may not."""


def beneath(name: str, synonyms: tuple[Synonym, ...]) -> Key:
    """Return the topic key above some broker keys: theirs in type, range and default."""
    broker_key = BROKER_KEYS[synonyms[0].name]
    by_default = (s.value_of(d) for s in synonyms if (d := BROKER_KEYS[s.name].default) is not None)
    valid, check = RANGES.get(name, (broker_key.valid, broker_key.check))
    return Key(
        name,
        broker_key.type,
        format_value(next(by_default)),
        DOCS.get(name, broker_key.doc),
        broker_key.effect,
        Update.CLUSTER_WIDE,
        valid,
        check,
    )


def throttle(name: str, doc: str) -> Key:
    """Return a key that lists replicas whose replication is slowed down."""
    valid, check = throttled_replicas(name)
    return Key(name, Type.LIST, "", doc, WITH_CLUSTER, Update.CLUSTER_WIDE, valid, check)


def remote(name: str, effect: Effect) -> Key:
    """Return a switch of tiered storage."""
    return Key(name, Type.BOOLEAN, "false", "", effect, Update.CLUSTER_WIDE)


OWN_KEYS = (
    throttle("follower.replication.throttled.replicas", "Followers that fetch slower."),
    throttle("leader.replication.throttled.replicas", "Leaders that send slower."),
    remote("remote.log.copy.disable", NO_REMOTE),
    remote("remote.log.delete.on.disable", NO_REMOTE),
    remote("remote.storage.enable", NOT_YET),
)

TOPIC_KEYS: Mapping[str, Key] = MappingProxyType(
    dict(
        sorted(
            [(name, beneath(name, synonyms)) for name, synonyms in SYNONYMS.items()]
            + [(key.name, key) for key in OWN_KEYS]
        )
    )
)
"""Every topic key by name."""

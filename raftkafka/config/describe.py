"""What DescribeConfigs answers: each key's value, where it comes from, and what lies beneath.

Source: Kafka's ``ConfigHelper``. One difference: beneath a topic's key Kafka drops the broker
keys before the first of its main name, so that log.retention.hours in a file never shows; here
every one is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from raftkafka.config.broker_keys import BROKER_KEYS
from raftkafka.config.effects import INTERNAL
from raftkafka.config.keys import DOES, Key, Update
from raftkafka.config.resolve import BrokerLevels, Source
from raftkafka.config.topic_keys import SYNONYMS, TOPIC_KEYS
from raftkafka.config.unused_keys import REMOVED_KEYS
from raftkafka.config.values import format_value

UNKNOWN_TYPE = 0

NOT_LISTED = frozenset(
    {key.name for key in REMOVED_KEYS}
    | {key.name for key in BROKER_KEYS.values() if key.effect is INTERNAL}
)
"""Keys that are accepted, and that Kafka 4.3 does not list."""


class Level(NamedTuple):
    """A value of a key at one level; ``None`` if it is sensitive."""

    name: str
    value: str | None
    source: Source


class Described(NamedTuple):
    """One key as DescribeConfigs shows it; a sensitive value is ``None``.

    ``type`` is the number of ``ConfigType``, ``source`` of ``ConfigSource``. ``synonyms`` are
    the values that hold in turn if those before them go, this one included.
    """

    name: str
    value: str | None
    source: Source
    synonyms: tuple[Level, ...]
    type: int
    is_sensitive: bool
    is_read_only: bool
    doc: str


def describe_topic(levels: BrokerLevels, topic: Mapping[str, str]) -> list[Described]:
    """Describe every key of a topic that sets ``topic`` itself."""
    described: list[Described] = []
    for name, key in TOPIC_KEYS.items():
        synonyms = (synonym.name for synonym in SYNONYMS.get(name, ()))
        below = tuple(Level(*candidate) for candidate in levels.candidates(*synonyms))
        if name in topic:
            value = format_value(key.parse(topic[name]))
            below = (Level(name, value, Source.DYNAMIC_TOPIC), *below)
        else:
            value = format_value(levels.topic_default(name))
        source = below[0].source if below else Source.DEFAULT
        doc = documentation(key)
        described.append(Described(name, value, source, below, key.type, False, False, doc))
    return described


def describe_broker(levels: BrokerLevels) -> list[Described]:
    """Describe every key of a broker, and what its file holds besides."""
    names = [name for name in BROKER_KEYS if name not in NOT_LISTED]
    for level in (levels.config.given, levels.cluster, levels.broker):
        names += [name for name in level if name not in names]
    return [describe_broker_key(levels, name) for name in names]


def describe_cluster_default(levels: BrokerLevels) -> list[Described]:
    """Describe what was set for all brokers (the broker resource without a name)."""
    described: list[Described] = []
    for name, text in levels.cluster.items():
        one = describe_broker_key(levels, name)
        level = Level(name, None if one.is_sensitive else text, Source.DYNAMIC_DEFAULT_BROKER)
        described.append(one._replace(value=level.value, source=level.source, synonyms=(level,)))
    return described


def describe_broker_key(levels: BrokerLevels, name: str) -> Described:
    """Describe one key of a broker; one that nobody knows is sensitive, as Kafka has it."""
    key = BROKER_KEYS.get(name)
    candidates = tuple(levels.candidates(*broker_synonyms(name)))
    # of several names for one thing, those that go before this one do not concern it
    first = next((i for i, candidate in enumerate(candidates) if candidate.name == name), None)
    below = candidates[first:] if first is not None else ()
    source = below[0].source if below else Source.DEFAULT
    if key is None or key.is_sensitive:
        hidden = tuple(Level(candidate.name, None, candidate.source) for candidate in below)
        kind = UNKNOWN_TYPE if key is None else key.type
        return Described(name, None, source, hidden, kind, True, True, "")
    value = format_value(key.parse(below[0].text)) if below else None
    shown = tuple(Level(*candidate) for candidate in below)
    is_read_only = key.update is Update.READ_ONLY
    return Described(name, value, source, shown, key.type, False, is_read_only, documentation(key))


def broker_synonyms(name: str) -> tuple[str, ...]:
    """Return the broker keys that mean the same as ``name``, in the order in which they hold."""
    return SHARED.get(name, (name,))


SHARED = {
    synonym.name: tuple(each.name for each in synonyms)
    for synonyms in SYNONYMS.values()
    if len(synonyms) > 1
    for synonym in synonyms
}
"""Broker keys that mean the same in different units."""


def documentation(key: Key) -> str:
    """Return what a key is for, and what it does here if that is not the same."""
    if key.effect is DOES:
        return key.doc
    return f"{key.doc} ({key.effect})" if key.doc else str(key.effect)

"""Which value holds: a topic's own, else this broker's, the cluster's, the file's, the default.

Source: Kafka's ``DynamicBrokerConfig``, ``LogConfig.fromProps``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

from raftkafka.config.broker_keys import BROKER_KEYS, BrokerConfig
from raftkafka.config.topic_keys import SYNONYMS, TOPIC_KEYS
from raftkafka.config.values import Value
from raftkafka.log.log_config import LogConfig

PRODUCER_ID_EXPIRATION = "producer.id.expiration.ms"
"""The one broker key that logs read though it is no topic key."""

READ_BY_LOGS = tuple(
    name for name in TOPIC_KEYS if name.replace(".", "_") in LogConfig.__dataclass_fields__
)
"""Topic keys that logs look up; the others are known, and kept."""


class Source(IntEnum):
    """Where a value comes from (Kafka class ``ConfigSource``)."""

    DYNAMIC_TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5


class Candidate(NamedTuple):
    """A value of a broker key at one level."""

    name: str
    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class BrokerLevels:
    """A broker's configuration and what was set over it while it ran, Kafka names and text."""

    config: BrokerConfig
    cluster: Mapping[str, str]
    """For all brokers (the broker resource without a name)."""
    broker: Mapping[str, str]
    """For this broker alone."""

    def candidates(self, *names: str) -> Iterator[Candidate]:
        """Yield the values of keys that mean the same, the one that holds first."""
        for source, level in (
            (Source.DYNAMIC_BROKER, self.broker),
            (Source.DYNAMIC_DEFAULT_BROKER, self.cluster),
            (Source.STATIC_BROKER, self.config.given),
        ):
            for name in names:
                if name in level:
                    yield Candidate(name, level[name], source)
        for name in names:
            default = BROKER_KEYS[name].default if name in BROKER_KEYS else None
            if default is not None:
                yield Candidate(name, default, Source.DEFAULT)

    def effective(self) -> BrokerConfig:
        """Return the broker's configuration with what was set while it ran."""
        texts = {**self.config.given, **self.cluster, **self.broker}
        known = {name: text for name, text in texts.items() if name in BrokerConfig.keys}
        return BrokerConfig.of(known, given=self.config.given)

    def topic_default(self, name: str) -> Value:
        """Return what holds for a topic that does not set the key itself."""
        synonyms = {synonym.name: synonym for synonym in SYNONYMS.get(name, ())}
        for candidate in self.candidates(*synonyms):
            return synonyms[candidate.name].value_of(candidate.text)
        return TOPIC_KEYS[name].default_value

    def log_defaults(self) -> LogConfig:
        """Return the settings of a log whose topic sets nothing itself."""
        expiration = next(self.candidates(PRODUCER_ID_EXPIRATION))
        values = {name: self.topic_default(name) for name in READ_BY_LOGS}
        values[PRODUCER_ID_EXPIRATION] = BROKER_KEYS[expiration.name].parse(expiration.text)
        return replace(LogConfig(), **attributes(values))


def attributes(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return values by the attributes of ``LogConfig``."""
    named: dict[str, Any] = {name.replace(".", "_"): value for name, value in values.items()}
    policy = values.get("cleanup.policy")
    if isinstance(policy, tuple):
        named["cleanup_policy"] = frozenset(policy)
    return named


def over(defaults: LogConfig, topic: Mapping[str, str]) -> LogConfig:
    """Return ``defaults`` with what a topic sets itself; that was checked when it was set."""
    own = {name: TOPIC_KEYS[name].parse(topic[name]) for name in READ_BY_LOGS if name in topic}
    return replace(defaults, **attributes(own)) if own else defaults


def log_config(
    config: BrokerConfig,
    cluster: Mapping[str, str],
    broker: Mapping[str, str],
    topic: Mapping[str, str],
) -> LogConfig:
    """Return the settings of one topic's logs.

    For many topics, take ``BrokerLevels.log_defaults`` once, and ``over`` for each.
    """
    return over(BrokerLevels(config, cluster, broker).log_defaults(), topic)

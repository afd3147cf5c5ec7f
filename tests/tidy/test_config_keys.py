"""No key is swallowed: what claims to do what Kafka's does is read by somebody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raftkafka.config.broker_keys import BROKER_KEYS, BrokerConfig
from raftkafka.config.keys import EffectKind, Update
from raftkafka.config.topic_keys import SYNONYMS

ROOT = Path(__file__).parents[2]
DECLARATIONS = ("raftkafka/config/", "raftkafka/log/log_config.py")
READERS_IN_CONFIG = ("raftkafka/config/rules.py", "raftkafka/config/broker_keys.py")
TOPIC_KEYS = {synonym.name: name for name, below in SYNONYMS.items() for synonym in below}
FIXED = {"compression.type", "broker.id"}
"""There is only one value, or another key has it too."""
DYNAMIC = {"max.connections", "max.connections.per.ip", "producer.id.expiration.ms"}
"""Beside those beneath a topic's, the keys that a running broker takes."""


def code() -> str:
    texts: list[str] = []
    for package in ("raftkafka", "metadata", "replication"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name in READERS_IN_CONFIG or not name.startswith(DECLARATIONS):
                texts.append(path.read_text())
    # a log's settings derive some of their own
    settings = (ROOT / "raftkafka/log/log_config.py").read_text()
    return "".join([*texts, settings.partition("__post_init__")[2]])


CODE = code()
WORKING = [name for name in BrokerConfig.keys if BROKER_KEYS[name].effect.kind is EffectKind.DOES]


@pytest.mark.parametrize("name", sorted(set(WORKING) - FIXED))
def test_a_key_that_works_is_read(name: str) -> None:
    attribute = TOPIC_KEYS.get(name, name).replace(".", "_")
    assert re.search(rf"(config|self)\.{attribute}\b", CODE), f"nobody reads {name}"


def test_a_running_broker_takes_a_new_value_only_where_somebody_looks_again() -> None:
    dynamic = {name for name, key in BROKER_KEYS.items() if key.update is not Update.READ_ONLY}
    assert dynamic - TOPIC_KEYS.keys() == DYNAMIC

"""The page about configuration is what the tables say."""

from __future__ import annotations

from pathlib import Path

from raftkafka.config.broker_keys import BROKER_KEYS
from raftkafka.config.docs import render
from raftkafka.config.old_names import OLD_NAMES
from raftkafka.config.topic_keys import TOPIC_KEYS

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_page_is_what_raftkafka_config_docs_prints() -> None:
    assert PAGE.read_text() == render(), "run: raftkafka config docs > docs/configuration.md"


def test_the_page_has_every_key() -> None:
    page = render()
    names = [*BROKER_KEYS, *TOPIC_KEYS, *OLD_NAMES]
    assert [name for name in names if f"`{name}`" not in page] == []

"""``raftkafka config docs``: the tables of keys as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from raftkafka.config.broker_keys import BROKER_KEYS, BrokerConfig
from raftkafka.config.cluster_keys import ClusterKeys
from raftkafka.config.coordinator_keys import GroupKeys, TransactionKeys
from raftkafka.config.keys import DOES, Effect, EffectKind, Key
from raftkafka.config.log_keys import LogKeys
from raftkafka.config.network_keys import NetworkKeys
from raftkafka.config.old_names import PARTS_OF_LISTENERS, RENAMED
from raftkafka.config.section import Section
from raftkafka.config.tls_keys import TlsKeys
from raftkafka.config.topic_keys import SYNONYMS, TOPIC_KEYS
from raftkafka.config.unused_keys import PREFIXES

SECTIONS: tuple[tuple[str, type[Section]], ...] = (
    ("Node, quorum, topics, replication", ClusterKeys),
    ("Network", NetworkKeys),
    ("TLS between nodes", TlsKeys),
    ("Logs", LogKeys),
    ("Groups", GroupKeys),
    ("Transactions", TransactionKeys),
)

INTRODUCTION = """\
# Configuration

<!-- Written by `raftkafka config docs`; change the tables in raftkafka/config/ instead. -->

A broker reads Kafka's `server.properties`: `raftkafka start server.properties`. Without a file it
runs at the defaults below, but keeps its data in a folder of yours, which it names when it starts.
`--override key=value` wins over the file.

`raftkafka config check server.properties` tells everything that is wrong with a file, unknown keys
with the known one that is closest, and ends with exit code 2 if there is anything. `raftkafka
start` refuses wrong values with the same line and the same code; of unknown keys it warns, as
Kafka does. A key of Kafka that changes nothing here is accepted with one hint. A key that would
do harm if it were ignored, as one that guards something, is refused.

**The file.** Java's properties format, in Latin-1. Of a key that comes twice, the last one holds.
A comment after a value, ` # like this`, is cut off with a hint. Nothing is substituted in values.

**Which value holds.** What was set on this broker while it ran, else what was set on all brokers,
else the file, else the default; a topic's own key goes before all of these. `raftkafka config
describe` shows the chain. *Update* says what can be set while brokers run: `cluster-wide` keys on
all brokers or on one, `read-only` keys in the file alone.
"""

TOPICS = """\
## Topic keys

Set when a topic is created or later. What a topic does not set itself comes from the broker keys
beneath, the first that is set.
"""

UNUSED = """\
## Keys of Kafka that change nothing here

Accepted with a hint, so that a file of Kafka's works as it is. Those that are refused are refused
with any value but their default.
"""

OLD = """\
## Old names

Read as what they are called today, with a hint.
"""


def render() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for title, section in SECTIONS:
        parts.append(f"## {title}\n")
        parts.append(key_table(section.keys.values()))
    parts += [TOPICS, topic_table(), UNUSED, unused_list(), OLD, old_table()]
    return "\n".join(parts)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines
    )


def key_table(keys: Iterable[Key]) -> str:
    """Return the table of a section."""
    header = ("Key", "Type", "Default", "Valid", "Update", "What it does")
    return table(
        header,
        ((code(k.name), kind(k), default(k), k.valid, k.update.value, purpose(k)) for k in keys),
    )


def topic_table() -> str:
    """Return the table of topic keys."""
    header = ("Key", "Type", "Default", "Valid", "Broker keys beneath", "What it does")
    return table(header, (topic_row(key) for key in TOPIC_KEYS.values()))


def topic_row(key: Key) -> tuple[str, ...]:
    """Return one topic key's row."""
    below = ", ".join(code(synonym.name) for synonym in SYNONYMS.get(key.name, ()))
    return (code(key.name), kind(key), default(key), key.valid, below, purpose(key))


def unused_list() -> str:
    """Return the keys without an attribute, by reason."""
    names: dict[Effect, list[str]] = {}
    for name, key in BROKER_KEYS.items():
        if name not in BrokerConfig.keys:
            names.setdefault(key.effect, []).append(code(name))
    for prefix, effect in PREFIXES.items():
        names.setdefault(effect, []).append(code(f"{prefix}*"))
    return "".join(
        f"- **{sentence(str(effect))}**: {', '.join(sorted(keys))}\n"
        for effect, keys in names.items()
    )


def old_table() -> str:
    """Return the table of old names."""
    return table(("Old name", "Today"), old_rows())


def old_rows() -> Iterator[tuple[str, str]]:
    """Yield the rows of old names."""
    for name, meaning in PARTS_OF_LISTENERS.items():
        yield code(name), f"{meaning}, where `listeners` is not set"
    for name, renamed in RENAMED.items():
        factor = f", times {renamed.factor}" if renamed.factor != 1 else ""
        yield code(name), ", ".join(map(code, renamed.names)) + factor


def kind(key: Key) -> str:
    """Return a key's type, and the unit of its values."""
    name = key.type.name.lower()
    return f"{name}, {key.unit}" if key.unit else name


def default(key: Key) -> str:
    """Return how a default is shown."""
    if key.default is None:
        return "not set"
    return code(key.default) if key.default else "empty"


def purpose(key: Key) -> str:
    """Return what a key does, and when if it is not yet."""
    if key.effect is DOES:
        return key.doc
    if key.effect.kind is EffectKind.LATER:
        return f"{key.doc} *Takes effect with {key.effect.why}.*"
    return f"{key.doc} *{sentence(str(key.effect))}.*".strip()


def sentence(text: str) -> str:
    """Return ``text`` with a capital at its head."""
    return text[:1].upper() + text[1:]


def code(text: str) -> str:
    """Return ``text`` as code."""
    return f"`{text}`"

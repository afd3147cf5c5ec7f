"""Messages with random values, made from our tables, for any message and version."""

from __future__ import annotations

import random

from raftkafka.errors import ErrorCode
from raftkafka.protocol.apis import APIS, request_class, response_class
from raftkafka.protocol.layout import (
    Context,
    context_of,
    element_of,
    in_versions,
    layout_of,
    parse_versions,
    struct_of,
)
from raftkafka.protocol.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)
from raftkafka.protocol.schema import Field, Message, Struct, default_value

CODES = [int(code) for code in ErrorCode]
BITS = {"b": 8, "h": 16, "i": 32, "q": 64}
TEXTS = ("", "x", "a-topic", "Größe", "日本語", "🦀", "a" * 126, "b" * 127, "c" * 300)
LENGTHS = (0, 1, 1, 2, 2, 3, 17)
TIME_MS_MAX = 2**41
"""Some oracles keep times as ``datetime``, which ends in the year 9999."""


def message_versions() -> list[tuple[type[Message], int]]:
    """Return every message of the tables in every version."""
    messages: list[type[Message]] = [ConsumerProtocolAssignment, ConsumerProtocolSubscription]
    for key in APIS:
        messages += [request_class(key), response_class(key)]
    return [
        (message, version)
        for message in messages
        for version in range(parse_versions(message.versions)[0], last_version(message) + 1)
    ]


def last_version(message: type[Message]) -> int:
    """Return the newest version of a message."""
    return parse_versions(message.versions)[1]


def random_message(message: type[Message], version: int, source: random.Random) -> Message:
    """Fill the fields that a version has; the others keep their defaults."""
    made = _random_struct(message, context_of(message, version), source)
    assert isinstance(made, Message)
    return made


def _random_struct(struct: type[Struct], context: Context, source: random.Random) -> Struct:
    layout = layout_of(struct, context)
    values = {name: _random_value(name, field, context, source) for name, field in layout.plain}
    for name, field in layout.tagged:
        if source.random() < 0.7:
            values[name] = _random_value(name, field, context, source)
    return struct(**values)


def _random_value(name: str, field: Field, context: Context, source: random.Random) -> object:
    if source.random() < 0.1 and field.default is not None:
        return default_value(field)
    if in_versions(field.null, context.version) and source.random() < 0.2:
        return None
    if field.kind == "struct":
        return _random_struct(struct_of(field), context, source)
    if field.kind == "array":
        length = source.choice(LENGTHS)
        element = element_of(field)
        if isinstance(element, Field):
            return [_random_scalar(name, element.kind, source) for _ in range(length)]
        return [_random_struct(element, context, source) for _ in range(min(length, 3))]
    return _random_scalar(name, field.kind, source)


def _random_scalar(name: str, kind: str, source: random.Random) -> object:
    if kind in BITS:
        if "error_code" in name:
            return source.choice(CODES)
        if kind == "q" and (name.endswith("_ms") or "timestamp" in name):
            return source.randrange(TIME_MS_MAX)
        return source.getrandbits(BITS[kind]) - 2 ** (BITS[kind] - 1)
    if kind == "H":
        return source.getrandbits(16)
    if kind == "d":
        return source.choice((0.0, -1.5, 1e300, source.random()))
    if kind == "?":
        return source.random() < 0.5
    if kind == "16s":
        return source.randbytes(16)
    if kind == "string":
        return source.choice(TEXTS)
    content = source.randbytes(source.choice((0, 1, 100, 127, 5000)))
    return memoryview(content) if kind == "records" else content

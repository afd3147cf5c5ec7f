"""What a struct looks like in one version of its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from raftkafka.protocol.schema import FIXED_SIZES, Field, Message, Struct, StructType

LAST_VERSION = 32767


class Context(NamedTuple):
    """The version of the message that is being compiled."""

    version: int
    flexible: bool
    """Compact lengths and tagged fields (KIP-482)."""


class Layout(NamedTuple):
    """The fields of a struct, in order."""

    plain: tuple[tuple[str, Field], ...]
    tagged: tuple[tuple[str, Field], ...]
    """By ascending tag, the order on the wire."""
    absent: tuple[tuple[str, Field], ...]
    """Declared, but not in this version."""


def parse_versions(text: str) -> tuple[int, int]:
    """Return (first, last) of a range as Kafka writes it; ``""`` is an empty range."""
    if not text:
        return 1, 0
    first, dash, last = text.partition("-")
    if dash:
        return int(first), int(last)
    if first.endswith("+"):
        return int(first[:-1]), LAST_VERSION
    return int(first), int(first)


def in_versions(text: str, version: int) -> bool:
    """Whether a version lies in a range as Kafka writes it."""
    first, last = parse_versions(text)
    return first <= version <= last


def context_of(message: type[Message], version: int) -> Context:
    """Return what holds for all structs of a message in ``version``."""
    return Context(version, in_versions(message.flexible, version))


def layout_of(struct: type[Struct], context: Context) -> Layout:
    """Sort a struct's fields by how they are sent in this version."""
    plain: list[tuple[str, Field]] = []
    tagged: list[tuple[str, Field]] = []
    absent: list[tuple[str, Field]] = []
    for name, field in struct.__fields__.items():
        if not in_versions(field.versions, context.version):
            absent.append((name, field))
        elif field.tag is None:
            plain.append((name, field))
        elif context.flexible:
            tagged.append((name, field))
        else:
            absent.append((name, field))
    tagged.sort(key=lambda named: named[1].tag or 0)
    return Layout(tuple(plain), tuple(tagged), tuple(absent))


def element_of(field: Field) -> type[Struct] | Field:
    """Return what an array holds: a struct's class, or a field that stands for each element."""
    element = cast("Callable[[], object]", field.element)
    if isinstance(element, StructType):
        return cast("type[Struct]", element)
    return cast("Field", element())


def struct_of(field: Field) -> type[Struct]:
    """Return the class of a struct field."""
    return cast("type[Struct]", field.element)


def smallest_size(struct: type[Struct], context: Context) -> int:
    """Return the bytes that a struct takes at least, to hold counts against."""
    size = 1 if context.flexible else 0
    for _, field in layout_of(struct, context).plain:
        size += smallest_field_size(field, context)
    return size


def smallest_field_size(field: Field, context: Context) -> int:
    """Return the bytes that a field takes at least."""
    if field.kind in FIXED_SIZES:
        return FIXED_SIZES[field.kind]
    if field.kind == "struct":
        if in_versions(field.null, context.version):
            return 1
        return smallest_size(struct_of(field), context)
    if context.flexible:
        return 1
    return 2 if field.kind == "string" else 4

"""What a configuration key is: its name, type, valid values, and what it does here."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from raftkafka.config.checks import Check
from raftkafka.config.values import Type, Value, parse_type


class InvalidValue(ValueError):
    """A value is not valid; the text names the key, the value and what is valid."""


class Update(Enum):
    """Whether a running broker takes a new value, and for whom it can be set."""

    READ_ONLY = "read-only"
    PER_BROKER = "per-broker"
    CLUSTER_WIDE = "cluster-wide"


class EffectKind(Enum):
    """What a key does here."""

    DOES = "does what Kafka's does"
    LATER = "takes effect with"
    NONE = "no effect"
    REFUSED = "refused"


class Effect(NamedTuple):
    """What a key does here, and why if it is not what Kafka's does."""

    kind: EffectKind
    why: str = ""

    def __str__(self) -> str:
        separator = " " if self.kind is EffectKind.LATER else ": "
        return f"{self.kind.value}{separator}{self.why}" if self.why else self.kind.value


DOES = Effect(EffectKind.DOES)


def later(what: str) -> Effect:
    """The key is checked and kept; it takes effect with ``what``."""
    return Effect(EffectKind.LATER, what)


def none(why: str) -> Effect:
    """The key is accepted and hinted at: there is nothing here that it could change."""
    return Effect(EffectKind.NONE, why)


def refused(why: str) -> Effect:
    """Any value but the default is refused, because ignoring it would do harm."""
    return Effect(EffectKind.REFUSED, why)


class Key(NamedTuple):
    """One row of a table of keys.

    ``default`` is text as in a properties file, or ``None`` for "not set". ``check`` looks for
    what the type allows and the key does not; ``valid`` says so in words. ``read`` makes the
    attribute's value of the parsed one, where the two differ; it raises ``ValueError``.
    """

    name: str
    type: Type
    default: str | None
    doc: str = ""
    effect: Effect = DOES
    update: Update = Update.READ_ONLY
    valid: str = ""
    check: Check | None = None
    read: Callable[[Any], object] | None = None

    @property
    def unit(self) -> str:
        """The unit, as Kafka's names end in it; empty if the value has none."""
        last = self.name.rpartition(".")[2]
        return last if last in ("ms", "bytes", "seconds", "minutes", "hours") else ""

    @property
    def is_sensitive(self) -> bool:
        """Whether the value is never shown."""
        return self.type is Type.PASSWORD

    @property
    def default_value(self) -> Value:
        """The default, parsed."""
        return None if self.default is None else parse_type(self.type, self.default)

    def parse(self, text: str) -> Value:
        """Read a value.

        Raises:
            InvalidValue: not of the type, or not valid; in Kafka's words (``ConfigException``).
        """
        try:
            value = parse_type(self.type, text)
            self.attribute_value(value)
        except ValueError as error:
            raise self.invalid(text, str(error)) from error
        objection = self.check(value) if self.check is not None else None
        if objection is not None:
            raise self.invalid(*objection)
        return value

    def invalid(self, shown: object, why: str) -> InvalidValue:
        """Return the refusal of a value, in Kafka's words."""
        shown = "[hidden]" if self.is_sensitive else shown
        return InvalidValue(f"Invalid value {shown} for configuration {self.name}: {why}")

    def attribute_value(self, value: Value) -> object:
        """Return what the attribute of a section holds for a parsed value."""
        return value if self.read is None or value is None else self.read(value)

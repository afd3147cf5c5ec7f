"""Sections: groups of keys, each declared as a typed field.

One line is both the row of the table and the attribute that the broker reads. ``default`` is
named, as type checkers want it of a field:

    class TopicDefaults(Section):
        num_partitions: int = integer("num.partitions", default=1, at_least=1, doc="...")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar, cast, dataclass_transform

from raftkafka.config.checks import Validator, between, one_of, some_of
from raftkafka.config.keys import DOES, Effect, Key, Update
from raftkafka.config.values import Type, format_value


def integer(
    name: str,
    *,
    default: int,
    doc: str = "",
    at_least: int | None = None,
    at_most: int | None = None,
    allowed: Validator | None = None,
    kind: Type = Type.INT,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> int:
    """Declare a field that is an integer, of 32 bits or of ``kind``."""
    valid, check = allowed or between(at_least, at_most)
    row = Key(name, kind, format_value(default), doc, effect, update, valid, check)
    return cast("int", row)


def long(
    name: str,
    *,
    default: int,
    doc: str = "",
    at_least: int | None = None,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> int:
    """Declare a field that is an integer of 64 bits."""
    return integer(
        name, default=default, doc=doc, at_least=at_least, kind=Type.LONG, effect=effect,
        update=update,
    )  # fmt: skip


def optional_integer(
    name: str,
    *,
    default: None,
    doc: str = "",
    at_least: int | None = None,
    allowed: Validator | None = None,
    kind: Type = Type.INT,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> int | None:
    """Declare a field that is an integer of ``kind``, or ``None`` when not set."""
    valid, check = allowed or between(at_least, None)
    return cast("int | None", Key(name, kind, default, doc, effect, update, valid, check))


def double(
    name: str,
    *,
    default: float,
    doc: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> float:
    """Declare a field that is a floating-point number."""
    valid, check = between(at_least, at_most)
    row = Key(name, Type.DOUBLE, format_value(default), doc, effect, update, valid, check)
    return cast("float", row)


def boolean(
    name: str,
    *,
    default: bool,
    doc: str = "",
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> bool:
    """Declare a field that is true or false."""
    return cast("bool", Key(name, Type.BOOLEAN, format_value(default), doc, effect, update))


def string(
    name: str,
    *,
    default: str,
    doc: str = "",
    choices: tuple[str, ...] = (),
    allowed: Validator | None = None,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> str:
    """Declare a field that is text: out of ``choices``, as ``allowed`` says, or any."""
    valid, check = allowed or (one_of(choices) if choices else ("", None))
    return cast("str", Key(name, Type.STRING, default, doc, effect, update, valid, check))


def optional_string(
    name: str, *, default: None, doc: str = "", effect: Effect = DOES
) -> str | None:
    """Declare a field that is text, or ``None`` when not set."""
    return cast("str | None", Key(name, Type.STRING, default, doc, effect))


def strings(
    name: str,
    *,
    default: str,
    doc: str = "",
    choices: tuple[str, ...] = (),
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> tuple[str, ...]:
    """Declare a field that is a list, of ``choices`` if there are any."""
    valid, check = some_of(choices) if choices else ("", None)
    row = Key(name, Type.LIST, default, doc, effect, update, valid, check)
    return cast("tuple[str, ...]", row)


T = TypeVar("T")


def converted(
    read: Callable[[Any], T],
    kind: Type,
    name: str,
    *,
    default: str | None,
    doc: str = "",
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> T:
    """Declare a field that holds ``read(parsed value)``; ``read`` raises ``ValueError``.

    Without a default, ``__post_init__`` of the section has to provide the value.
    """
    return cast("T", Key(name, kind, default, doc, effect, update, read=read))


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(
        integer, long, optional_integer, double, boolean, string, optional_string, strings,
        converted,
    ),
)  # fmt: skip
class Section:
    """A group of keys, and the values that they have. Frozen.

    Fields are declared with the functions above. ``keys`` maps Kafka's names to the rows,
    base classes' first; ``attributes`` maps them to the names of the fields.
    """

    keys: ClassVar[Mapping[str, Key]] = MappingProxyType({})
    attributes: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        keys: dict[str, Key] = {}
        attributes: dict[str, str] = {}
        for base in cls.__bases__:
            keys |= getattr(base, "keys", {})
            attributes |= getattr(base, "attributes", {})
        for attribute, row in list(vars(cls).items()):
            if isinstance(row, Key):
                keys[row.name] = row
                attributes[row.name] = attribute
                # the class attribute is the value of an instance that was not given another
                setattr(cls, attribute, row.attribute_value(row.default_value))
        cls.keys = MappingProxyType(keys)
        cls.attributes = MappingProxyType(attributes)

    def __init__(self, **values: object) -> None:
        unknown = [name for name in values if not hasattr(self, name)]
        if unknown:
            raise TypeError(f"no such key: {', '.join(unknown)}")
        self.__dict__.update(values)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Fill in, through ``__dict__``, what follows from other values."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name}: a configuration is frozen")

    @classmethod
    def of(cls, texts: Mapping[str, str], **others: object) -> Self:
        """Return a section whose keys have these texts, the others their defaults.

        Args:
            texts: Kafka's names and values as in a properties file.
            others: fields that are no keys.

        Raises:
            InvalidValue: a value is not valid.
        """
        make: Callable[..., Self] = cls
        values = {
            cls.attributes[name]: cls.keys[name].attribute_value(cls.keys[name].parse(text))
            for name, text in texts.items()
        }
        return make(**values, **others)

    def value_of(self, name: str) -> object:
        """Return the value of the key with Kafka's name ``name``."""
        return getattr(self, self.attributes[name])

"""What a configuration key is: its name, type, valid values, effect, and how its text is read.

Types, ranges and the wording of refusals are Kafka's (``ConfigDef``, ``ConfigValue``).
A section declares its keys as typed fields, so that one line is both the table's row and
the attribute that the broker reads:

    class LogKeys(Section):
        num_partitions: int = integer("num.partitions", 1, at_least=1, doc="...")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, IntEnum
from math import inf, isfinite
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, cast, dataclass_transform

Value = bool | int | float | str | tuple[str, ...] | None
"""A parsed value: lists are tuples, passwords and classes are text, ``None`` is "not set"."""

INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1
SHORT_MAX = 2**15 - 1


class InvalidValue(ValueError):
    """A value is not valid; the text names the key, the value and what is valid."""


class Type(IntEnum):
    """Types with their numbers in DescribeConfigs (Kafka class ``ConfigType``)."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


INTEGER_MAX = {Type.SHORT: SHORT_MAX, Type.INT: INT_MAX, Type.LONG: LONG_MAX}


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

    ``default`` is text as in a properties file, or ``None`` for "not set". ``check`` raises
    ``ValueError`` on a value that the type allows and the key does not; ``valid`` says so in
    words. ``read`` makes the attribute's value of the parsed one, where the two differ.
    """

    name: str
    type: Type
    default: str | None
    doc: str
    effect: Effect = DOES
    update: Update = Update.READ_ONLY
    valid: str = ""
    check: Callable[[Any], None] | None = None
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
            InvalidValue: not of the type, or not valid; in Kafka's words.
        """
        try:
            value = parse_type(self.type, text)
            if self.check is not None:
                self.check(value)
            self.attribute_value(value)
        except ValueError as error:
            shown = "[hidden]" if self.is_sensitive else text
            raise InvalidValue(refusal(self.name, shown, str(error))) from error
        return value

    def attribute_value(self, value: Value) -> object:
        """Return what the attribute of a section holds for a parsed value."""
        return value if self.read is None or value is None else self.read(value)


def parse_type(kind: Type, text: str) -> Value:
    """Read ``text`` as Kafka's ``ConfigDef.parseType`` does.

    Raises:
        ValueError: not of that type.
    """
    text = text.strip()
    if kind is Type.BOOLEAN:
        lowered = text.lower()
        if lowered not in ("true", "false"):
            raise ValueError("Expected value to be either true or false")
        return lowered == "true"
    if kind in INTEGER_MAX:
        return parse_integer(kind, text)
    if kind is Type.DOUBLE:
        return parse_double(text)
    if kind is Type.LIST:
        return tuple(item.strip() for item in text.split(",")) if text else ()
    return text


def parse_integer(kind: Type, text: str) -> int:
    """Read a decimal integer that fits the type.

    Raises:
        ValueError: it is none, or does not fit.
    """
    digits = text[1:] if text[:1] in ("-", "+") else text
    # int() alone would also take underscores and the digits of other scripts
    if digits.isascii() and digits.isdigit() and len(digits) < 40:
        value = int(text)
        if -INTEGER_MAX[kind] - 1 <= value <= INTEGER_MAX[kind]:
            return value
    raise ValueError(f"Not a number of type {kind.name}")


def parse_double(text: str) -> float:
    """Read a floating-point number.

    Raises:
        ValueError: it is none.
    """
    try:
        value = float(text) if "_" not in text and text.isascii() else inf
    except ValueError:
        value = inf
    if isfinite(value):
        return value
    raise ValueError(f"Not a number of type {Type.DOUBLE.name}")


def format_value(value: Value) -> str | None:
    """Return a value as Kafka shows it (``ConfigDef.convertToString``)."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_double(value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


def format_double(value: float) -> str:
    """Return a double as Java's ``Double.toString`` does: 0.5, 1.7976931348623157E308."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    shortest = next(t for t in (f"{value:.{n}e}" for n in range(1, 18)) if float(t) == value)
    mantissa, _, exponent = shortest.partition("e")
    return f"{mantissa}E{int(exponent)}"


def refusal(name: str, value: object, why: str) -> str:
    """Kafka's words for a value that is not valid (``ConfigException``)."""
    return f"Invalid value {value} for configuration {name}: {why}"


def between(at_least: float | None, at_most: float | None) -> tuple[str, Callable[[Any], None]]:
    """A range with both ends included; ``None`` leaves an end open."""

    def check(value: float) -> None:
        if at_least is not None and value < at_least:
            raise ValueError(f"Value must be at least {at_least}")
        if at_most is not None and value > at_most:
            raise ValueError(f"Value must be no more than {at_most}")

    low = "..." if at_least is None else str(at_least)
    return f"[{low},...,{at_most}]" if at_most is not None else f"[{low},...]", check


def one_of(values: tuple[str, ...]) -> tuple[str, Callable[[Any], None]]:
    """A text out of ``values``."""
    words = ", ".join(values)

    def check(value: str) -> None:
        if value not in values:
            raise ValueError(f"String must be one of: {words}")

    return f"[{words}]", check


def some_of(values: tuple[str, ...]) -> tuple[str, Callable[[Any], None]]:
    """A list of texts out of ``values``, each at most once (Kafka's ``ValidList``)."""
    words = ", ".join(values)

    def check(chosen: tuple[str, ...]) -> None:
        for value in chosen:
            if value not in values:
                raise ValueError(f"String must be one of: {words}")
        if len(set(chosen)) < len(chosen):
            raise ValueError("List contains duplicates")

    return f"[{words}]", check


def ranged(
    kind: Type,
    name: str,
    default: float | None,
    *,
    doc: str,
    at_least: float | None = None,
    at_most: float | None = None,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> Key:
    """Return the key of a number within [at_least, at_most]."""
    valid, check = "", None
    if at_least is not None or at_most is not None:
        valid, check = between(at_least, at_most)
    return Key(name, kind, format_value(default), doc, effect, update, valid, check)


def integer(
    name: str,
    default: int,
    *,
    doc: str,
    at_least: int | None = None,
    at_most: int | None = None,
    kind: Type = Type.INT,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> int:
    """Declare a field that is an integer of 32 bits, or of ``kind``."""
    row = ranged(
        kind, name, default, doc=doc, at_least=at_least, at_most=at_most, effect=effect,
        update=update,
    )  # fmt: skip
    return cast("int", row)


def long(
    name: str,
    default: int,
    *,
    doc: str,
    at_least: int | None = None,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> int:
    """Declare a field that is an integer of 64 bits."""
    row = ranged(Type.LONG, name, default, doc=doc, at_least=at_least, effect=effect, update=update)
    return cast("int", row)


def optional_integer(
    name: str,
    *,
    doc: str,
    kind: Type = Type.INT,
    at_least: int | None = None,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> int | None:
    """Declare a field that is an integer of ``kind``, or ``None`` when not set."""
    row = ranged(kind, name, None, doc=doc, at_least=at_least, effect=effect, update=update)
    return cast("int | None", row)


def double(
    name: str,
    default: float,
    *,
    doc: str,
    at_least: float | None = None,
    at_most: float | None = None,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> float:
    """Declare a field that is a floating-point number."""
    row = ranged(
        Type.DOUBLE, name, default, doc=doc, at_least=at_least, at_most=at_most, effect=effect,
        update=update,
    )  # fmt: skip
    return cast("float", row)


def boolean(
    name: str,
    default: bool,
    *,
    doc: str,
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> bool:
    """Declare a field that is true or false."""
    return cast("bool", Key(name, Type.BOOLEAN, format_value(default), doc, effect, update))


def string(
    name: str,
    default: str,
    *,
    doc: str,
    choices: tuple[str, ...] = (),
    effect: Effect = DOES,
    update: Update = Update.READ_ONLY,
) -> str:
    """Declare a field that is text, out of ``choices`` if there are any."""
    valid, check = one_of(choices) if choices else ("", None)
    return cast("str", Key(name, Type.STRING, default, doc, effect, update, valid, check))


def optional_string(
    name: str, *, doc: str, effect: Effect = DOES, update: Update = Update.READ_ONLY
) -> str | None:
    """Declare a field that is text, or ``None`` when not set."""
    return cast("str | None", Key(name, Type.STRING, None, doc, effect, update))


def strings(
    name: str,
    default: str,
    *,
    doc: str,
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
    default: str | None,
    *,
    doc: str,
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

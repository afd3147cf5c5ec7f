"""Texts of values: how each type is read from a properties file, and shown.

Types and wording are Kafka's (``ConfigDef.parseType``, ``ConfigDef.convertToString``).
"""

from __future__ import annotations

from enum import IntEnum
from math import inf, isfinite

Value = bool | int | float | str | tuple[str, ...] | None
"""A parsed value: lists are tuples, passwords and classes are text, ``None`` is "not set"."""

SHORT_MAX = 2**15 - 1
INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1


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

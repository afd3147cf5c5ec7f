"""Types of values as Kafka reads and shows them."""

from __future__ import annotations

import pytest

from raftkafka.config.values import Type, Value, format_value, parse_type


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Type.BOOLEAN, " TRUE ", True),
        (Type.BOOLEAN, "false", False),
        (Type.INT, "+7", 7),
        (Type.INT, "-2147483648", -(2**31)),
        (Type.SHORT, "32767", 32767),
        (Type.LONG, "9223372036854775807", 2**63 - 1),
        (Type.DOUBLE, "0.5", 0.5),
        (Type.DOUBLE, "1.7976931348623157E308", 1.7976931348623157e308),
        (Type.LIST, "", ()),
        (Type.LIST, " a , b ", ("a", "b")),
        (Type.STRING, " a, b ", "a, b"),
        (Type.PASSWORD, "x", "x"),
    ],
)
def test_reads(kind: Type, text: str, value: Value) -> None:
    assert parse_type(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (Type.BOOLEAN, "yes", "Expected value to be either true or false"),
        (Type.INT, "2147483648", "Not a number of type INT"),
        (Type.INT, "1_000", "Not a number of type INT"),
        (Type.INT, "१", "Not a number of type INT"),
        (Type.INT, "1.0", "Not a number of type INT"),
        (Type.INT, "", "Not a number of type INT"),
        (Type.INT, "9" * 5000, "Not a number of type INT"),
        (Type.SHORT, "32768", "Not a number of type SHORT"),
        (Type.LONG, "1L", "Not a number of type LONG"),
        (Type.DOUBLE, "nan", "Not a number of type DOUBLE"),
        (Type.DOUBLE, "1_0", "Not a number of type DOUBLE"),
        (Type.DOUBLE, "half", "Not a number of type DOUBLE"),
    ],
)
def test_refuses_in_kafkas_words(kind: Type, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        parse_type(kind, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (7, "7"),
        (0.5, "0.5"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (0.0001, "1.0E-4"),
        (12345678.0, "1.2345678E7"),
        (-0.25, "-0.25"),
        (("a", "b"), "a,b"),
        ((), ""),
    ],
)
def test_shows_as_java_does(value: Value, text: str | None) -> None:
    assert format_value(value) == text

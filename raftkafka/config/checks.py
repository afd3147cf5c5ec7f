"""What a key's value must be beyond its type, with Kafka's words for what it is not.

Source: Kafka's ``ConfigDef`` validators.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from raftkafka.config.values import format_value

Objection = tuple[object, str]
"""The part of a value that is not valid, and why."""

Check = Callable[[Any], Objection | None]

Validator = tuple[str, Check | None]
"""What is valid in words, and the check."""

THROTTLED_REPLICA = re.compile(r"[0-9]+:[0-9]+")
THROTTLED_REPLICAS = "[partitionId]:[brokerId],[partitionId]:[brokerId],..."


def between(at_least: float | None, at_most: float | None) -> Validator:
    """A range with both ends included; ``None`` leaves an end open."""
    if at_least is None and at_most is None:
        return "", None

    def check(value: float) -> Objection | None:
        if at_least is not None and value < at_least:
            return format_value(value), f"Value must be at least {at_least}"
        if at_most is not None and value > at_most:
            return format_value(value), f"Value must be no more than {at_most}"
        return None

    low = "..." if at_least is None else at_least
    return f"[{low},...]" if at_most is None else f"[{low},...,{at_most}]", check


def between_or(exception: int, at_least: int, at_most: int) -> Validator:
    """A range, or one value outside it."""

    def check(value: int) -> Objection | None:
        if at_least <= value <= at_most or value == exception:
            return None
        return value, f"Value must be between {at_least} and {at_most} or equal to {exception}"

    return f"[{at_least},...,{at_most}] or {exception}", check


def positive_or_unlimited() -> Validator:
    """A time that is at least 1, or -1 for "without limit"."""

    def check(value: int) -> Objection | None:
        if value >= 1 or value == -1:
            return None
        return value, "Value must be unlimited (-1) or at least 1"

    return "[1,...] or -1", check


def one_of(values: tuple[str, ...], *, any_case: bool = False) -> Validator:
    """A text out of ``values``."""
    words = ", ".join(values)

    def check(value: str) -> Objection | None:
        if value in values or (any_case and value.lower() in values):
            return None
        return value, f"String must be one of: {words}"

    return f"[{words}]", check


def some_of(values: tuple[str, ...]) -> Validator:
    """A list of texts out of ``values``."""
    words = ", ".join(values)

    def check(chosen: tuple[str, ...]) -> Objection | None:
        for value in chosen:
            if value not in values:
                return value, f"String must be one of: {words}"
        return None

    return f"[{words}]", check


def throttled_replicas(name: str) -> Validator:
    """``*``, or partition:broker pairs (Kafka's ``ThrottledReplicaListValidator``)."""

    def check(replicas: tuple[str, ...]) -> Objection | None:
        if replicas == ("*",) or all(THROTTLED_REPLICA.fullmatch(text) for text in replicas):
            return None
        return f"[{', '.join(replicas)}]", (
            f"{name} must be the literal '*' or a list of replicas in the following format: "
            f"{THROTTLED_REPLICAS}"
        )

    return THROTTLED_REPLICAS, check

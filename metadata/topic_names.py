"""Which names a topic may have.

Source: Kafka's ``org.apache.kafka.common.internals.Topic``.
"""

from __future__ import annotations

import re

from raftkafka.errors import ErrorCode, KafkaError

NAME_LENGTH_MAX = 249

_LEGAL = re.compile(r"[a-zA-Z0-9._-]+", re.ASCII)


def check_topic_name(name: str) -> None:
    """Refuse a name that Kafka refuses.

    Raises:
        KafkaError: INVALID_TOPIC_EXCEPTION.
    """
    fault = _fault(name)
    if fault is not None:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {fault}")


def is_topic_name(name: str) -> bool:
    """Whether a topic may be named so."""
    return _fault(name) is None


def _fault(name: str) -> str | None:
    if not name:
        return "the empty string is not allowed"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > NAME_LENGTH_MAX:
        return f"the length of '{name}' is longer than the max allowed length {NAME_LENGTH_MAX}"
    if not _LEGAL.fullmatch(name):
        return (
            f"'{name}' contains one or more characters other than "
            "ASCII alphanumerics, '.', '_' and '-'"
        )
    return None

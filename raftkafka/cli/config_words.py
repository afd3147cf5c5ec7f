"""Configurations as words of the command line: ``key=value``, and keys that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from raftkafka.cli.report import UsageError, did_you_mean
from raftkafka.client.errors import ClientError

UNKNOWN_KEY = re.compile(r"Unknown (?:topic|broker) config name: (\S+)")


def parse_pairs(words: Iterable[str]) -> dict[str, str]:
    """Return ``key=value`` words as pairs.

    Raises:
        UsageError: a word that is none.
    """
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{word!r} is no key=value")
        pairs[key.strip()] = value.strip()
    return pairs


def hint_at_key(error: ClientError) -> ClientError:
    """Return an error with the nearest known key, if it is about one that nobody knows."""
    unknown = UNKNOWN_KEY.search(error.message)
    if unknown is None or error.hint is not None:
        return error
    from raftkafka.config.broker_keys import BROKER_KEYS
    from raftkafka.config.topic_keys import TOPIC_KEYS

    known = TOPIC_KEYS if "topic" in unknown[0] else BROKER_KEYS
    return ClientError(error.message, hint=did_you_mean(unknown[1], known), code=error.code)

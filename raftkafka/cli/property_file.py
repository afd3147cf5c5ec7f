"""Property files and ``key=value`` words of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from raftkafka.client.errors import ClientError


def read_properties(path: str) -> dict[str, str]:
    """Return what a Java property file holds.

    Raises:
        ConfigInvalid: it cannot be read.
    """
    from raftkafka.config.properties import read_properties as read

    return {setting.name: setting.text for setting in read(Path(path))}


def key_values(words: Iterable[str]) -> dict[str, str]:
    """Return ``key=value`` words as pairs; a key alone has the empty value, as in Kafka.

    Raises:
        ClientError: a word without a key.
    """
    pairs: dict[str, str] = {}
    for word in words:
        key, _, value = word.partition("=")
        if not key.strip():
            raise ClientError(f"{word!r} is no key=value")
        pairs[key.strip()] = value
    return pairs

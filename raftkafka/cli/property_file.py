"""Property files and ``key=value`` words of the command line."""

from __future__ import annotations

from collections.abc import Iterable

from raftkafka.client.errors import ClientError


def read_properties(path: str) -> dict[str, str]:
    """Return what a Java property file holds.

    Raises:
        ClientError: it cannot be read.
    """
    import javaproperties

    try:
        with open(path, encoding="utf-8") as file:
            return dict(javaproperties.loads(file.read()))
    except OSError as error:
        raise ClientError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, javaproperties.InvalidUEscapeError) as error:
        raise ClientError(f"{path} is no property file: {error}") from error


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

"""Names that every layer shares: topic ids, topic-partitions, buffers."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import NamedTuple, Protocol

Buffer = bytes | bytearray | memoryview
TopicId = bytes
"""16 bytes; on the wire as they are, in text as unpadded URL-safe base64."""

ZERO_ID: TopicId = bytes(16)
"""The null uuid: "no topic id given"."""

NO_LEADER = -1


class TopicPartition(NamedTuple):
    """One partition of a topic, by name."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


def by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[TopicPartition]]:
    """Group partitions by their topics, both in the order of their first mention."""
    topics: dict[str, list[TopicPartition]] = {}
    for key in partitions:
        topics.setdefault(key.topic, []).append(key)
    return topics


def address_text(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def uuid_text(uuid: bytes) -> str:
    """Return Kafka's text form of a uuid: 22 characters of URL-safe base64."""
    return urlsafe_b64encode(uuid).rstrip(b"=").decode()


def parse_uuid(text: str) -> bytes:
    """Read Kafka's text form of a uuid.

    Raises:
        ValueError: not 16 bytes of URL-safe base64.
    """
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != 16:
        raise ValueError(f"not a uuid: {text!r}")
    return raw


class Randomness(Protocol):
    """The part of ``random.Random`` in use; always injected, so that a seed replays a run."""

    def random(self) -> float:
        """Return a float in [0, 1)."""
        ...

    def randrange(self, stop: int, /) -> int:
        """Return an integer in [0, stop)."""
        ...

    def randbytes(self, n: int, /) -> bytes:
        """Return n random bytes."""
        ...

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of k random bits."""
        ...

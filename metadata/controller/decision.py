"""What every part of the controller takes, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from metadata.controller.heartbeats import Heartbeats
from metadata.image import MetadataImage
from metadata.records import Record
from raftkafka.config import BrokerConfig
from raftkafka.types import Randomness

Answer = TypeVar("Answer", covariant=True)


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision rests on: the newest image, with all that was appended before.

    ``heartbeats`` tells which processes live, and how far they have come; a lone node, which
    watches nobody, goes without.
    """

    image: MetadataImage
    config: BrokerConfig
    random: Randomness
    heartbeats: Heartbeats = field(default_factory=Heartbeats)


@dataclass(frozen=True, slots=True)
class Decision(Generic[Answer]):
    """Records to commit, and the answer that holds once they are.

    ``records`` may be lazy: it is drawn once, in slices, with nothing else decided in between,
    and ``answer`` may be complete only then. Cut as in ``metadata.controller.batches``, every
    prefix leaves a valid image.
    """

    records: Iterable[Record]
    answer: Answer

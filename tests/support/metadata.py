"""Small clusters for tests of the metadata: brokers, images, and decisions carried out."""

from __future__ import annotations

from random import Random
from typing import TypeVar

from metadata.controller.decision import Decision, Situation
from metadata.image import EMPTY, MetadataImage
from metadata.records import BrokerEndpoint, Record, RegisterBrokerRecord
from metadata.replay import replay
from raftkafka.config import BrokerConfig

A = TypeVar("A")


def directory(broker_id: int) -> bytes:
    """Return the id of a broker's one log directory."""
    return b"directory" + broker_id.to_bytes(7, "big")


def broker_record(
    broker_id: int, *, rack: str | None = None, fenced: bool = False, listener: str = "PLAINTEXT"
) -> RegisterBrokerRecord:
    return RegisterBrokerRecord(
        broker_id,
        b"incarnation" + broker_id.to_bytes(5, "big"),
        (BrokerEndpoint(listener, f"host{broker_id}", 9092, "PLAINTEXT"),),
        (directory(broker_id),),
        rack,
        fenced=fenced,
    )


def with_records(image: MetadataImage, *records: Record) -> MetadataImage:
    return replay(image, image.offset + 1, records).image


def with_brokers(*broker_ids: int) -> MetadataImage:
    return with_records(EMPTY, *(broker_record(broker_id) for broker_id in broker_ids))


def situation(
    image: MetadataImage, config: BrokerConfig | None = None, *, seed: int = 0
) -> Situation:
    return Situation(image, config or BrokerConfig.of({}), Random(seed))


def carried_out(image: MetadataImage, decision: Decision[A]) -> tuple[MetadataImage, A]:
    """Return the image after a decision, and its answer."""
    return with_records(image, *decision.records), decision.answer

"""A whole image as bytes, and back: what the quorum keeps instead of old log entries.

A snapshot is a sequence of CBOR items, each behind its length (4 bytes, big-endian): a header
``[format, offset, digest]``, then batches of records that lead from the empty image to this
one. Equal images give equal bytes, on any node.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain, islice

import cbor2

from metadata.image import EMPTY, BrokerImage, MetadataImage, TopicImage
from metadata.records import (
    ClusterRecord,
    ConfigRecord,
    ControllerRecord,
    PartitionRecord,
    ProducerIdsRecord,
    Record,
    RegisterBrokerRecord,
    TopicRecord,
    decode_batch,
    encode_batch,
)
from metadata.replay import replay

SNAPSHOT_FORMAT = 0
CHUNK_RECORDS = 500
"""Records per chunk: 3 ms of work, so that drawing one does not hold the loop."""

_LENGTH = struct.Struct(">I")


def encode_snapshot(image: MetadataImage) -> Iterator[bytes]:
    """Yield the chunks of a snapshot. An image never changes, so they may be drawn at leisure."""
    yield _item(cbor2.dumps([SNAPSHOT_FORMAT, image.offset, image.digest]))
    records = image_records(image)
    while chunk := list(islice(records, CHUNK_RECORDS)):
        yield _item(encode_batch(chunk))


def restore_snapshot(snapshot: bytes) -> MetadataImage:
    """Return the image that ``encode_snapshot`` was given, its chunks joined.

    Raises:
        Exception: not a snapshot, or one of another format; the process must stop.
    """
    header, *batches = _items(snapshot)
    snapshot_format, offset, digest = cbor2.loads(header)
    if snapshot_format != SNAPSHOT_FORMAT:
        raise ValueError(f"metadata snapshot of format {snapshot_format}, not {SNAPSHOT_FORMAT}")
    records = chain.from_iterable(decode_batch(batch) for batch in batches)
    return replay(EMPTY, offset, records, digest).image


def image_records(image: MetadataImage) -> Iterator[Record]:
    """Yield records that lead from the empty image to this one, always in the same order."""
    yield from _cluster_records(image)
    for broker_id in sorted(image.brokers):
        yield _broker_record(image.brokers[broker_id])
    for name in sorted(image.topics):
        yield from _topic_records(image.topics[name])
    for (resource_type, name), values in sorted(image.configs.items()):
        for key, value in sorted(values.items()):
            yield ConfigRecord(resource_type, name, key, value)


def _cluster_records(image: MetadataImage) -> Iterator[Record]:
    if image.cluster_id is not None:
        yield ClusterRecord(image.cluster_id)
    if image.controller_id >= 0:
        yield ControllerRecord(image.controller_id, image.controller_epoch)
    if image.next_producer_id > 0:
        yield ProducerIdsRecord(-1, -1, image.next_producer_id)


def _broker_record(broker: BrokerImage) -> Record:
    return RegisterBrokerRecord(
        broker.broker_id,
        broker.incarnation_id,
        broker.endpoints,
        broker.directories,
        broker.rack,
        broker.broker_epoch,
        broker.fenced,
        broker.in_controlled_shutdown,
        broker.cluster_endpoint,
    )


def _topic_records(topic: TopicImage) -> Iterator[Record]:
    yield TopicRecord(topic.name, topic.topic_id)
    for number, state in sorted(topic.partitions.items()):
        yield PartitionRecord(
            topic.topic_id,
            number,
            state.replicas,
            state.isr,
            state.leader,
            state.leader_epoch,
            state.partition_epoch,
            state.directories,
            state.elr,
            state.last_known_elr,
            state.adding,
            state.removing,
        )


def _item(content: bytes) -> bytes:
    return _LENGTH.pack(len(content)) + content


def _items(snapshot: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(snapshot):
        (length,) = _LENGTH.unpack_from(snapshot, position)
        position += _LENGTH.size
        yield snapshot[position : position + length]
        position += length

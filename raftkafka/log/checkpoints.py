"""The small files of a log directory and of a partition's folder, in Kafka's formats.

Pure: bytes to values and back. Whoever owns a file writes it with ``Disk.replace``, so that it is
there whole or not at all.

Source: Kafka ``OffsetCheckpointFile``, ``PartitionMetadataFile``, ``MetaProperties``,
``CleanShutdownFileHandler``; KIP-966 for the last one's broker epoch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from raftkafka.types import TopicId, TopicPartition, parse_uuid, uuid_text

RECOVERY_POINTS = "recovery-point-offset-checkpoint"
LOG_STARTS = "log-start-offset-checkpoint"
HIGH_WATERMARKS = "replication-offset-checkpoint"
PARTITION_METADATA = "partition.metadata"
META_PROPERTIES = "meta.properties"
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"
LAST_START = ".last_start"
"""Ours, not Kafka's: which boot of the kernel the last start was under."""

NO_BROKER_EPOCH = -1

_VERSION = 0
_META_VERSION = 1


class DamagedCheckpoint(Exception):
    """The content of a small file is not what its format says."""


# ---------------------------------------------------------------------- offsets


def encode_offsets(offsets: Mapping[TopicPartition, int]) -> bytes:
    """Return the content of a checkpoint of one offset per partition."""
    return _encode_lines(
        f"{topic} {partition} {offset}" for (topic, partition), offset in offsets.items()
    )


def decode_offsets(content: bytes) -> dict[TopicPartition, int]:
    """Read a checkpoint of one offset per partition.

    Raises:
        DamagedCheckpoint: another version, a line that is none, or fewer or more lines than said.
    """
    offsets: dict[TopicPartition, int] = {}
    for line in _decode_lines(content):
        fields = line.split(" ")
        if len(fields) != 3:
            raise DamagedCheckpoint(f"not a topic, a partition and an offset: {line!r}")
        offsets[TopicPartition(fields[0], _number(fields[1]))] = _number(fields[2])
    return offsets


def _encode_lines(lines: Iterable[str]) -> bytes:
    body = list(lines)
    return "\n".join([str(_VERSION), str(len(body)), *body, ""]).encode()


def _decode_lines(content: bytes) -> Iterator[str]:
    version, count, *lines = (*_text(content).splitlines(), "", "")
    if _number(version) != _VERSION:
        raise DamagedCheckpoint(f"version {version}")
    body = [line for line in lines if line]
    if len(body) != _number(count):
        raise DamagedCheckpoint(f"{len(body)} entries where {count} should be")
    return iter(body)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DamagedCheckpoint(f"not text: {error}") from None


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DamagedCheckpoint(f"not a number: {text!r}") from None


# ---------------------------------------------------------------------- partition.metadata


def encode_partition_metadata(topic_id: TopicId) -> bytes:
    """Return the content of ``partition.metadata``."""
    return f"version: {_VERSION}\ntopic_id: {uuid_text(topic_id)}".encode()


@lru_cache  # all partitions of a topic have the same content
def decode_partition_metadata(content: bytes) -> TopicId:
    """Return the topic id in ``partition.metadata``.

    Raises:
        DamagedCheckpoint: another version, or no topic id.
    """
    fields: dict[str, str] = {}
    for line in _text(content).splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    if fields.get("version") != str(_VERSION):
        raise DamagedCheckpoint(f"version {fields.get('version')}")
    return _uuid(fields.get("topic_id", ""))


def _uuid(text: str) -> bytes:
    try:
        return parse_uuid(text)
    except ValueError as error:
        raise DamagedCheckpoint(str(error)) from None


# ---------------------------------------------------------------------- meta.properties


@dataclass(frozen=True, slots=True)
class MetaProperties:
    """Whose a log directory is."""

    node_id: int
    cluster_id: str | None = None
    """None until the cluster has a name."""
    directory_id: bytes | None = None
    """None in a directory of a Kafka before 3.7."""


def encode_meta_properties(meta: MetaProperties) -> bytes:
    """Return the content of ``meta.properties``, version 1."""
    from javaproperties import dumps  # imported here: it takes 40 ms, and the CLI reads formats too

    properties = {"version": str(_META_VERSION), "node.id": str(meta.node_id)}
    if meta.cluster_id is not None:
        properties["cluster.id"] = meta.cluster_id
    if meta.directory_id is not None:
        properties["directory.id"] = uuid_text(meta.directory_id)
    return dumps(properties, timestamp=False).encode()


def decode_meta_properties(content: bytes) -> MetaProperties:
    """Read ``meta.properties``, of version 1 or 0 (with ``broker.id``).

    Raises:
        DamagedCheckpoint: another version, or a value is missing or none.
    """
    from javaproperties import InvalidUEscapeError, loads  # as above

    try:
        properties: dict[str, str] = loads(_text(content))
    except InvalidUEscapeError as error:
        raise DamagedCheckpoint(str(error)) from None
    version = _number(properties.get("version", ""))
    if version not in (0, _META_VERSION):
        raise DamagedCheckpoint(f"version {version}")
    node_id = properties.get("node.id" if version == _META_VERSION else "broker.id", "")
    directory_id = properties.get("directory.id")
    return MetaProperties(
        _number(node_id),
        properties.get("cluster.id"),
        None if directory_id is None else _uuid(directory_id),
    )


# ---------------------------------------------------------------------- how the last life ended


def encode_clean_shutdown(broker_epoch: int) -> bytes:
    """Return the content of the marker that is written last when a broker stops."""
    return json.dumps({"version": _VERSION, "brokerEpoch": broker_epoch}).encode()


def decode_clean_shutdown(content: bytes) -> int:
    """Return the broker epoch in the marker of a clean stop, -1 if it has none.

    Kafka before 3.8 leaves the file empty, and a file that cannot be read is a marker too.
    """
    try:
        return _integer(_json_object(content).get("brokerEpoch"))
    except DamagedCheckpoint:
        return NO_BROKER_EPOCH


@dataclass(frozen=True, slots=True)
class LastStart:
    """A start that was completed: under which boot of the kernel, and as which incarnation."""

    boot_id: str
    broker_epoch: int


def encode_last_start(start: LastStart) -> bytes:
    """Return the content of ``.last_start``."""
    fields = {"version": _VERSION, "bootId": start.boot_id, "brokerEpoch": start.broker_epoch}
    return json.dumps(fields).encode()


def decode_last_start(content: bytes) -> LastStart:
    """Read ``.last_start``.

    Raises:
        DamagedCheckpoint: not what ``encode_last_start`` writes.
    """
    fields = _json_object(content)
    boot_id = fields.get("bootId")
    if fields.get("version") != _VERSION or not isinstance(boot_id, str) or not boot_id:
        raise DamagedCheckpoint(f"not a start: {fields}")
    return LastStart(boot_id, _integer(fields.get("brokerEpoch")))


def _json_object(content: bytes) -> dict[str, object]:
    try:
        fields: object = json.loads(_text(content))
    except ValueError as error:
        raise DamagedCheckpoint(f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise DamagedCheckpoint(f"not a JSON object: {fields!r}")
    return cast("dict[str, object]", fields)


def _integer(value: object) -> int:
    if isinstance(value, int):
        return value
    raise DamagedCheckpoint(f"not a number: {value!r}")

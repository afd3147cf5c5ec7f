"""Reading a partition's files as they lie on disk, for people who look into them.

Formats: Kafka classes ``DefaultRecordBatch``, ``OffsetIndex``, ``TimeIndex``,
``TransactionIndex``, ``ProducerStateManager``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from raftkafka.client.errors import ClientError
from raftkafka.compression import Codec
from raftkafka.errors import KafkaError
from raftkafka.records import (
    DELETE_HORIZON,
    LOG_APPEND_TIME,
    NO_SEQUENCE,
    BatchHeader,
    has_valid_crc,
    iterate_batches,
    next_sequence,
)

OFFSET_ENTRY = Struct(">ii")
TIME_ENTRY = Struct(">qi")
TXN_ENTRY = Struct(">hqqqq")


class StoredBatch(NamedTuple):
    """One batch of a ``.log`` file; ``position`` is its first byte."""

    position: int
    header: BatchHeader
    content: memoryview

    @property
    def is_valid(self) -> bool:
        """Whether its CRC fits."""
        return has_valid_crc(self.content)

    @property
    def codec_name(self) -> str:
        """How it is compressed, as Kafka calls it."""
        codec = self.header.codec
        return Codec(codec).name.lower() if codec in Codec.__members__.values() else str(codec)

    @property
    def timestamp_type(self) -> str:
        """What its timestamps mean."""
        log_append = self.header.attributes & LOG_APPEND_TIME
        return "LogAppendTime" if log_append else "CreateTime"

    @property
    def last_sequence(self) -> int:
        """Of its last record; -1 without sequences."""
        return self.sequence_of(self.header.last_offset)

    @property
    def delete_horizon_ms(self) -> int | None:
        """When its tombstones may go, if it was compacted."""
        horizon = self.header.attributes & DELETE_HORIZON
        return self.header.base_timestamp if horizon else None

    def sequence_of(self, offset: int) -> int:
        """Return the sequence number of the record at ``offset``; -1 without sequences."""
        base = self.header.base_sequence
        if base == NO_SEQUENCE:
            return NO_SEQUENCE
        return next_sequence(base, offset - self.header.base_offset)


class LogFile:
    """A ``.log`` file. After the batches were read, ``valid_bytes`` says how far they reach."""

    def __init__(self, path: str) -> None:
        """Read the file.

        Raises:
            ClientError: it cannot be read.
        """
        self.content = read(path)
        self.valid_bytes = 0

    def batches(self, max_bytes: int | None = None) -> Iterator[StoredBatch]:
        """Yield whole batches up to the first byte that starts none."""
        position = 0
        try:
            for header, content in iterate_batches(memoryview(self.content)[:max_bytes]):
                yield StoredBatch(position, header, content)
                position += header.size_bytes
                self.valid_bytes = position
        except KafkaError:
            return

    def batch_at(self, position: int) -> StoredBatch | None:
        """Return the batch that starts at a byte, or None if there is none."""
        try:
            for header, content in iterate_batches(memoryview(self.content)[position:]):
                return StoredBatch(position, header, content)
        except KafkaError:
            return None
        return None


def read(path: str) -> bytes:
    """Return the content of a file.

    Raises:
        ClientError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClientError(f"cannot read {path}: {error.strerror}") from error


def base_offset_of(path: str) -> int:
    """Return the offset that a segment's file is named by.

    Raises:
        ClientError: the name holds none.
    """
    stem = Path(path).name.partition(".")[0]
    if not stem.isdecimal():
        raise ClientError(f"{path} is not named by an offset, as files of a segment are")
    return int(stem)


def sibling(path: str, suffix: str) -> str:
    """Return the path of another file of the same segment."""
    return str(Path(path).with_name(Path(path).name.partition(".")[0] + suffix))


def index_entries(content: bytes, entry: Struct, base_offset: int) -> Iterator[tuple[int, ...]]:
    """Yield the entries of an index, up to the zeros of one that was not cut after a crash."""
    whole = len(content) - len(content) % entry.size
    offset_first = entry is OFFSET_ENTRY
    for number, fields in enumerate(entry.iter_unpack(content[:whole])):
        relative, other = fields if offset_first else (fields[1], fields[0])
        if relative == 0 and number > 0:
            return
        yield base_offset + relative, other

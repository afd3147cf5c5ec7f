"""Kafka's text for the files of a partition, line by line.

Source: Kafka class ``DumpLogSegments``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct

from raftkafka.cli.log_files import (
    OFFSET_ENTRY,
    TIME_ENTRY,
    TXN_ENTRY,
    LogFile,
    StoredBatch,
    base_offset_of,
    index_entries,
    read,
    sibling,
)
from raftkafka.client.errors import ClientError
from raftkafka.errors import KafkaError
from raftkafka.records import Record, iterate_records

CONTROL_TYPES = {0: "ABORT", 1: "COMMIT"}


@dataclass(frozen=True, slots=True)
class DumpOptions:
    """What to show."""

    records: bool = False
    """Each record's metadata."""
    contents: bool = False
    """Keys and values too."""
    skip_record_metadata: bool = False
    verify_index_only: bool = False
    index_sanity_check: bool = False
    max_bytes: int | None = None


@dataclass(slots=True)
class Problems:
    """What does not fit together; ``lines`` are for stderr."""

    lines: list[str] = field(default_factory=list[str])

    def add(self, heading: str, details: list[str]) -> None:
        """Note findings of one kind in one file."""
        if details:
            self.lines += [heading, *details]


Dump = Callable[[str, DumpOptions, Problems], Iterator[str]]


def dump(path: str, options: DumpOptions, problems: Problems) -> Iterator[str]:
    """Yield the lines for one file.

    Raises:
        ClientError: it cannot be read.
    """
    yield f"Dumping {path}"
    dump_one = _DUMPS.get(Path(path).suffix)
    if dump_one is None:
        problems.lines.append(f"Ignoring unknown file {path}")
        return
    yield from dump_one(path, options, problems)


def _dump_log(path: str, options: DumpOptions, problems: Problems) -> Iterator[str]:
    yield f"Log starting offset: {base_offset_of(path)}"
    log = LogFile(path)
    gaps: list[str] = []
    last_offset: int | None = None
    for batch in log.batches(options.max_bytes):
        yield batch_line(batch)
        if not options.records:
            continue
        for record in _records(path, batch):
            if last_offset is not None and record.offset != last_offset + 1:
                gaps.append(f"  {last_offset} is followed by {record.offset}")
            last_offset = record.offset
            yield record_line(record, batch, options)
    trailing = len(log.content) - log.valid_bytes
    if trailing and options.max_bytes is None:
        yield f"Found {trailing} invalid bytes at the end of {Path(path).name}"
    problems.add(f"Non-consecutive offsets in {Path(path).absolute()}", gaps)


def _records(path: str, batch: StoredBatch) -> Iterator[Record]:
    try:
        yield from iterate_records(batch.content)
    except KafkaError as error:
        raise ClientError(f"{path}, batch at byte {batch.position}: {error}") from error


def batch_line(batch: StoredBatch) -> str:
    """Return the line for one batch."""
    header = batch.header
    horizon = batch.delete_horizon_ms
    shown_horizon = "OptionalLong.empty" if horizon is None else f"OptionalLong[{horizon}]"
    return (
        f"baseOffset: {header.base_offset} lastOffset: {header.last_offset} "
        f"count: {header.record_count} "
        f"baseSequence: {header.base_sequence} lastSequence: {batch.last_sequence} "
        f"producerId: {header.producer_id} producerEpoch: {header.producer_epoch} "
        f"partitionLeaderEpoch: {header.leader_epoch} "
        f"isTransactional: {_bool(header.is_transactional)} "
        f"isControl: {_bool(header.is_control)} deleteHorizonMs: {shown_horizon} "
        f"position: {batch.position} {batch.timestamp_type}: {header.max_timestamp} "
        f"size: {header.size_bytes} magic: {header.magic} compresscodec: {batch.codec_name} "
        f"crc: {header.crc} isvalid: {_bool(batch.is_valid)}"
    )


def record_line(record: Record, batch: StoredBatch, options: DumpOptions) -> str:
    """Return the line for one record."""
    parts: list[str] = []
    if not options.skip_record_metadata:
        names = ",".join(name for name, _ in record.headers)
        parts.append(
            f"offset: {record.offset} {batch.timestamp_type}: {record.timestamp} "
            f"keySize: {_size(record.key)} valueSize: {_size(record.value)} "
            f"sequence: {batch.sequence_of(record.offset)} headerKeys: [{names}]"
        )
        if batch.header.is_control:
            parts.append(_marker(record))
    if options.contents and not batch.header.is_control:
        if record.key is not None:
            parts.append(f"key: {record.key.decode(errors='replace')}")
        if record.value is not None:
            parts.append(f"payload: {record.value.decode(errors='replace')}")
    return "| " + " ".join(parts)


def _marker(record: Record) -> str:
    key, value = record.key or b"", record.value or b""
    kind = int.from_bytes(key[2:4], "big")
    if kind not in CONTROL_TYPES:
        return f"controlType: UNKNOWN({kind})"
    epoch = int.from_bytes(value[2:6], "big", signed=True)
    return f"endTxnMarker: {CONTROL_TYPES[kind]} coordinatorEpoch: {epoch}"


def _dump_index(path: str, options: DumpOptions, problems: Problems) -> Iterator[str]:
    content = read(path)
    if not content:
        yield f"{path} is empty."
        return
    base_offset = base_offset_of(path)
    entries = list(index_entries(content, OFFSET_ENTRY, base_offset))
    if options.index_sanity_check:
        _check_sanity(path, len(content) % OFFSET_ENTRY.size, entries[-1][0] < base_offset)
        yield f"{path} passed sanity check."
        return
    log = LogFile(sibling(path, ".log"))
    mismatches: list[str] = []
    for offset, position in entries:
        batch = log.batch_at(position)
        found = None if batch is None else batch.header.last_offset
        if found != offset:
            mismatches.append(f"  Index offset: {offset}, log offset: {found}")
        if not options.verify_index_only:
            yield f"offset: {offset} position: {position}"
    problems.add(f"Mismatches in :{Path(path).absolute()}", mismatches)


def _dump_time_index(path: str, options: DumpOptions, problems: Problems) -> Iterator[str]:
    content = read(path)
    base_offset = base_offset_of(path)
    entries = list(index_entries(content, TIME_ENTRY, base_offset))
    if options.index_sanity_check:
        _check_sanity(path, len(content) % TIME_ENTRY.size, _ends_in_zeros(content, TIME_ENTRY))
        yield f"{path} passed sanity check."
        return
    ends = [
        (batch.header.last_offset, batch.header.max_timestamp)
        for batch in LogFile(sibling(path, ".log")).batches()
    ]
    missing: list[str] = []
    mismatches: list[str] = []
    disorder: list[str] = []
    previous = -1
    for offset, timestamp in entries:
        place = bisect_left(ends, (offset, -1))
        found, in_log = ends[place] if place < len(ends) else (-1, -1)
        if found != offset:
            missing.append(f"Indexed offset: {offset}, found log offset: {found}")
        elif in_log != timestamp:
            mismatches.append(f"  Index timestamp: {timestamp}, log timestamp: {in_log}")
        if previous >= timestamp:
            disorder.append(
                f"  Index timestamp: {timestamp}, Previously indexed timestamp: {previous}"
            )
        previous = timestamp
        if not options.verify_index_only:
            yield f"timestamp: {timestamp} offset: {offset}"
    absolute = Path(path).absolute()
    problems.add(f"Found timestamp mismatch in :{absolute}", mismatches)
    problems.add(f"Found out of order timestamp in :{absolute}", disorder)
    problems.add("The following indexed offsets are not found in the log.", missing)


def _check_sanity(path: str, cut_bytes: int, is_out_of_order: bool) -> None:
    if cut_bytes or is_out_of_order:
        why = "it ends within an entry" if cut_bytes else "its last entry is before its first"
        raise ClientError(
            f"{path} is corrupt: {why}", hint="delete it; the broker makes it again at its start"
        )


def _ends_in_zeros(content: bytes, entry: Struct) -> bool:
    """Whether a time index was not cut to its entries, as after a crash of Kafka."""
    size = entry.size
    return len(content) > size and not any(content[-size:]) and any(content[:size])


def _dump_transactions(path: str, _options: DumpOptions, _problems: Problems) -> Iterator[str]:
    content = read(path)
    whole = len(content) - len(content) % TXN_ENTRY.size
    for version, producer_id, first, last, stable in TXN_ENTRY.iter_unpack(content[:whole]):
        yield (
            f"version: {version} producerId: {producer_id} firstOffset: {first} "
            f"lastOffset: {last} lastStableOffset: {stable}"
        )


def _dump_snapshot(path: str, _options: DumpOptions, problems: Problems) -> Iterator[str]:
    from raftkafka.log.producer_state import DamagedSnapshot, ProducerStates

    producers = ProducerStates()
    try:
        producers.load(read(path))
    except DamagedSnapshot as error:
        problems.lines.append(f"{path} is no producer snapshot: {error}")
        return
    for producer_id, entry in producers.items():
        first_offset = entry.current_txn_first_offset
        shown = "OptionalLong.empty" if first_offset is None else f"OptionalLong[{first_offset}]"
        line = (
            f"producerId: {producer_id} producerEpoch: {entry.epoch} "
            f"coordinatorEpoch: {entry.coordinator_epoch} currentTxnFirstOffset: {shown} "
            f"lastTimestamp: {entry.last_timestamp} "
        )
        if entry.batches:
            batch = entry.batches[0]
            line += (
                f"firstSequence: {batch.first_sequence} lastSequence: {batch.last_sequence} "
                f"lastOffset: {batch.last_offset} "
                f"offsetDelta: {batch.last_offset - batch.first_offset} "
                f"timestamp: {batch.timestamp_ms}"
            )
        yield line


def _size(content: bytes | None) -> int:
    return -1 if content is None else len(content)


def _bool(value: bool) -> str:
    return str(value).lower()


_DUMPS: dict[str, Dump] = {
    ".log": _dump_log,
    ".index": _dump_index,
    ".timeindex": _dump_time_index,
    ".txnindex": _dump_transactions,
    ".snapshot": _dump_snapshot,
}

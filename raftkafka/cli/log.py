"""``raftkafka log``: look into log files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import click

from raftkafka.cli.json_records import bytes_as_json
from raftkafka.cli.log_dump import DumpOptions, Problems, dump
from raftkafka.cli.log_files import LogFile, StoredBatch
from raftkafka.cli.report import say
from raftkafka.client.errors import ClientError
from raftkafka.errors import KafkaError
from raftkafka.records import iterate_records


@click.group()
def log() -> None:
    """Look into log files."""


@log.command("dump")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--records", is_flag=True, help="Show each record, keys and values included.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object per batch or record of a .log file.",
)
def dump_(files: Sequence[str], records: bool, form: str) -> None:
    """Show what is in .log, .index, .timeindex, .snapshot and .txnindex files."""
    problems = Problems()
    for path in files:
        if form == "json":
            for value in _objects(path, with_records=records):
                print(json.dumps(value, ensure_ascii=False))
            continue
        options = DumpOptions(records=records, contents=records)
        for line in dump(path, options, problems):
            print(line)
    for line in problems.lines:
        say(line)


def _objects(path: str, *, with_records: bool) -> Iterator[dict[str, object]]:
    if not path.endswith(".log"):
        raise ClientError(f"{path}: JSON is for .log files", hint="leave --format out")
    for batch in LogFile(path).batches():
        yield _batch(path, batch)
        if with_records:
            yield from _records(path, batch)


def _batch(path: str, batch: StoredBatch) -> dict[str, object]:
    header = batch.header
    return {
        "file": path,
        "position": batch.position,
        "size_bytes": header.size_bytes,
        "base_offset": header.base_offset,
        "last_offset": header.last_offset,
        "count": header.record_count,
        "leader_epoch": header.leader_epoch,
        "timestamp_type": batch.timestamp_type,
        "max_timestamp": header.max_timestamp,
        "codec": batch.codec_name,
        "producer_id": header.producer_id,
        "producer_epoch": header.producer_epoch,
        "base_sequence": header.base_sequence,
        "transactional": header.is_transactional,
        "control": header.is_control,
        "crc": header.crc,
        "valid": batch.is_valid,
    }


def _records(path: str, batch: StoredBatch) -> Iterator[dict[str, object]]:
    try:
        for record in iterate_records(batch.content):
            yield {
                "offset": record.offset,
                "timestamp": record.timestamp,
                "key": bytes_as_json(record.key),
                "value": bytes_as_json(record.value),
                "headers": [[name, bytes_as_json(value)] for name, value in record.headers],
            }
    except KafkaError as error:
        raise ClientError(f"{path}, batch at byte {batch.position}: {error}") from error

"""kafka-dump-log and ``raftkafka log dump``: Kafka's own text for a segment's files."""

from __future__ import annotations

import json
from pathlib import Path
from struct import pack

import pytest

from raftkafka.cli.log_dump import DumpOptions, Problems, dump
from raftkafka.cli.main import run
from raftkafka.client.errors import ClientError
from raftkafka.compression import Codec
from raftkafka.log.producer_state import ProducerStates
from raftkafka.records import (
    CONTROL,
    LOG_APPEND_TIME,
    TRANSACTIONAL,
    Record,
    build_batch,
    parse_header,
)

NAME = "00000000000000000005"
TIME_MS = 1_700_000_000_000
FIRST = build_batch(
    [
        Record(0, TIME_MS, b"k", b"v", (("h1", b"x"), ("h2", None))),
        Record(1, TIME_MS + 5, None, None),
    ],
    base_offset=5,
    leader_epoch=3,
    producer_id=9,
    producer_epoch=1,
    base_sequence=2**31 - 1,
)
SECOND = build_batch(
    [Record(0, TIME_MS + 9, None, b"zipped")],
    base_offset=9,
    codec=Codec.ZSTD,
    flags=LOG_APPEND_TIME,
)
MARKER = build_batch(
    [Record(0, TIME_MS, pack(">hh", 0, 1), pack(">hi", 0, 4))],
    base_offset=10,
    producer_id=9,
    producer_epoch=1,
    flags=CONTROL | TRANSACTIONAL,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / f"{NAME}.log").write_bytes(FIRST + SECOND + MARKER)
    return tmp_path


def dumped(path: Path, options: DumpOptions | None = None) -> tuple[list[str], list[str]]:
    """Return what goes to stdout, after the lines that name the file, and what to stderr."""
    problems = Problems()
    lines = list(dump(str(path), options or DumpOptions(), problems))
    assert lines[0] == f"Dumping {path}"
    return lines[1:], problems.lines


def test_a_batch_is_one_line(folder: Path) -> None:
    lines, problems = dumped(folder / f"{NAME}.log")
    assert lines[0] == "Log starting offset: 5"
    assert lines[1] == (
        "baseOffset: 5 lastOffset: 6 count: 2 baseSequence: 2147483647 lastSequence: 0 "
        "producerId: 9 producerEpoch: 1 partitionLeaderEpoch: 3 isTransactional: false "
        "isControl: false deleteHorizonMs: OptionalLong.empty position: 0 "
        f"CreateTime: {TIME_MS + 5} size: {len(FIRST)} magic: 2 compresscodec: none "
        f"crc: {parse_header(FIRST).crc} isvalid: true"
    )
    assert f"position: {len(FIRST)} LogAppendTime: {TIME_MS + 9}" in lines[2]
    assert "compresscodec: zstd" in lines[2]
    assert "isTransactional: true isControl: true" in lines[3]
    assert problems == []


def test_records_and_their_contents(folder: Path) -> None:
    lines, problems = dumped(folder / f"{NAME}.log", DumpOptions(records=True, contents=True))
    records = [line for line in lines if line.startswith("| ")]
    assert records == [
        f"| offset: 5 CreateTime: {TIME_MS} keySize: 1 valueSize: 1 sequence: 2147483647 "
        "headerKeys: [h1,h2] key: k payload: v",
        f"| offset: 6 CreateTime: {TIME_MS + 5} keySize: -1 valueSize: -1 sequence: 0 "
        "headerKeys: []",
        f"| offset: 9 LogAppendTime: {TIME_MS + 9} keySize: -1 valueSize: 6 sequence: -1 "
        "headerKeys: [] payload: zipped",
        f"| offset: 10 CreateTime: {TIME_MS} keySize: 4 valueSize: 6 sequence: -1 "
        "headerKeys: [] endTxnMarker: COMMIT coordinatorEpoch: 4",
    ]
    assert problems == [
        f"Non-consecutive offsets in {folder / NAME}.log",
        "  6 is followed by 9",
    ]


def test_damage_shows(folder: Path) -> None:
    path = folder / f"{NAME}.log"
    damaged = bytearray(FIRST)
    damaged[-1] ^= 1
    path.write_bytes(bytes(damaged) + SECOND[:30])
    lines, _ = dumped(path)
    assert lines[1].endswith("isvalid: false")
    assert lines[2] == f"Found 30 invalid bytes at the end of {NAME}.log"


def test_bytes_that_are_no_batch_end_the_log(folder: Path) -> None:
    path = folder / f"{NAME}.log"
    path.write_bytes(FIRST + bytes(200))
    assert dumped(path)[0][-1] == f"Found 200 invalid bytes at the end of {NAME}.log"


def test_the_offset_index_is_held_against_the_log(folder: Path) -> None:
    path = folder / f"{NAME}.index"
    path.write_bytes(pack(">iiii", 1, 0, 3, len(FIRST)))
    lines, problems = dumped(path)
    assert lines == ["offset: 6 position: 0", f"offset: 8 position: {len(FIRST)}"]
    assert problems == [f"Mismatches in :{path}", "  Index offset: 8, log offset: 9"]
    assert dumped(path, DumpOptions(verify_index_only=True)) == ([], problems)
    path.write_bytes(b"")
    assert dumped(path)[0] == [f"{path} is empty."]


def test_the_time_index_is_held_against_the_log(folder: Path) -> None:
    path = folder / f"{NAME}.timeindex"
    good = pack(">qi", TIME_MS + 5, 1)
    path.write_bytes(good + pack(">qi", TIME_MS, 4) + pack(">qi", TIME_MS + 9, 3))
    lines, problems = dumped(path)
    assert lines[0] == f"timestamp: {TIME_MS + 5} offset: 6"
    assert problems == [
        f"Found timestamp mismatch in :{path}",
        f"  Index timestamp: {TIME_MS}, log timestamp: {TIME_MS + 9}",
        f"Found out of order timestamp in :{path}",
        f"  Index timestamp: {TIME_MS}, Previously indexed timestamp: {TIME_MS + 5}",
        "The following indexed offsets are not found in the log.",
        "Indexed offset: 8, found log offset: 9",
    ]


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("index", pack(">iiH", 1, 0, 7)),
        ("timeindex", pack(">qi", TIME_MS, 1) + bytes(12)),
        ("timeindex", pack(">qiH", TIME_MS, 1, 7)),
    ],
)
def test_an_index_that_is_not_sane(folder: Path, suffix: str, content: bytes) -> None:
    path = folder / f"{NAME}.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ClientError, match="is corrupt"):
        dumped(path, DumpOptions(index_sanity_check=True))
    path.write_bytes(pack(">ii", 1, 0) if suffix == "index" else pack(">qi", TIME_MS, 1))
    lines, _ = dumped(path, DumpOptions(index_sanity_check=True))
    assert lines == [f"{path} passed sanity check."]


def test_producers_and_transactions(folder: Path) -> None:
    producers = ProducerStates()
    producers.replay(parse_header(FIRST))
    snapshot = folder / f"{NAME}.snapshot"
    snapshot.write_bytes(producers.encode())
    assert dumped(snapshot)[0] == [
        "producerId: 9 producerEpoch: 1 coordinatorEpoch: -1 "
        f"currentTxnFirstOffset: OptionalLong.empty lastTimestamp: {TIME_MS + 5} "
        "firstSequence: 2147483647 lastSequence: 0 lastOffset: 6 offsetDelta: 1 "
        f"timestamp: {TIME_MS + 5}"
    ]
    aborted = folder / f"{NAME}.txnindex"
    aborted.write_bytes(pack(">hqqqq", 0, 9, 5, 6, 7))
    assert dumped(aborted)[0] == [
        "version: 0 producerId: 9 firstOffset: 5 lastOffset: 6 lastStableOffset: 7"
    ]


def test_other_files_are_named_and_left_alone(folder: Path) -> None:
    path = folder / "partition.metadata"
    path.write_text("version: 0\n")
    assert dumped(path) == ([], [f"Ignoring unknown file {path}"])


def test_json_is_one_object_a_batch_and_a_record(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["log", "dump", "--records", "--format", "json", str(folder / f"{NAME}.log")]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each.get("base_offset", each.get("offset")) for each in objects] == [
        *(5, 5, 6),
        *(9, 9),
        *(10, 10),
    ]
    assert objects[0]["valid"] is True
    assert objects[1]["headers"] == [["h1", "x"], ["h2", None]]


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"{NAME}.log"
    assert run(["log", "dump", str(path)]) == 1
    assert capsys.readouterr().err == f"error: cannot read {path}: No such file or directory\n"

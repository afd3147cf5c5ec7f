"""Lines as records: Kafka's properties for the console producer, and JSON that comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from raftkafka.cli.json_records import bytes_as_json, bytes_from_json, record_from_json
from raftkafka.cli.records import Headers, LineFormat, OutgoingRecord
from raftkafka.client.errors import ClientError

KEYED = {"parse.key": "true"}
FULL = {"parse.key": "true", "parse.headers": "true"}


def parse(line: str, properties: Mapping[str, str]) -> OutgoingRecord:
    return LineFormat.of(properties).parse(line.encode(), 7)


def test_a_line_is_a_value() -> None:
    assert parse("a\tb", {}) == OutgoingRecord(b"a\tb")


def test_a_key_stands_before_the_first_separator() -> None:
    assert parse("k\tv\tw", KEYED) == OutgoingRecord(b"v\tw", b"k")
    assert parse("k::v", KEYED | {"key.separator": "::"}) == OutgoingRecord(b"v", b"k")
    assert parse("\tv", KEYED) == OutgoingRecord(b"v", b""), "an empty key is a key"


def test_headers_stand_before_the_key() -> None:
    expected = OutgoingRecord(b"v", b"k", [("h1", b"x"), ("h2", b"y:z")])
    assert parse("h1:x,h2:y:z\tk\tv", FULL) == expected
    assert parse("\tk\tv", FULL) == OutgoingRecord(b"v", b"k")


def test_a_null_marker_is_null_wherever_a_value_can_be() -> None:
    properties = FULL | {"null.marker": "NULL"}
    assert parse("h:NULL\tNULL\tNULL", properties) == OutgoingRecord(None, None, [("h", None)])
    assert parse("NULL\tk\tv", properties) == OutgoingRecord(b"v", b"k"), "no headers"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no separator", "No headers delimiter found on line number 7: 'no separator'"),
        ("h:x\tno key", "No key separator found on line number 7: 'no key'"),
        ("h\tk\tv", "No header key separator found in pair 'h' on line number 7"),
    ],
)
def test_a_missing_separator_is_an_error(line: str, message: str) -> None:
    with pytest.raises(ClientError) as failure:
        parse(line, FULL)
    assert failure.value.message == message


def test_errors_can_be_ignored() -> None:
    properties = FULL | {"ignore.error": "true"}
    assert parse("value only", properties) == OutgoingRecord(b"value only")
    assert parse("h\tk\tv", properties) == OutgoingRecord(b"v", b"k", [("h", None)])


@pytest.mark.parametrize(
    "properties",
    [
        {"headers.delimiter": ","},
        {"headers.separator": ":"},
        {"key.separator": "N", "null.marker": "N"},
        {"null.marker": ","},
        {"key.separator": ""},
    ],
)
def test_separators_that_cannot_be_told_apart(properties: dict[str, str]) -> None:
    with pytest.raises(ClientError):
        LineFormat.of(properties)


@pytest.mark.parametrize("content", [None, b"", b"text", "Grüße".encode(), b"\xff\x00", b"{}"])
def test_any_bytes_come_back_from_json(content: bytes | None) -> None:
    assert bytes_from_json(json.loads(json.dumps(bytes_as_json(content)))) == content


def test_a_json_line_is_a_whole_record() -> None:
    line = json.dumps(
        {
            "topic": "elsewhere",
            "partition": 3,
            "offset": 17,
            "timestamp": 1_700_000_000_000,
            "key": {"base64": "/w=="},
            "value": None,
            "headers": [["h", "x"], ["h", None]],
        }
    ).encode()
    headers: Headers = [("h", b"x"), ("h", None)]
    expected = OutgoingRecord(None, b"\xff", headers, None, 1_700_000_000_000)
    assert record_from_json(line, 1, keep_partition=False) == expected
    expected.partition = 3
    assert record_from_json(line, 1, keep_partition=True) == expected


def test_a_json_line_may_hold_a_value_alone() -> None:
    assert record_from_json(b'{"value": "v"}', 1, keep_partition=True) == OutgoingRecord(b"v")


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b'{"value": 7}',
        b'{"value": {"base64": "?"}}',
        b'{"value": {"base64": "", "x": 1}}',
        b'{"headers": [["h"]]}',
        b'{"headers": 1}',
        b'{"timestamp": null}',
    ],
)
def test_a_line_that_is_no_record(line: bytes) -> None:
    with pytest.raises(ClientError, match="line 9 is no record in JSON"):
        record_from_json(line, 9, keep_partition=True)

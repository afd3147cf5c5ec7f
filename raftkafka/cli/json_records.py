"""Records as JSON lines that come back as the same records.

    {"topic": "t", "partition": 0, "offset": 7, "timestamp": 1700000000000,
     "key": "k", "value": {"base64": "/w=="}, "headers": [["h", "x"]]}

Bytes that are UTF-8 are a string, others an object with their base64; null is null.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, cast

from raftkafka.cli.records import Headers, OutgoingRecord, received_headers
from raftkafka.client.errors import ClientError

if TYPE_CHECKING:
    from confluent_kafka import Message

JsonBytes = str | dict[str, str] | None


def bytes_as_json(content: bytes | None) -> JsonBytes:
    """Return bytes as a string, or as an object if they are not UTF-8."""
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode()}


def bytes_from_json(value: object) -> bytes | None:
    """Return what ``bytes_as_json`` was given.

    Raises:
        ValueError: neither a string, nor such an object, nor null.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        text = fields.get("base64")
        if isinstance(text, str) and len(fields) == 1:
            return b64decode(text, validate=True)
    raise ValueError(f"{json.dumps(value)} is neither a string nor {{'base64': ...}}")


def message_as_json(message: Message) -> str:
    """Return the line of a consumed record."""
    _, timestamp_ms = message.timestamp()
    record = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": timestamp_ms,
        "key": bytes_as_json(message.key()),
        "value": bytes_as_json(message.value()),
        "headers": [[name, bytes_as_json(value)] for name, value in received_headers(message)],
    }
    return json.dumps(record, ensure_ascii=False)


def record_from_json(line: bytes, number: int, *, keep_partition: bool) -> OutgoingRecord:
    """Return the record of a line: key, value, headers and timestamp, all but the value optional.

    Args:
        line: as ``message_as_json`` writes it.
        number: of the line, for what is said if it is wrong.
        keep_partition: send it to the partition that it names.

    Raises:
        ClientError: it is no such line.
    """
    try:
        content = cast("object", json.loads(line))
        if not isinstance(content, dict):
            raise ValueError("not an object")
        fields = cast("dict[str, Any]", content)
        return OutgoingRecord(
            bytes_from_json(fields.get("value")),
            bytes_from_json(fields.get("key")),
            _headers(fields.get("headers") or []),
            int(fields["partition"]) if keep_partition and "partition" in fields else None,
            int(fields["timestamp"]) if "timestamp" in fields else None,
        )
    except (ValueError, TypeError) as error:
        raise ClientError(f"line {number} is no record in JSON: {error}") from error


def _headers(pairs: list[Any]) -> Headers:
    return [(str(name), bytes_from_json(value)) for name, value in pairs]

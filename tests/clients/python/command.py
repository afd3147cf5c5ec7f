"""What the Python client programs share: read a command, write JSON lines.

They run in environments of their own, so this imports nothing but the standard library.
The command is the only argument, as JSON; each result is a line on standard output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

Command = dict[str, Any]


def emit(**result: object) -> None:
    """Write one result at once; the test may be waiting for it."""
    print(json.dumps(result), flush=True)


def value_of(record: Command) -> bytes:
    """Return the record's value; ``size`` stands for a value of so many bytes."""
    return b"x" * record["size"] if "size" in record else str(record["value"]).encode()


def key_of(record: Command) -> bytes | None:
    key = record.get("key")
    return None if key is None else str(key).encode()


def headers_of(record: Command) -> list[tuple[str, bytes]]:
    return [(name, str(value).encode()) for name, value in record.get("headers", [])]


def emit_record(
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes]],
    timestamp_ms: int,
) -> None:
    """Write one consumed record."""
    emit(
        partition=partition,
        offset=offset,
        key=None if key is None else key.decode(),
        value=None if value is None else value.decode(),
        headers=[[name, content.decode()] for name, content in headers],
        timestamp=timestamp_ms,
    )


def run(actions: dict[str, Callable[[Command], None]]) -> None:
    """Do what the command says."""
    command: Command = json.loads(sys.argv[1])
    actions[command["do"]](command)

"""Where to start reading, as people type it: ``-o beginning|end|OFFSET|-LAST|@TIME``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from raftkafka.client.errors import ClientError

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
AGO = re.compile(r"-(\d+)(ms|s|m|h|d)")


class Kind(Enum):
    """What the number of a ``Start`` means."""

    BEGINNING = auto()
    END = auto()
    OFFSET = auto()
    LAST = auto()
    """So many records before the end of each partition."""
    TIMESTAMP = auto()
    """Ms since 1970: the first record at or after it."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where to start in each partition."""

    kind: Kind
    number: int = 0


BEGINNING = Start(Kind.BEGINNING)
END = Start(Kind.END)


def parse_start(text: str, now_ms: int) -> Start:
    """Read a start.

    Args:
        text: beginning, end, an offset, ``-N`` for the last N of each partition, or ``@TIME``:
            ms since 1970, ISO 8601 (local without a zone), or ``@-15m`` for a time ago.
        now_ms: what times ago count from.

    Raises:
        ClientError: it is none of these.
    """
    if text in ("beginning", "earliest", "start"):
        return BEGINNING
    if text in ("end", "latest"):
        return END
    if text.startswith("@"):
        return Start(Kind.TIMESTAMP, _timestamp_ms(text[1:], now_ms))
    try:
        number = int(text)
    except ValueError:
        raise ClientError(
            f"{text!r} is no offset",
            hint="beginning, end, an offset, -N for the last N, @TIME or @-15m",
        ) from None
    return Start(Kind.LAST, -number) if number < 0 else Start(Kind.OFFSET, number)


def _timestamp_ms(text: str, now_ms: int) -> int:
    ago = AGO.fullmatch(text)
    if ago is not None:
        return max(now_ms - int(ago[1]) * UNITS_MS[ago[2]], 0)
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ClientError(
            f"@{text} is no time", hint="ms since 1970, 2024-05-01T12:00:00Z, or @-15m"
        ) from None
    return round(moment.timestamp() * 1000)

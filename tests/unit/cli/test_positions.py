"""Where to start reading, as it is typed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from raftkafka.cli.positions import BEGINNING, END, Kind, Start, parse_start
from raftkafka.client.errors import ClientError

NOW_MS = 1_700_000_000_000
NOON_MS = round(datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("beginning", BEGINNING),
        ("earliest", BEGINNING),
        ("end", END),
        ("17", Start(Kind.OFFSET, 17)),
        ("0", Start(Kind.OFFSET, 0)),
        ("-2000", Start(Kind.LAST, 2000)),
        ("@1650000000000", Start(Kind.TIMESTAMP, 1_650_000_000_000)),
        ("@2024-05-01T12:00:00Z", Start(Kind.TIMESTAMP, NOON_MS)),
        ("@2024-05-01T14:00:00+02:00", Start(Kind.TIMESTAMP, NOON_MS)),
        ("@-15m", Start(Kind.TIMESTAMP, NOW_MS - 900_000)),
        ("@-2d", Start(Kind.TIMESTAMP, NOW_MS - 172_800_000)),
        ("@-90000d", Start(Kind.TIMESTAMP, 0)),
    ],
)
def test_a_start(text: str, start: Start) -> None:
    assert parse_start(text, NOW_MS) == start


@pytest.mark.parametrize("text", ["", "somewhere", "1.5", "@", "@yesterday", "@-5x"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ClientError) as failure:
        parse_start(text, NOW_MS)
    assert failure.value.hint, "says what would be one"

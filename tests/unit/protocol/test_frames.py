"""Headers and frames."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest

from raftkafka.errors import Malformed
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import (
    RequestHeader,
    frame,
    parse_request_header,
    parse_response_header,
    request_frame,
)
from raftkafka.protocol.messages.groups import HeartbeatRequest


def header(api_key: int, version: int, client_id: bytes | None, rest: bytes = b"") -> memoryview:
    length = -1 if client_id is None else len(client_id)
    return memoryview(pack(">hhih", api_key, version, 7, length) + (client_id or b"") + rest)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        pytest.param(header(0, 8, b"me"), RequestHeader(0, 8, 7, "me", 12), id="v1"),
        pytest.param(header(0, 8, None), RequestHeader(0, 8, 7, None, 10), id="v1, no client id"),
        pytest.param(header(0, 9, b"me", b"\0"), RequestHeader(0, 9, 7, "me", 13), id="v2"),
        pytest.param(
            header(0, 9, b"", b"\1\x05\2ab"), RequestHeader(0, 9, 7, "", 15), id="v2, unknown tag"
        ),
        pytest.param(header(17, 1, b""), RequestHeader(17, 1, 7, "", 10), id="never flexible"),
        pytest.param(
            header(18, 99, b"x", b"\0"),
            RequestHeader(18, 99, 7, "x", 12),
            id="a version to come is told so, thus its header is read",
        ),
    ],
)
def test_request_header(wire: memoryview, expected: RequestHeader) -> None:
    assert parse_request_header(wire) == expected
    behind_size = memoryview(b"size" + wire)
    moved = expected._replace(body_position=expected.body_position + 4)
    assert parse_request_header(behind_size, 4) == moved


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(memoryview(b""), id="nothing"),
        pytest.param(header(0, 8, b"me")[:-3], id="cut in the correlation id"),
        pytest.param(header(0, 8, b"me")[:-1], id="cut in the client id"),
        pytest.param(header(0, 9, b"me"), id="no tags"),
        pytest.param(header(0, 9, b"me", b"\1\1"), id="cut in the tags"),
        pytest.param(header(0, 9, b"me", b"\1\1\x7f"), id="tag beyond the frame"),
        pytest.param(header(0, 8, b"\xff"), id="not UTF-8"),
        pytest.param(header(999, 0, b"me"), id="unknown API"),
        pytest.param(header(4, 0, b"me"), id="API between brokers of old"),
        pytest.param(memoryview(pack(">hhih", 0, 8, 7, -2)), id="length of -2"),
    ],
)
def test_malformed_request_header(wire: memoryview) -> None:
    with pytest.raises(Malformed):
        parse_request_header(wire)


class FileRange:
    """Records that stay on disk."""

    def __len__(self) -> int:
        return 1000


def test_response_frame() -> None:
    records = FileRange()
    assert frame(7, 0, []) == [bytes.fromhex("00000004 00000007")]
    assert frame(7, 1, [b"ab"]) == [bytes.fromhex("00000007 00000007 00") + b"ab"]
    parts: list[Any] = frame(-1, 0, [b"ab", records, b"c"])
    assert parts == [pack(">ii", 1007, -1) + b"ab", records, b"c"]
    assert frame(7, 0, [records]) == [pack(">ii", 1004, 7), records]


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("client_id", [None, "mé"])
def test_request_frame_is_what_the_broker_reads(version: int, client_id: str | None) -> None:
    request = HeartbeatRequest(group_id="g", member_id="m")
    wire = b"".join(
        part for part in request_frame(request, version, 9, client_id) if isinstance(part, bytes)
    )
    assert int.from_bytes(wire[:4], "big") == len(wire) - 4
    parsed = parse_request_header(memoryview(wire), 4)
    assert parsed[:4] == (12, version, 9, client_id)
    assert decode(HeartbeatRequest, version, wire, parsed.body_position) == (request, len(wire))


def test_response_header() -> None:
    assert parse_response_header(memoryview(pack(">ii", 8, -2) + b"body"), 0, 4) == (-2, 8)
    assert parse_response_header(memoryview(pack(">i", 5) + b"\0"), 1) == (5, 5)
    assert parse_response_header(memoryview(pack(">i", 5) + b"\1\1\2ab"), 1) == (5, 9)
    for cut in (b"", b"\0\0\0", pack(">i", 5), pack(">i", 5) + b"\1\1\2a"):
        with pytest.raises(Malformed):
            parse_response_header(memoryview(cut), 1)

"""Commands as the log holds them: one byte for their kind, then the content.

The kinds are PySyncObj's where it has one; its membership and version commands (2 and 3,
pickled) do not exist here.

    0  command
    1  no-op, which opens a term
    4  session u64, sequence u64, command: applied once however often it is proposed
    5  voter u32, directory id (16 bytes): from here on that folder votes for the voter
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_PLAIN = b"\x00"
NO_OP = b"\x01"
_NUMBERED = b"\x04"
_READMISSION = b"\x05"
_REQUEST = struct.Struct(">QQ")
_SEAT = struct.Struct(">I16s")


class RequestId(NamedTuple):
    """Names a proposal for good, so that a retry is recognized.

    ``session`` is the index of an entry that its owner once got committed (a broker: its
    registration), so no two owners share one. ``sequence`` counts the owner's proposals
    from 0.
    """

    session: int
    sequence: int


def wrap(command: bytes, request: RequestId | None) -> bytes:
    """Return the command as the log holds it."""
    if request is None:
        return _PLAIN + command
    return _NUMBERED + _REQUEST.pack(*request) + command


def unwrap(held: bytes) -> tuple[bytes, RequestId | None] | None:
    """Return the command and its id, or None for a no-op."""
    kind = held[:1]
    if kind == _PLAIN:
        return held[1:], None
    if kind == _NUMBERED:
        content = 1 + _REQUEST.size
        return held[content:], RequestId(*_REQUEST.unpack_from(held, 1))
    assert held == NO_OP, held[:16]
    return None


def readmission(voter: int, directory_id: bytes) -> bytes:
    """Return the entry that seats a voter's folder."""
    return _READMISSION + _SEAT.pack(voter, directory_id)


def read_readmission(held: bytes) -> tuple[int, bytes] | None:
    """Return (voter, directory id), or None for an entry of another kind."""
    if held[:1] != _READMISSION:
        return None
    voter, directory_id = _SEAT.unpack_from(held, 1)
    return voter, directory_id


def is_command(value: object) -> bool:
    """Whether a value from a peer is a command as the log holds it."""
    if not isinstance(value, bytes):
        return False
    kind = value[:1]
    if kind == _NUMBERED:
        return len(value) > _REQUEST.size
    if kind == _READMISSION:
        return len(value) == 1 + _SEAT.size
    return kind == _PLAIN or value == NO_OP

"""Commands as the log holds them: one byte for their kind, then the content.

The kinds are PySyncObj's where it has one; its membership and version commands (2 and 3,
pickled) do not exist here.

    0  command
    1  no-op, which opens a term
    4  session u64, sequence u64, command: applied once however often it is proposed
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_PLAIN = b"\x00"
NO_OP = b"\x01"
_NUMBERED = b"\x04"
_REQUEST = struct.Struct(">QQ")


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


def is_command(value: object) -> bool:
    """Whether a value from a peer is a command as the log holds it."""
    if not isinstance(value, bytes):
        return False
    kind = value[:1]
    if kind == _NUMBERED:
        return len(value) > _REQUEST.size
    return kind == _PLAIN or value == NO_OP

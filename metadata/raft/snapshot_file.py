"""The snapshot: one file, replaced atomically, and sent to peers as it is.

magic (8 bytes), meta length u32, state length u64, CRC-32C u32, meta, state
meta  := CBOR [index, term, voters, sessions, seats]
state := what the state machine gave
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple, cast

import cbor2
from crc32c import crc32c

from metadata.raft.identity import Seats, seats_from_cbor, seats_to_cbor

MAGIC = b"RKSNAP\x00\x02"
_HEADER = struct.Struct("<8sIQI")
_LENGTHS = struct.Struct("<IQ")


class DamagedSnapshot(Exception):
    """The bytes are no whole snapshot."""


class Snapshot(NamedTuple):
    """State after entry ``last_index``, whose term was ``term``."""

    last_index: int
    term: int
    voters: tuple[int, ...]
    sessions: list[object]
    """What ``Sessions.encode`` gave."""
    seats: Seats
    """Which folders vote."""
    state: bytes


def encode(
    index: int,
    term: int,
    voters: Sequence[int],
    sessions: list[object],
    seats: Seats,
    chunks: Sequence[bytes],
) -> bytes:
    """Return the file of a snapshot whose state is ``chunks``, joined."""
    meta = cbor2.dumps([index, term, list(voters), sessions, seats_to_cbor(seats)])
    state = b"".join(chunks)
    crc = _crc(meta, state)
    return _HEADER.pack(MAGIC, len(meta), len(state), crc) + meta + state


def decode(content: bytes) -> Snapshot:
    """Read a snapshot.

    Raises:
        DamagedSnapshot: it is not whole, or of another format.
    """
    if len(content) < _HEADER.size:
        raise DamagedSnapshot("it is cut short")
    magic, meta_length, state_length, crc = _HEADER.unpack_from(content)
    if magic != MAGIC:
        raise DamagedSnapshot("it is not of a format that this version knows")
    if len(content) != _HEADER.size + meta_length + state_length:
        raise DamagedSnapshot("its length does not match")
    meta = content[_HEADER.size : _HEADER.size + meta_length]
    state = content[_HEADER.size + meta_length :]
    if crc != _crc(meta, state):
        raise DamagedSnapshot("its checksum does not match")
    try:
        index, term, voters, sessions, seats = cast(
            "tuple[int, int, list[int], list[object], object]", cbor2.loads(meta)
        )
        known = seats_from_cbor(seats)
        return Snapshot(index, term, tuple(voters), sessions, known, state)
    except (cbor2.CBORError, TypeError, ValueError):
        raise DamagedSnapshot("its first part is not what this version writes") from None


def _crc(meta: bytes, state: bytes) -> int:
    return crc32c(state, crc32c(meta, crc32c(_LENGTHS.pack(len(meta), len(state)))))

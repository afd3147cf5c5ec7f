"""Frames of the journal: what is written and synced at once is one frame, whole or absent.

    frame  := header, body
    header := body length u32, body CRC-32C u32, header CRC-32C u32, magic (4 bytes)
    body   := CBOR array of records, end mark (1 byte)

Both checksums are seeded with the segment's salt and the frame's position, so a frame
inside a command, or one copied to another place, is never taken for one of the journal.

Segments are zero-filled and synced before use and one frame is in flight at a time. So a
write that a crash tore shows as zeros where bytes should be: at the end (cut short; header
and body both end in a mark that is not zero) or in a whole sector (written out of order).
Anything else that does not check is damage. The idea of the zero sectors is etcd's
(``wal.decoder.isTornEntry``).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import cbor2
from crc32c import crc32c

MAGIC = b"\x9cQJ\xb5"
END_MARK = b"\xff"
SECTOR_BYTES = 512
_HEADER = struct.Struct("<III4s")
_CHECKED = struct.Struct("<QII")
_POSITION = struct.Struct("<Q")
HEADER_BYTES = _HEADER.size

Record = list[object]


class DamagedFrame(Exception):
    """Bytes at ``position`` that no crash can leave behind."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


class Scan(NamedTuple):
    """The whole frames of one segment."""

    frames: list[tuple[int, list[Record]]]
    """(position, records) of each."""
    end: int
    """Where the next frame goes."""
    torn_bytes: int
    """Bytes from ``end`` on that a torn write left."""


def encode(records: list[Record], salt: bytes, position: int) -> bytes:
    """Return the frame of ``records`` to be written at ``position``."""
    body = cbor2.dumps(records) + END_MARK
    body_crc = _body_crc(body, salt, position)
    header_crc = _header_crc(len(body), body_crc, salt, position)
    return _HEADER.pack(len(body), body_crc, header_crc, MAGIC) + body


class First(NamedTuple):
    """The frame at the start of a segment."""

    records: list[Record]
    end: int


def first(data: bytes, salt: bytes) -> First:
    """Read the frame at position 0.

    Raises:
        DamagedFrame: it is not whole: it was written with its file, so no crash explains it.
    """
    frame = _decode(data, salt, 0)
    if frame is None:
        raise DamagedFrame(0, "the segment's header does not check")
    return First(*frame)


def scan(data: bytes, salt: bytes, start: int) -> Scan:
    """Read every frame of a segment from ``start``.

    Raises:
        DamagedFrame: bytes that are neither frames, nor a torn last write, nor zeros.
    """
    used = len(data.rstrip(b"\0"))
    frames: list[tuple[int, list[Record]]] = []
    position = start
    while position < used:
        frame = _decode(data, salt, position)
        if frame is None:
            _check_torn(data, salt, position, used)
            return Scan(frames, position, used - position)
        records, end = frame
        frames.append((position, records))
        position = end
    return Scan(frames, position, 0)


def _decode(data: bytes, salt: bytes, position: int) -> tuple[list[Record], int] | None:
    length = _body_length(data, salt, position)
    if length is None:
        return None
    end = position + HEADER_BYTES + length
    body = data[position + HEADER_BYTES : end]
    if (
        len(body) < length
        or _body_crc(body, salt, position) != _HEADER.unpack_from(data, position)[1]
    ):
        return None
    return cbor2.loads(body[: -len(END_MARK)]), end


def _body_length(data: bytes, salt: bytes, position: int) -> int | None:
    """Return the body length that a valid header at ``position`` gives."""
    if position + HEADER_BYTES > len(data):
        return None
    length, body_crc, header_crc, magic = _HEADER.unpack_from(data, position)
    if magic != MAGIC or header_crc != _header_crc(length, body_crc, salt, position):
        return None
    return int(length)


def _check_torn(data: bytes, salt: bytes, position: int, used: int) -> None:
    """Raise unless the bytes from ``position`` can be what a torn write left."""
    if position + HEADER_BYTES > len(data):
        raise DamagedFrame(position, "bytes where no frame has room")
    length = _body_length(data, salt, position)
    if length is None:
        extent_end = max(used, position + HEADER_BYTES)
        cut_short = used < position + HEADER_BYTES
    else:
        extent_end = position + HEADER_BYTES + length
        cut_short = used < extent_end
    if used > extent_end:
        raise DamagedFrame(position, "a bad frame with bytes after it")
    if not cut_short and not _has_lost_sector(data, position, extent_end):
        raise DamagedFrame(position, "the checksum does not match and no torn write explains it")
    later = data.find(MAGIC, position + HEADER_BYTES)
    while later >= 0:
        if _decode(data, salt, later - HEADER_BYTES + len(MAGIC)) is not None:
            raise DamagedFrame(position, "a bad frame with a good one after it")
        later = data.find(MAGIC, later + 1)


def _has_lost_sector(data: bytes, start: int, end: int) -> bool:
    """Whether a sector of the extent, or the part of one that it begins in, was never written."""
    boundary = (start // SECTOR_BYTES + 1) * SECTOR_BYTES
    return (
        not any(data[start : min(boundary, end)]) or data.find(bytes(SECTOR_BYTES), start, end) >= 0
    )


def _body_crc(body: bytes, salt: bytes, position: int) -> int:
    return crc32c(body, crc32c(salt + _POSITION.pack(position)))


def _header_crc(length: int, body_crc: int, salt: bytes, position: int) -> int:
    return crc32c(salt + _CHECKED.pack(position, length, body_crc))

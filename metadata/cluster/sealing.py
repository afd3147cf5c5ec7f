"""Frames of an authenticated connection: bounded, in order, and unchanged.

    frame := body length u32, body, MAC (16 bytes)

The MAC is keyed BLAKE2b over the frame's number (u64, from 0, not sent), its length and its body,
so a frame that was changed, repeated, left out or moved does not check. A frame that is too long
is refused by its first four bytes, before anything is kept of it.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable
from hashlib import blake2b

from raftkafka.errors import Malformed

MAC_BYTES = 16
_LENGTH = struct.Struct(">I")
_NUMBERED = struct.Struct(">QI")
LENGTH_BYTES = _LENGTH.size
OVERHEAD_BYTES = LENGTH_BYTES + MAC_BYTES

FRAME_BYTES_MAX = 1 << 25
"""The largest body: more than the largest request a client may have forwarded needs."""
FIRST_FRAME_BYTES_MAX = 1 << 13
"""The largest body before the peer is known: it holds an identity, or an answer to one."""


class Sealer:
    """Makes the frames of one direction."""

    def __init__(self, key: bytes) -> None:
        self._mac = blake2b(key=key, digest_size=MAC_BYTES)
        self._count = 0

    def seal(self, bodies: Iterable[bytes]) -> bytes:
        """Return the frames of ``bodies``, to be sent at once and in this order."""
        parts: list[bytes] = []
        for body in bodies:
            length = len(body)
            mac = self._mac.copy()
            mac.update(_NUMBERED.pack(self._count, length))
            mac.update(body)
            self._count += 1
            parts += (_LENGTH.pack(length), body, mac.digest())
        return b"".join(parts)


class Opener:
    """Reads the frames of one direction, in pieces as they come.

    ``body_bytes_max`` may be raised once the peer is known.
    """

    def __init__(self, key: bytes, body_bytes_max: int = FIRST_FRAME_BYTES_MAX) -> None:
        self._mac = blake2b(key=key, digest_size=MAC_BYTES)
        self._count = 0
        self._pending = bytearray()
        self._position = 0
        self.body_bytes_max = body_bytes_max

    def feed(self, data: bytes | bytearray) -> None:
        """Take bytes that arrived."""
        self._pending += data

    def next_body(self) -> bytes | None:
        """Return the next body, or None before all of it arrived.

        Raises:
            Malformed: a frame is too long, or was not made by the peer as the next one.
        """
        start = self._position + LENGTH_BYTES
        if len(self._pending) < start:
            self._drop_taken()
            return None
        (length,) = _LENGTH.unpack_from(self._pending, self._position)
        if length > self.body_bytes_max:
            raise Malformed(f"a frame of {length} bytes, and {self.body_bytes_max} are allowed")
        end = start + length
        if len(self._pending) < end + MAC_BYTES:
            self._drop_taken()
            return None
        body = bytes(self._pending[start:end])
        self._check(body, self._pending[end : end + MAC_BYTES])
        self._position = end + MAC_BYTES
        return body

    def _drop_taken(self) -> None:
        del self._pending[: self._position]
        self._position = 0

    def _check(self, body: bytes, mac: bytearray) -> None:
        expected = self._mac.copy()
        expected.update(_NUMBERED.pack(self._count, len(body)))
        expected.update(body)
        self._count += 1
        if not hmac.compare_digest(expected.digest(), mac):
            raise Malformed("a frame that the peer did not send as its next one")

"""The proof that both ends of a connection hold the cluster's secret.

    dialler   -> listener   hello := magic (4 bytes), version u16, nonce (32 bytes)
    listener  -> dialler    hello
    dialler   -> listener   proof (32 bytes), then sealed frames (``sealing``)
    listener  -> dialler    proof (32 bytes), then sealed frames

A proof is HMAC-SHA256 of the secret over its sender's part and both hellos. Both nonces are in
it, so nothing recorded is of use on another connection; the part is in it, so nothing can be sent
back to who made it. The listener proves itself second: a stranger gets nothing to guess at. The
keys of the two directions are made in the same way. Nothing is decoded before the proof held.
"""

from __future__ import annotations

import hmac
import struct
from enum import Enum

VERSION = 1
MAGIC = b"RKc\x1a"
NONCE_BYTES = 32
PROOF_BYTES = 32
_HELLO = struct.Struct(f">4sH{NONCE_BYTES}s")
HELLO_BYTES = _HELLO.size
DIGEST = "sha256"


class Part(Enum):
    """Which end of a connection."""

    DIALLER = b"dialler"
    LISTENER = b"listener"


class HandshakeFailed(Exception):
    """The other end is no node of this cluster; the text says why."""


def hello(nonce: bytes) -> bytes:
    """Return the first bytes that an end sends; ``nonce`` is fresh for each connection."""
    return _HELLO.pack(MAGIC, VERSION, nonce)


def check_hello(data: bytes) -> None:
    """Look at the other end's first ``HELLO_BYTES``.

    Raises:
        HandshakeFailed: they are not this protocol's, or of another version.
    """
    magic, version, _ = _HELLO.unpack(data)
    if magic != MAGIC:
        raise HandshakeFailed("it does not speak the cluster's protocol")
    if version != VERSION:
        raise HandshakeFailed(
            f"it speaks version {version} of the cluster's protocol, and this node version "
            f"{VERSION}: run releases of raftkafka that go together"
        )


class Agreement:
    """What both ends know once the hellos are exchanged.

    Args:
        secret: the cluster's; empty where something else authenticates, or nothing needs to.
        dialler_hello: as sent by the end that dialled.
        listener_hello: as sent by the other end.
    """

    def __init__(self, secret: bytes, dialler_hello: bytes, listener_hello: bytes) -> None:
        self._secret = secret
        self._hellos = dialler_hello + listener_hello

    def proof(self, part: Part) -> bytes:
        """Return what ``part`` sends to prove that it holds the secret."""
        return self._derive(b"proof", part)

    def check_proof(self, part: Part, proof: bytes) -> None:
        """Compare, in constant time, what the other end sent.

        Raises:
            HandshakeFailed: it does not hold the secret, or repeats another connection's bytes.
        """
        if not hmac.compare_digest(self.proof(part), proof):
            raise HandshakeFailed(
                "its secret is another: give all nodes the same content of cluster.secret.file"
            )

    def key(self, part: Part) -> bytes:
        """Return the key of the frames that ``part`` sends."""
        return self._derive(b"frames", part)

    def _derive(self, purpose: bytes, part: Part) -> bytes:
        label = b"raftkafka cluster " + purpose + b" of " + part.value + b"\0"
        return hmac.digest(self._secret, label + self._hellos, DIGEST)

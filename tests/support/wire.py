"""Kafka requests by hand, so that a test does not lean on the codec that it tests."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

API_VERSIONS = 18
LOOPBACK = "127.0.0.1"


def frame(api_key: int, version: int, body: bytes, correlation_id: int = 1) -> bytes:
    """Return a request with header v1 and a null client id, size first."""
    content = struct.pack(">hhih", api_key, version, correlation_id, -1) + body
    return struct.pack(">i", len(content)) + content


def read_exactly(connection: socket.socket, count: int) -> bytes:
    """Read ``count`` bytes.

    Raises:
        ConnectionError: the peer closed before that.
    """
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionError("closed by the peer")
        parts += part
    return bytes(parts)


def read_response(connection: socket.socket) -> bytes:
    """Return one response without its size."""
    (size,) = struct.unpack(">i", read_exactly(connection, 4))
    return read_exactly(connection, size)


def call(port: int, api_key: int, version: int, body: bytes, timeout_s: float = 5.0) -> bytes:
    """Send one request on a connection of its own; return the response body (header v0)."""
    with socket.create_connection((LOOPBACK, port), timeout_s) as connection:
        connection.sendall(frame(api_key, version, body))
        return read_response(connection)[4:]


def is_serving(port: int) -> bool:
    """Whether a broker answers ApiVersions on ``port``."""
    try:
        return call(port, API_VERSIONS, 0, b"", timeout_s=2.0)[:2] == b"\0\0"
    except OSError:
        return False


def until(condition: Callable[[], bool], what: str, deadline_s: float = 30.0) -> None:
    """Wait for ``condition``.

    Raises:
        TimeoutError: ``what`` did not come about in ``deadline_s``.
    """
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {deadline_s} s still not: {what}")
        time.sleep(0.01)

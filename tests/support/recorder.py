"""A TCP proxy before a broker that notes which API versions each client uses."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable

from tests.support.wire import LOOPBACK

CHUNK_BYTES = 1 << 18
HEADER = struct.Struct(">ihh")
"""Of a request: size, API key, API version."""


class RequestStream:
    """Finds the request headers in a stream of bytes, whatever its chunks."""

    def __init__(self, on_request: Callable[[tuple[int, int]], None]) -> None:
        self._on_request = on_request
        self._head = bytearray()
        self._skip = 0

    def feed(self, chunk: bytes) -> None:
        position = 0
        while position < len(chunk):
            if self._skip:
                step = min(self._skip, len(chunk) - position)
                self._skip -= step
                position += step
                continue
            take = HEADER.size - len(self._head)
            self._head += chunk[position : position + take]
            position += take
            if len(self._head) == HEADER.size:
                size, key, version = HEADER.unpack(self._head)
                self._on_request((key, version))
                self._skip = max(0, size - 4)
                self._head.clear()


class Recorder:
    """Listens on ``port`` and passes everything to ``target_port``.

    ``seen[label]`` holds the (API key, version) pairs sent while ``label`` was set. While the
    broker is down, connections are closed as soon as they are made.
    """

    def __init__(self) -> None:
        self.target_port = 0
        self.label = ""
        self.seen: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self._listener = socket.create_server((LOOPBACK, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def close(self) -> None:
        """Accept no more; what is connected ends with its peers."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection((LOOPBACK, self.target_port), 5)
            except OSError:
                client.close()
                continue
            broker.settimeout(None)
            for end in (client, broker):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            requests = RequestStream(self.seen[self.label].add)
            threading.Thread(target=pump, args=(client, broker, requests), daemon=True).start()
            threading.Thread(target=pump, args=(broker, client), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket, requests: RequestStream | None = None) -> None:
    """Copy until either end closes, then close both."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            if requests:
                requests.feed(chunk)
            sink.sendall(chunk)
    for end in (source, sink):  # the other direction comes here too and finds them shut down
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()

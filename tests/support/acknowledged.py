"""A load that remembers what was acknowledged, and the check that all of it is there.

Every value is sent once and never again, so that after any crash it may be in the log at most
once, and exactly once, at the offset it was given, if it was acknowledged.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from random import Random

from tests.support.batches import batch
from tests.support.requests import parse_produced, produce_request, read_log
from tests.support.wire import LOOPBACK, read_response, until

WINDOW = 8
"""Requests in flight on one connection."""
RECORDS_MAX = 4
VALUE_BYTES_MAX = 400


class Writer:
    """Writes to one partition on one connection until the broker dies or ``stop``."""

    def __init__(self, topic: str, partition: int, random: Random) -> None:
        self.topic = topic
        self.partition = partition
        self.acknowledged: dict[int, bytes] = {}
        self.sent: list[bytes] = []
        self.refusals: set[int] = set()
        """Error codes; after the first one it writes no more."""
        self._random = random
        self._checked = 0
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self, port: int) -> None:
        """Write in a thread of its own."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send no more, take in what is in flight, and end."""
        self._stopping = True
        assert self._thread
        self._thread.join(30)
        assert not self._thread.is_alive(), "the broker neither answers nor closes"

    def _run(self, port: int) -> None:
        flight: deque[list[bytes]] = deque()
        with (
            contextlib.suppress(OSError),  # the broker died: what was in flight is unknown
            socket.create_connection((LOOPBACK, port), 10) as connection,
        ):
            while not self._stopping or flight:
                while len(flight) < WINDOW and not self._stopping:
                    flight.append(self._values())
                    request = produce_request(self.topic, self.partition, batch(flight[-1]))
                    connection.sendall(request)
                produced = parse_produced(read_response(connection))
                if produced.error:
                    self.refusals.add(produced.error)
                    return
                for n, value in enumerate(flight.popleft()):
                    self.acknowledged[produced.base_offset + n] = value

    def _values(self) -> list[bytes]:
        count = 1 + self._random.randrange(RECORDS_MAX)
        first = len(self.sent)
        values = [
            b"%d/%d " % (self.partition, first + n) + b"." * self._random.randrange(VALUE_BYTES_MAX)
            for n in range(count)
        ]
        self.sent += values
        return values

    def check(self, port: int, from_the_beginning: bool = False) -> None:
        """Assert that everything acknowledged is there once, in order, and nothing made up."""
        start = 0 if from_the_beginning else self._checked
        log = read_log(port, self.topic, self.partition, start)
        found = dict(log)
        assert [offset for offset, _ in log] == list(range(start, start + len(log))), "no gaps"
        for offset, value in self.acknowledged.items():
            if offset >= start:
                assert found.get(offset) == value, f"{self.topic}-{self.partition} @{offset}"
        numbers = [int(value.split(b" ")[0].split(b"/")[1]) for _, value in log]
        assert numbers == sorted(set(numbers)), "in the order of sending, each once"
        assert all(self.sent[n] == value for n, (_, value) in zip(numbers, log, strict=True))
        self._checked = start + len(log)


def start_load(writers: list[Writer], port: int) -> None:
    """Let all write, and wait until something more is acknowledged."""
    before = acknowledged(writers)
    for writer in writers:
        writer.start(port)
    until(lambda: acknowledged(writers) > before or any(w.refusals for w in writers), "loaded")


def acknowledged(writers: list[Writer]) -> int:
    """Return the number of records acknowledged so far."""
    return sum(len(writer.acknowledged) for writer in writers)

"""A crowd of clients in one process: each writes a record, reads it back, and begins again.

Run as a program: ``crowd.py PORT TOPIC PARTITIONS CLIENTS SECONDS``; prints one JSON line.
Sans libraries: non-blocking sockets on one epoll, so that thousands of clients cost little.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator

from tests.support.batches import batch, batches_in, values_of
from tests.support.requests import fetch_request, parse_fetched, parse_produced, produce_request
from tests.support.wire import LOOPBACK

GRACE_S = 30.0
"""How long the last answers may take."""


class Member:
    """One client: a socket and a conversation that never ends by itself."""

    def __init__(self, port: int, topic: str, partition: int, number: int) -> None:
        self.rounds = 0
        self.latencies_s: list[float] = []
        self._topic, self._partition, self._number = topic, partition, number
        self._inbox = bytearray()
        self._asked_at = 0.0
        self.connection = socket.create_connection((LOOPBACK, port), 30)
        self.connection.setblocking(False)
        self._talk = self._conversation()

    def begin(self) -> None:
        """Send the first request."""
        self._send(next(self._talk))

    def _send(self, request: bytes) -> None:
        self._asked_at = time.monotonic()
        sent = self.connection.send(request)
        assert sent == len(request), "requests are small; the socket takes them whole"

    def _conversation(self) -> Iterator[bytes]:
        while True:
            value = b"%d/%d" % (self._number, self.rounds)
            yield produce_request(self._topic, self._partition, batch([value]))
            produced = parse_produced(self._response)
            assert produced.error == 0, f"Produce: error {produced.error}"
            offset = produced.base_offset
            yield fetch_request(self._topic, self._partition, offset, max_bytes=200)
            fetched = parse_fetched(self._response)
            assert fetched.error == 0, f"Fetch: error {fetched.error}"
            assert fetched.high_watermark > offset
            first = next(batches_in(fetched.records))
            assert (offset, value) in values_of(first), "what was written is read"
            self.rounds += 1

    def on_readable(self, go_on: bool) -> bool:
        """Take in bytes; return whether a response was completed."""
        part = self.connection.recv(65536)
        assert part, "the broker closed the connection"
        self._inbox += part
        if len(self._inbox) < 4:
            return False
        (size,) = struct.unpack_from(">i", self._inbox)
        if len(self._inbox) < 4 + size:
            return False
        self._response = bytes(self._inbox[4 : 4 + size])
        del self._inbox[: 4 + size]
        self.latencies_s.append(time.monotonic() - self._asked_at)
        request = next(self._talk)
        if go_on:
            self._send(request)
        return True


def main(port: int, topic: str, partitions: int, clients: int, seconds: float) -> None:
    members: dict[int, Member] = {}
    poll = select.epoll()
    for number in range(clients):
        member = Member(port, topic, number % partitions, number)
        members[member.connection.fileno()] = member
        poll.register(member.connection, select.EPOLLIN)
    start = time.monotonic()
    for member in members.values():
        member.begin()
    waiting = len(members)
    while waiting and time.monotonic() < start + seconds + GRACE_S:
        go_on = time.monotonic() < start + seconds
        for descriptor, _ in poll.poll(1.0):
            if members[descriptor].on_readable(go_on) and not go_on:
                waiting -= 1
    latencies = sorted(value for member in members.values() for value in member.latencies_s)
    result = {
        "unanswered": waiting,
        "requests": len(latencies),
        "fewest_rounds": min(member.rounds for member in members.values()),
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
        "max_ms": latencies[-1] * 1e3,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))

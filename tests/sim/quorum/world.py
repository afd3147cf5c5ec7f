"""Virtual time: a heap of events, and everything random from one seed."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from zlib import crc32

Event = Callable[[], None]

EVENTS_PER_S_MAX = 10_000
"""More are a loop, or a storm of messages; two thousand are usual."""


class World:
    """Runs events in the order of their times; a seed gives the same run every time."""

    def __init__(self, seed: int) -> None:
        self.now = 1000.0
        self.random = Random(seed)
        self.trace = 0
        """Hash of all that was noted so far: equal for equal runs."""
        self._heap: list[tuple[float, int, Event]] = []
        self._count = 0
        self._second = 0
        self._events_in_second = 0

    def at(self, time: float, event: Event) -> None:
        """Let an event happen at a time, after those already due then."""
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, event))

    def after(self, delay_s: float, event: Event) -> None:
        """Let an event happen in a while."""
        self.at(self.now + delay_s, event)

    def run_until(self, time: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Let virtual time pass until then, or until ``done``; say which."""
        while self._heap and self._heap[0][0] <= time:
            self.now, _, event = heapq.heappop(self._heap)
            self._count_event()
            event()
            if done():
                return True
        self.now = time
        return done()

    def _count_event(self) -> None:
        second = int(self.now)
        self._events_in_second = self._events_in_second + 1 if second == self._second else 1
        self._second = second
        if self._events_in_second > EVENTS_PER_S_MAX:
            raise RuntimeError("a loop, or a storm of messages")

    def note(self, *what: object) -> None:
        """Add to the trace."""
        self.trace = crc32(repr((round(self.now, 9), *what)).encode(), self.trace)

"""Virtual time: a heap of events, and everything random from one seed."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from zlib import crc32

Event = Callable[[], None]

EVENTS_AT_ONCE = 100_000
"""So many at one instant are a loop."""


class World:
    """Runs events in the order of their times; a seed gives the same run every time."""

    def __init__(self, seed: int) -> None:
        self.now = 1000.0
        self.random = Random(seed)
        self.trace = 0
        """Hash of all that was noted so far: equal for equal runs."""
        self._heap: list[tuple[float, int, Event]] = []
        self._count = 0
        self._at_once = 0

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
            event_time, _, event = heapq.heappop(self._heap)
            self._at_once = self._at_once + 1 if event_time == self.now else 0
            if self._at_once > EVENTS_AT_ONCE:
                raise RuntimeError("time stands still")
            self.now = event_time
            event()
            if done():
                return True
        self.now = time
        return done()

    def note(self, *what: object) -> None:
        """Add to the trace."""
        self.trace = crc32(repr((round(self.now, 9), *what)).encode(), self.trace)

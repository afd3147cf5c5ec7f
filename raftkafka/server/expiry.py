"""Deadlines of parked requests: one heap, entries that ended otherwise are swept now and then."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Protocol


class Expiring(Protocol):
    """Something that waits, but not for ever."""

    @property
    def done(self) -> bool:
        """Whether it ended before its deadline."""
        ...

    def expire(self) -> None:
        """Its deadline has passed."""
        ...


SWEEP_MIN = 1024


class Expiry:
    """Deadlines in seconds of the loop's clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Expiring]] = []
        self._sequence = count()
        self._sweep_at = SWEEP_MIN
        self.on_earlier: Callable[[float], None] | None = None
        """Called with the deadline of an entry that comes before all others."""

    def count_waiting(self) -> int:
        """Return how many wait."""
        return sum(not item.done for _, _, item in self._heap)

    def count_kept(self) -> int:
        """Return how many entries there are, those included that are done."""
        return len(self._heap)

    def add(self, deadline_s: float, item: Expiring) -> None:
        """Call ``item.expire()`` at the deadline unless it is done by then."""
        earlier = not self._heap or deadline_s < self._heap[0][0]
        heappush(self._heap, (deadline_s, next(self._sequence), item))
        if len(self._heap) >= self._sweep_at:
            self._sweep()
        if earlier and self.on_earlier is not None:
            self.on_earlier(deadline_s)

    def _sweep(self) -> None:
        """Drop what is done: most acknowledgements come long before their deadline."""
        self._heap = [entry for entry in self._heap if not entry[2].done]
        heapify(self._heap)
        self._sweep_at = max(SWEEP_MIN, 2 * len(self._heap))

    def next_deadline(self) -> float | None:
        """Return when ``expire`` has something to do, or None."""
        heap = self._heap
        while heap and heap[0][2].done:
            heappop(heap)
        return heap[0][0] if heap else None

    def expire(self, now_s: float) -> None:
        """End every item whose deadline has come."""
        heap = self._heap
        while heap and (heap[0][0] <= now_s or heap[0][2].done):
            item = heappop(heap)[2]
            if not item.done:
                item.expire()

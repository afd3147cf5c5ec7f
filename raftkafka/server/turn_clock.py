"""The time of a turn."""

from __future__ import annotations

from collections.abc import Callable


class TurnClock:
    """The time of the running turn, read once: in Kafka's milliseconds and the loop's seconds."""

    __slots__ = ("_monotonic", "_wall_ms", "now_ms", "now_s")

    def __init__(self, wall_ms: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self.tick()

    def tick(self) -> None:
        """Read both clocks."""
        self.now_ms = self._wall_ms()
        self.now_s = self._monotonic()

    def elapsed_s(self) -> float:
        """Return for how long the turn has run."""
        return self._monotonic() - self.now_s

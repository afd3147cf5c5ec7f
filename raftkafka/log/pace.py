"""How quickly a directory takes writes: one that is slow is written by a thread, not by the loop.

Pure. A write to the page cache takes microseconds, unless the kernel makes the writer wait for the
device, because it has too much to write back or is just syncing that file.
"""

from __future__ import annotations

SLOW_S = 0.020
QUICK_S = 0.0001
"""What a quick write takes at most on average, with a megabyte to copy."""
QUICK_ROUNDS = 10
"""So many quick rounds of writes in a row prove that a slow directory is quick again."""


class Pace:
    """Of one directory; all its logs share it."""

    __slots__ = ("_rounds_left", "is_slow")

    def __init__(self) -> None:
        self.is_slow = False
        self._rounds_left = 0

    def note(self, round_s: float, writes: int) -> None:
        """Take down how long some writes took together."""
        if is_slow(round_s, writes):
            self.is_slow = True
            self._rounds_left = QUICK_ROUNDS
        elif self.is_slow:
            self._rounds_left -= 1
            self.is_slow = self._rounds_left > 0


def is_slow(round_s: float, writes: int) -> bool:
    """Whether some writes took longer together than each may."""
    return round_s - QUICK_S * writes > SLOW_S

"""Lines about connections that were refused: as few as tell what goes on, however many come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

OTHERS = "others"
"""In place of an address, once too many are counted for each to have a line of its own."""


class Line(NamedTuple):
    """What to tell of one address."""

    address: str
    reason: str
    """Of the newest connection."""
    connections: int
    """How many were refused since the last line."""


@dataclass(slots=True)
class _Address:
    told_at: float
    untold: int = 0
    reason: str = ""


class Refusals:
    """Tells of an address's first refusal at once, and then of all in an interval together.

    Args:
        line_every_s: the interval.
        addresses_max: how many addresses are told apart.
    """

    def __init__(self, line_every_s: float, addresses_max: int = 128) -> None:
        self._line_every_s = line_every_s
        self._addresses_max = addresses_max
        self._addresses: dict[str, _Address] = {}

    def note(self, address: str, reason: str, now: float) -> Line | None:
        """Count a refusal; return the line that is due at once, if one is."""
        if address not in self._addresses and len(self._addresses) >= self._addresses_max:
            address = OTHERS
        known = self._addresses.get(address)
        if known is None:
            self._addresses[address] = _Address(now)
            return Line(address, reason, 1)
        known.untold += 1
        known.reason = reason
        return None

    def due(self, now: float) -> list[Line]:
        """Return the lines of intervals that are over, and forget addresses that are quiet."""
        over = [
            (address, known)
            for address, known in self._addresses.items()
            if now - known.told_at >= self._line_every_s
        ]
        lines: list[Line] = []
        for address, known in over:
            if known.untold:
                lines.append(Line(address, known.reason, known.untold))
                self._addresses[address] = _Address(now)
            else:
                del self._addresses[address]
        return lines

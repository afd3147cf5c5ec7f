"""Connections that are not authenticated yet: few at a time, and no address crowds out another."""

from __future__ import annotations

from collections import Counter


class Strangers:
    """Who waits at the door; when it is full, a newcomer takes an older one's place.

    The place is taken from the address that has most of them, so that a flood from one address
    costs the others nothing.

    Args:
        at_most: places.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._addresses: dict[int, str] = {}
        self._newest = 0

    def admit(self, address: str) -> tuple[int, int | None]:
        """Give a newcomer a place.

        Returns:
            Its number, and the number of the one that has to go for it.
        """
        victim = self._most_crowding() if len(self._addresses) >= self._at_most else None
        if victim is not None:
            del self._addresses[victim]
        self._newest += 1
        self._addresses[self._newest] = address
        return self._newest, victim

    def leave(self, number: int) -> None:
        """One is known now, or gone."""
        self._addresses.pop(number, None)

    def _most_crowding(self) -> int:
        counts = Counter(self._addresses.values())
        return max(self._addresses, key=lambda number: (counts[self._addresses[number]], -number))

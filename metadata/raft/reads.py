"""Linearizable reads without a log entry: ReadIndex (Raft thesis, 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

ReadDone = Callable[[int | None], None]
"""Gets the index that the reader may read at, or None if leadership was lost."""


class _Read(NamedTuple):
    round: int
    read_index: int
    done: ReadDone


class Reads:
    """Reads of one leadership that wait until a majority confirmed it after they began.

    Every read opens a round; messages to peers carry the newest round and answers echo it.
    """

    def __init__(self, majority: int) -> None:
        self.round = 0
        """Newest round; goes out with every message to a peer."""
        self._majority = majority
        self._confirmed: dict[int, int] = {}
        self._waiting: list[_Read] = []

    def begin(self, commit_index: int, done: ReadDone) -> None:
        """Start a read of everything committed by now."""
        self.round += 1
        self._waiting.append(_Read(self.round, commit_index, done))

    def confirm(self, voter: int, round_: int) -> None:
        """A voter answered a message of that round."""
        self._confirmed[voter] = max(self._confirmed.get(voter, 0), round_)

    def finish(self, applied_index: int) -> None:
        """Let go of the reads that are confirmed and whose entries are applied here."""
        if not self._waiting:
            return
        confirmed = self._confirmed_round(self._confirmed.values())
        while self._waiting:
            first = self._waiting[0]
            if first.round > confirmed or first.read_index > applied_index:
                return
            self._waiting.pop(0)
            first.done(first.read_index)

    def fail(self) -> None:
        """Leadership is over."""
        waiting, self._waiting = self._waiting, []
        self._confirmed.clear()
        for read in waiting:
            read.done(None)

    def _confirmed_round(self, peers: Iterable[int]) -> int:
        """Return the newest round that a majority, this leader included, has confirmed."""
        rounds = sorted([self.round, *peers], reverse=True)
        return rounds[self._majority - 1] if len(rounds) >= self._majority else 0

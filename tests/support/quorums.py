"""A quorum that a test commits by hand."""

from __future__ import annotations

from collections.abc import Callable

import trio

from metadata.errors import NotController, UnknownOutcome
from metadata.records import Record, encode_batch
from metadata.state_machine import StateMachine


class HandQuorum:
    """Orders proposals like the real one; they are committed when the test says so.

    ``prompt`` commits each at once.
    """

    def __init__(self, machine: StateMachine, *, prompt: bool = False) -> None:
        self._machine = machine
        self._index = 0
        self._outcomes: dict[int, bool] = {}
        self._changed = trio.Event()
        self.term: int | None = None
        self.prompt = prompt
        self.on_propose: Callable[[], None] = lambda: None
        self.waiting: list[tuple[int, int, bytes]] = []
        """(index, term, command) of what is not committed."""

    async def propose(self, command: bytes, term: int) -> int:
        if term != self.term:
            raise NotController
        self.on_propose()
        self._index += 1
        index = self._index
        self.waiting.append((index, term, command))
        await trio.lowlevel.checkpoint()
        if self.prompt:
            self.commit()
        while index not in self._outcomes:
            await self._changed.wait()
        if not self._outcomes[index]:
            raise UnknownOutcome
        return index

    def lead(self, term: int) -> None:
        """Make this node the leader of a term."""
        self.term = term
        self._machine.on_leader(term)

    def lose(self) -> None:
        """End the term; what is not committed is lost, and nobody knows."""
        self.term = None
        self._machine.on_leader(None)
        while self.waiting:
            self._end(self.waiting.pop(0)[0], committed=False)

    def commit(self, count: int = 1) -> None:
        """Commit the oldest proposals."""
        for _ in range(count):
            if self.waiting:
                index, term, command = self.waiting.pop(0)
                self._machine.apply(index, term, command)
                self._end(index, committed=True)

    def commit_records(self, *records: Record) -> None:
        """Commit a batch that another controller made, between terms of this one."""
        term, self.term = self.term, None
        self._machine.on_leader(None)
        self._index += 1
        self._machine.apply(self._index, (term or 0) + 1, encode_batch(records))
        self.lead((term or 0) + 2)

    def _end(self, index: int, *, committed: bool) -> None:
        self._outcomes[index] = committed
        self._changed.set()
        self._changed = trio.Event()

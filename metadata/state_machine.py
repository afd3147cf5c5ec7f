"""What the quorum applies its committed commands to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class StateMachine(Protocol):
    """Deterministic: equal commands in equal order give equal states on every node.

    All calls come from the event loop, one at a time, and return without waiting.
    """

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Take the committed command at ``index``. Any exception stops the process."""
        ...

    def snapshot(self) -> bytes | Iterable[bytes]:
        """Return the state after the last applied command, whole or in chunks.

        Chunks are drawn later, one at a time, between other work: they must show the
        state of this call even if commands are applied in between. Keep each one to a
        few milliseconds of work.
        """
        ...

    def restore(self, snapshot: bytes) -> None:
        """Replace the state by one that ``snapshot`` gave, its chunks joined."""
        ...

    def on_leader(self, term: int | None) -> None:
        """This node leads in ``term``, or (None) no longer.

        Leadership is told once every entry of earlier terms is applied here, so that
        new records can be built on the state. Proposals carry this term.
        """
        ...

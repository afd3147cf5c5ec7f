"""Messages on their way out, in two classes: those that a write to disk must precede."""

from __future__ import annotations

from metadata.raft.messages import AppendEntries, Message, SnapshotChunk

Addressed = tuple[int, Message]
"""(receiving node, message)."""


class Outbox:
    """Entries and snapshots promise nothing about the sender's disk and leave at once.

    Everything else (votes given or asked for, acknowledgements) leaves only when the
    journal records staged before it are durable.
    """

    def __init__(self) -> None:
        self._early: list[Addressed] = []
        self._late: list[Addressed] = []

    def send(self, node_id: int, message: Message) -> None:
        """Queue a message."""
        queue = self._early if isinstance(message, AppendEntries | SnapshotChunk) else self._late
        queue.append((node_id, message))

    def take_early(self) -> list[Addressed]:
        """Return what may leave now."""
        taken, self._early = self._early, []
        return taken

    def take_late(self) -> list[Addressed]:
        """Return what may leave once the records staged so far are durable."""
        taken, self._late = self._late, []
        return taken

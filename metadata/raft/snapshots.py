"""Snapshots to lagging peers, in chunks, one chunk in flight per peer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from metadata.raft.journal import Journal
from metadata.raft.messages import SnapshotAnswer, SnapshotChunk
from metadata.raft.outbox import Outbox
from metadata.raft.settings import RaftSettings
from metadata.raft.upstream import Upstream

RESEND_S = 1.0


class Content(NamedTuple):
    """A snapshot file as it is on disk, and the last entry that it covers."""

    last_index: int
    data: bytes


@dataclass(slots=True)
class _Outgoing:
    content: Content
    offset: int = 0
    sent: float = float("-inf")


class SnapshotSender:
    """The leader's side. The file is read by the driver, on demand, and shared by all peers."""

    def __init__(
        self,
        settings: RaftSettings,
        raft: Upstream,
        journal: Journal,
        outbox: Outbox,
        want_content: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._raft = raft
        self._journal = journal
        self._outbox = outbox
        self._want_content = want_content
        self._outgoing: dict[int, _Outgoing] = {}
        self._content: Content | None = None

    def send(self, now: float, node_id: int) -> None:
        """Send the next chunk, unless one is on its way."""
        outgoing = self._current(node_id)
        if outgoing is None or now - outgoing.sent < RESEND_S:
            return
        outgoing.sent = now
        content, offset = outgoing.content, outgoing.offset
        data = content.data[offset : offset + self._settings.snapshot_chunk_bytes]
        chunk = SnapshotChunk(self._raft.term, content.last_index, offset, len(content.data), data)
        self._outbox.send(node_id, chunk)

    def loaded(self, content: Content) -> None:
        """The driver read the file that ``want_content`` asked for."""
        self._content = content

    def on_answer(self, now: float, source: int, answer: SnapshotAnswer) -> None:
        """Send the next chunk from where the receiver stands."""
        outgoing = self._outgoing.get(source)
        if outgoing is None or outgoing.content.last_index != answer.last_index:
            return
        if answer.offset != outgoing.offset and answer.offset <= len(outgoing.content.data):
            outgoing.offset, outgoing.sent = answer.offset, float("-inf")
            self.send(now, source)

    def caught_up(self, node_id: int, next_index: int) -> None:
        """A peer does not need the snapshot any more."""
        if next_index > self._journal.base_index:
            self.forget(node_id)

    def forget(self, node_id: int) -> None:
        """Stop sending to a peer; the last one lets go of the content."""
        self._outgoing.pop(node_id, None)
        if not self._outgoing:
            self._content = None

    def forget_all(self) -> None:
        """Leadership is over."""
        self._outgoing.clear()
        self._content = None

    def _current(self, node_id: int) -> _Outgoing | None:
        outgoing = self._outgoing.get(node_id)
        if outgoing is not None and outgoing.content.last_index >= self._journal.base_index:
            return outgoing
        if self._content is None or self._content.last_index < self._journal.base_index:
            self._want_content()
            return None
        outgoing = self._outgoing[node_id] = _Outgoing(self._content)
        return outgoing


@dataclass(slots=True)
class SnapshotReceiver:
    """The follower's side: puts the chunks of one snapshot together."""

    _key: tuple[int, int, int] | None = None
    _data: bytearray = field(default_factory=bytearray)

    def take(self, chunk: SnapshotChunk) -> bytes | int:
        """Add a chunk; return the whole file, or the offset that is needed next."""
        key = (chunk.term, chunk.last_index, chunk.total)
        if chunk.offset == 0 and key != self._key:
            self._key, self._data = key, bytearray()
        if key != self._key:
            return 0
        if chunk.offset == len(self._data):
            self._data += chunk.data
        if len(self._data) < chunk.total:
            return len(self._data)
        data, self._key, self._data = bytes(self._data), None, bytearray()
        return data

"""Which proposals were applied already, so that none is applied twice (Raft thesis, 6.3).

Part of the replicated state: equal on every node at equal index, and in every snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from metadata.raft.commands import RequestId

SESSIONS_MAX = 4096
WINDOW = 1024
"""Sequence numbers that a session remembers; an owner has fewer proposals open at once."""


class Admission(Enum):
    """What becomes of a committed proposal."""

    FIRST = "apply it"
    EXPIRED = "too old to tell whether it was applied: do not apply it"


@dataclass(slots=True)
class _Session:
    floor: int = 0
    """Lower sequence numbers are forgotten."""
    indexes: dict[int, int] = field(default_factory=dict[int, int])
    """sequence -> index of the entry that was applied."""


class Sessions:
    """The applied proposals of the newest sessions.

    Sessions are named by log indexes, so when the oldest is dropped, all that could come
    back to life under its name are known by being older.
    """

    def __init__(self, sessions_max: int = SESSIONS_MAX, window: int = WINDOW) -> None:
        self._sessions: dict[int, _Session] = {}
        self._floor = 0
        self._sessions_max = sessions_max
        self._window = window

    def find(self, request: RequestId) -> int | None:
        """Return the index at which a proposal was applied, if that is known."""
        session = self._sessions.get(request.session)
        return None if session is None else session.indexes.get(request.sequence)

    def admit(self, request: RequestId, index: int) -> Admission | int:
        """Decide on a committed proposal at ``index``; a duplicate gives the first one's index."""
        applied = self.find(request)
        if applied is not None:
            return applied
        session = self._sessions.get(request.session)
        if session is None:
            if request.session < self._floor:
                return Admission.EXPIRED
            session = self._open(request.session)
        if request.sequence < session.floor:
            return Admission.EXPIRED
        session.indexes[request.sequence] = index
        if len(session.indexes) > self._window:
            oldest = min(session.indexes)
            del session.indexes[oldest]
            session.floor = oldest + 1
        return Admission.FIRST

    def encode(self) -> list[object]:
        """Return the table for a snapshot."""
        sessions: list[object] = [
            [name, session.floor, sorted(session.indexes.items())]
            for name, session in sorted(self._sessions.items())
        ]
        return [self._floor, sessions]

    def restore(self, encoded: list[object]) -> None:
        """Take the table of a snapshot."""
        floor, sessions = cast("tuple[int, list[tuple[int, int, list[tuple[int, int]]]]]", encoded)
        self._floor = floor
        self._sessions = {
            name: _Session(window_floor, dict(indexes)) for name, window_floor, indexes in sessions
        }

    def _open(self, name: int) -> _Session:
        session = self._sessions[name] = _Session()
        if len(self._sessions) > self._sessions_max:
            oldest = min(self._sessions)
            del self._sessions[oldest]
            self._floor = oldest + 1
        return session

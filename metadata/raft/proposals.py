"""From a proposal to its outcome: appended, committed by others, applied here, answered."""

from __future__ import annotations

from collections.abc import Callable

from metadata.errors import ApplyFailed, RestoreFailed, UnknownOutcome
from metadata.raft.commands import RequestId, read_readmission, readmission, unwrap, wrap
from metadata.raft.journal import Journal
from metadata.raft.sessions import Admission, Sessions
from metadata.raft.snapshot_file import Snapshot
from metadata.state_machine import StateMachine

ProposalDone = Callable[[int | UnknownOutcome], None]
"""Gets the index that was committed and applied here, or that nobody can tell."""


class Proposals:
    """The state machine, the requests that it has seen, and who waits for an outcome."""

    def __init__(
        self,
        journal: Journal,
        machine: StateMachine,
        on_readmission: Callable[[int, int, bytes], None],
    ) -> None:
        self._journal = journal
        self._machine = machine
        self._on_readmission = on_readmission
        self._sessions = Sessions()
        self._waiting: dict[int, list[ProposalDone]] = {}
        self._open_requests: dict[RequestId, int] = {}

    def append(
        self, command: bytes, term: int, done: ProposalDone, request: RequestId | None
    ) -> None:
        """Append a command, unless its request is known; ``done`` hears what became of it."""
        if request is not None:
            if (applied := self._sessions.find(request)) is not None:
                done(applied)
                return
            if (appended := self._open_requests.get(request)) is not None:
                self._waiting[appended].append(done)
                return
        index = self._journal.last_index + 1
        self._journal.add(wrap(command, request), index, term)
        self._waiting[index] = [done]
        if request is not None:
            self._open_requests[request] = index

    def readmit(self, voter: int, directory_id: bytes, term: int, done: ProposalDone) -> None:
        """Append the command that seats a voter's folder."""
        index = self._journal.last_index + 1
        self._journal.add(readmission(voter, directory_id), index, term)
        self._waiting[index] = [done]

    def apply(self, held: bytes, index: int, term: int) -> None:
        """Apply a committed entry unless it is a repetition, and answer who waits for it.

        Raises:
            ApplyFailed: the state machine refused it.
        """
        outcome = self._apply(held, index, term)
        for done in self._waiting.pop(index, ()):
            done(outcome)

    def _apply(self, held: bytes, index: int, term: int) -> int | UnknownOutcome:
        if (seat := read_readmission(held)) is not None:
            self._on_readmission(index, *seat)
            return index
        content = unwrap(held)
        if content is None:
            return index
        command, request = content
        if request is not None:
            self._open_requests.pop(request, None)
            admission = self._sessions.admit(request, index)
            if admission is Admission.EXPIRED:
                return UnknownOutcome(f"{request} is too old to tell")
            if isinstance(admission, int):
                return admission
        try:
            self._machine.apply(index, term, command)
        except Exception as error:
            raise ApplyFailed(index, term, command, error) from error
        return index

    def fail(self) -> None:
        """Tell all that wait that nobody can tell: leadership is over."""
        waiting, self._waiting = self._waiting, {}
        self._open_requests.clear()
        for index in sorted(waiting):
            for done in waiting[index]:
                done(UnknownOutcome(f"leadership was lost before entry {index} was committed"))

    def encode_sessions(self) -> list[object]:
        """Return the requests seen, for a snapshot."""
        return self._sessions.encode()

    def restore(self, snapshot: Snapshot) -> None:
        """Become a snapshot; what waits here was overtaken by it.

        Raises:
            RestoreFailed: the state machine refused it.
        """
        self.fail()
        try:
            self._machine.restore(snapshot.state)
        except Exception as error:
            raise RestoreFailed(snapshot.last_index, error) from error
        self._sessions.restore(snapshot.sessions)

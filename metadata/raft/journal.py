"""The log in memory, as PySyncObj sees it, and what of it waits to be written.

Changes are staged as records; the driver takes them, writes them as one frame, and says
when they are durable. Nothing here touches a disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from pysyncobj.journal import Journal as PySyncObjJournal

from metadata.raft.commands import read_readmission
from metadata.raft.frames import Record
from metadata.raft.identity import Seats
from metadata.raft.replay import Entry, cut_record, entry_record, seats_record, vote_record

ENTRY_OVERHEAD_BYTES = 160
"""What an entry costs in memory beside its command."""


class Journal(PySyncObjJournal):
    """Entries ``base_index`` (exclusive) to ``last_index``, the term, and the vote in it."""

    def __init__(
        self, term: int, voted_for: int | None, entries: list[Entry], seats: Seats
    ) -> None:
        self._term = term
        self._voted_for = voted_for
        self._entries = entries
        self._staged: list[Record] = []
        self._in_flight_index: int | None = None
        self._conflict_index: int | None = None
        self.durable_index = self.last_index
        """Newest entry that is on disk here."""
        self.committed_index = self.base_index
        """Entries up to here are never cut."""
        self.seats = seats
        """Which folders vote: what formation and applied readmissions say."""
        self.readmissions: dict[int, int] = {}
        """index -> voter, of the held entries that seat a folder."""
        for entry in entries:
            self._note_readmission(entry)

    # What the core asks.

    @property
    def base_index(self) -> int:
        """Index that the log starts after."""
        return self._entries[0][1]

    @property
    def last_index(self) -> int:
        """Index of the newest entry."""
        return self._entries[-1][1]

    @property
    def last_term(self) -> int:
        """Term of the newest entry."""
        return self._entries[-1][2]

    def term_at(self, index: int) -> int | None:
        """Return the term of an entry, of the base too; None for one that is not held."""
        held = index - self.base_index
        return self._entries[held][2] if 0 <= held < len(self._entries) else None

    def entry(self, index: int) -> Entry:
        """Return a held entry."""
        assert index > self.base_index
        return self._entries[index - self.base_index]

    def batch(self, index: int, max_bytes: int) -> list[Entry]:
        """Return entries from ``index`` on: at least one if there is one, else up to the bytes."""
        assert index > self.base_index
        entries: list[Entry] = []
        size = 0
        for held in range(index - self.base_index, len(self._entries)):
            entry = self._entries[held]
            size += len(entry[0]) + ENTRY_OVERHEAD_BYTES
            if entries and size > max_bytes:
                break
            entries.append(entry)
        return entries

    # What the driver does.

    def take_staged(self) -> list[Record]:
        """Return the records to write now; ``mark_durable`` follows once they are on disk."""
        assert self._in_flight_index is None, "one write at a time"
        records, self._staged = self._staged, []
        if records:
            self._in_flight_index = self.last_index
        return records

    def mark_durable(self) -> None:
        """Note that the records last taken are on disk."""
        assert self._in_flight_index is not None
        self.durable_index = self._in_flight_index
        self._in_flight_index = None

    # What changes it.

    def expect_conflict(self, index: int | None) -> None:
        """Say which entry the leader contradicts: only that one and later ones may be cut."""
        self._conflict_index = index

    @property
    def expects_conflict(self) -> bool:
        """Whether the message at hand contradicts an entry."""
        return self._conflict_index is not None

    def trim(self, index: int) -> None:
        """Let the log start after ``index``; a durable snapshot covers what goes."""
        held = index - self.base_index
        if held > 0:
            del self._entries[:held]
            self._forget_readmissions(lambda held_index: held_index <= index)

    def start_after(self, index: int, term: int) -> None:
        """Void what an installed snapshot contradicts or goes beyond."""
        assert self._in_flight_index is None
        if self.term_at(index) != term:
            self._entries = [(b"", index, term)]
            self.readmissions.clear()
            self._staged.append(cut_record(index, term))
            self.durable_index = min(self.durable_index, index)
        self.committed_index = max(self.committed_index, index)

    def set_seats(self, seats: Seats) -> None:
        """Stage who votes; no vote or acknowledgement leaves before it is durable."""
        self.seats = seats
        self._staged.append(seats_record(seats))

    def _note_readmission(self, entry: Entry) -> None:
        if (content := read_readmission(entry[0])) is not None:
            self.readmissions[entry[1]] = content[0]

    def _forget_readmissions(self, is_gone: Callable[[int], bool]) -> None:
        for index in [index for index in self.readmissions if is_gone(index)]:
            del self.readmissions[index]

    # What PySyncObj calls.

    def add(self, command: bytes, idx: int, term: int) -> None:
        """Append an entry."""
        assert idx == self.last_index + 1, f"entry {idx} after {self.last_index}"
        entry = (command, idx, term)
        self._entries.append(entry)
        self._staged.append(entry_record(entry))
        self._note_readmission(entry)

    def deleteEntriesFrom(self, entryFrom: int) -> None:
        """Cut from a real conflict on; entries merely beyond a message's end are kept."""
        index = self.base_index + entryFrom
        assert index == self._conflict_index, f"nothing contradicts entry {index}"
        assert self._in_flight_index is None
        assert index > self.committed_index, f"entry {index} is committed and would be cut"
        del self._entries[entryFrom:]
        self._forget_readmissions(lambda held_index: held_index >= index)
        self._staged.append(cut_record(self.last_index, self.last_term))
        self.durable_index = min(self.durable_index, self.last_index)

    def setCurrentTerm(self, term: int, votedForNodeId: int | None) -> None:
        """Stage a new term or vote; no message that shows it leaves before it is durable."""
        if (term, votedForNodeId) == (self._term, self._voted_for):
            return
        assert term >= self._term, "terms never go back"
        assert term > self._term or self._voted_for is None, "one vote per term"
        self._term, self._voted_for = term, votedForNodeId
        self._staged.append(vote_record(term, votedForNodeId))

    def getCurrentTerm(self) -> int:
        """Return the stored term."""
        return self._term

    def getVotedForNodeId(self) -> int | None:
        """Return the stored vote."""
        return self._voted_for

    def setRaftCommitIndex(self, raftCommitIndex: int) -> None:
        """Ignore it: a stored commit index could outlive entries that it covers."""

    def getRaftCommitIndex(self) -> int:
        """Return what is certainly committed: where the log starts."""
        return self.base_index

    @overload
    def __getitem__(self, item: int) -> Entry: ...
    @overload
    def __getitem__(self, item: slice) -> list[Entry]: ...
    def __getitem__(self, item: int | slice) -> Entry | list[Entry]:
        """Return entries by position; the first one stands for where the log starts."""
        return self._entries[item]

    def __len__(self) -> int:
        """Return the number of entries held, with the first one."""
        return len(self._entries)

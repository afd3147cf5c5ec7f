"""The journal's records, and the log that they add up to.

    [0, format, node id, directory id, voters, size, last index, last term, term, voted for,
     seats]
    [1, index, term, command]       an entry
    [2, term, voted for or null]    a new term, or a vote in it
    [3, index, term]                what follows that entry is void; without that entry, all is
    [4, seats]                      which folders vote: [voter, directory id, since index] each

The first record of a segment is of kind 0 and repeats where the log stood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, cast

from metadata.raft.frames import DamagedFrame, Record
from metadata.raft.identity import Identity, Seats, seats_from_cbor, seats_to_cbor

FORMAT = 2
SEGMENT, ENTRY, VOTE, CUT, SEATS = 0, 1, 2, 3, 4

Entry = tuple[bytes, int, int]
"""(command, index, term): PySyncObj's order."""


def entry_record(entry: Entry) -> Record:
    """Return the record of an entry."""
    command, index, term = entry
    return [ENTRY, index, term, command]


def vote_record(term: int, voted_for: int | None) -> Record:
    """Return the record of a term and the vote given in it."""
    return [VOTE, term, voted_for]


def cut_record(index: int, term: int) -> Record:
    """Return the record that voids what follows the entry."""
    return [CUT, index, term]


def seats_record(seats: Seats) -> Record:
    """Return the record of who votes."""
    return [SEATS, seats_to_cbor(seats)]


class SegmentHeader(NamedTuple):
    """First record of a segment."""

    identity: Identity
    size: int
    last_index: int
    last_term: int
    term: int
    voted_for: int | None
    seats: Seats


def header_record(identity: Identity, size: int, state: Replay) -> Record:
    """Return the first record of a segment that begins at ``state``."""
    owner: Record = [identity.node_id, identity.directory_id, list(identity.voters)]
    stand: Record = [state.last_index, state.last_term, state.term, state.voted_for]
    return [SEGMENT, FORMAT, *owner, size, *stand, seats_to_cbor(state.seats)]


def read_header(records: list[Record]) -> SegmentHeader:
    """Read the first record of a segment.

    Raises:
        DamagedFrame: it is of another format.
    """
    match records:
        case [[0, 2, int(node_id), bytes(directory_id), voters, int(size), *stand, seats]]:
            identity = Identity(node_id, directory_id, tuple(cast("list[int]", voters)))
            last_index, last_term, term, voted_for = cast("tuple[int, int, int, int | None]", stand)
            known = seats_from_cbor(seats)
            return SegmentHeader(identity, size, last_index, last_term, term, voted_for, known)
        case _:
            raise DamagedFrame(0, "not a segment of a format that this version knows")


@dataclass(slots=True)
class Replay:
    """Where a log stands after the records so far."""

    term: int = 0
    voted_for: int | None = None
    entries: list[Entry] = field(default_factory=lambda: [(b"", 0, 0)])
    """The first one is where the log starts, and is itself not held."""
    seats: Seats = field(default_factory=Seats)

    @classmethod
    def starting_at(cls, header: SegmentHeader) -> Replay:
        """Return the stand that the oldest segment begins with."""
        start: Entry = (b"", header.last_index, header.last_term)
        return cls(header.term, header.voted_for, [start], header.seats)

    @property
    def last_index(self) -> int:
        """Index of the newest entry."""
        return self.entries[-1][1]

    @property
    def last_term(self) -> int:
        """Term of the newest entry."""
        return self.entries[-1][2]

    def stands_at(self, header: SegmentHeader) -> bool:
        """Whether a segment with this header continues this log."""
        ours = (self.last_index, self.last_term, self.term, self.voted_for, self.seats)
        return ours == header[2:]

    def without_entries(self) -> Replay:
        """Return the same stand, holding the newest entry's place only."""
        end: Entry = (b"", self.last_index, self.last_term)
        return Replay(self.term, self.voted_for, [end], self.seats)

    def take(self, records: list[Record]) -> bool:
        """Apply records in order; False if one of them cannot follow."""
        return all(self._take(record) for record in records)

    def _take(self, record: Record) -> bool:
        match record:
            case [1, int(index), int(term), bytes(command)]:
                if index != self.last_index + 1 or term < self.last_term:
                    return False
                self.entries.append((command, index, term))
            case [2, int(term), int() | None as voted_for]:
                if term < self.term:
                    return False
                self.term, self.voted_for = term, voted_for
            case [3, int(index), int(term)]:
                self._cut(index, term)
            case [4, seats]:
                self.seats = seats_from_cbor(seats)
            case _:
                return False
        return True

    def _cut(self, index: int, term: int) -> None:
        held = index - self.entries[0][1]
        if 0 <= held < len(self.entries) and self.entries[held][2] == term:
            del self.entries[held + 1 :]
        else:
            self.entries = [(b"", index, term)]

"""Who may vote: the folders that the quorum was formed of, and those readmitted since.

A voter that comes back with another folder forgot what it promised and acknowledged. So votes
and acknowledgements count only of the folder that holds the voter's seat:

- at first formation a voter takes part only after every voter told that it has no list and has
  met the very same folders, and it stored the list; or after one that stored it told it;
- later, a voter without the list, or with another folder than the list names, follows without
  a vote until a committed command (``raftkafka quorum readmit``) seats its new folder.

So there is one list. Say A formed one with folder C0 of C, and B another one with C1, which
came after C0 was lost. A told B that it had no list and had met C1; A formed its own after
that, so it met C0 after C1: but lost folders do not come back. It does not matter how old
what the others told is, nor that B helped A. (With ids of a voter's own folder alone it did: B,
told by A before it formed and by C1, formed a second one.)

A readmission is committed by the others: while it waits in the log, neither the old nor the
new folder of that voter counts here. So every majority that can elect afterwards has a
member that holds it, and with it everything that was committed before.
"""

from __future__ import annotations

from metadata.raft.identity import Seat, Seats, merge
from metadata.raft.journal import Journal
from metadata.raft.messages import Seating
from metadata.raft.outbox import Outbox
from metadata.raft.settings import RaftSettings
from metadata.raft.upstream import Upstream


class Electorate:
    """What one node knows of the voters' folders."""

    def __init__(
        self,
        settings: RaftSettings,
        directory_id: bytes,
        raft: Upstream,
        journal: Journal,
        outbox: Outbox,
    ) -> None:
        self._settings = settings
        self._directory_id = directory_id
        self._raft = raft
        self._journal = journal
        self._outbox = outbox
        self._folders: dict[int, bytes] = {}
        """Directory id of each node's newest connection."""
        self._told: dict[int, Seating] = {}
        """What each connected voter told last."""

    @property
    def may_vote(self) -> bool:
        """Whether this node may campaign, and give votes."""
        me = self._settings.node_id
        return self._settings.is_alone or self._is_seated(me, self._directory_id)

    @property
    def is_complete(self) -> bool:
        """Whether this node votes and knows of all voters which folder does."""
        return self.may_vote and self._journal.seats.keys() >= self._settings.voters

    @property
    def is_shut_out(self) -> bool:
        """Whether this voter's folder is not the one that the quorum knows."""
        seat = self._journal.seats.get(self._settings.node_id)
        return seat is not None and seat.directory_id != self._directory_id

    def counts(self, node_id: int) -> bool:
        """Whether votes and acknowledgements of a peer count."""
        folder = self._folders.get(node_id)
        return folder is not None and self._is_seated(node_id, folder)

    def folder(self, node_id: int) -> bytes | None:
        """Return the directory id of a node's newest connection, or of this node's folder."""
        if node_id == self._settings.node_id:
            return self._directory_id
        return self._folders.get(node_id)

    def seat(self, voter: int) -> bytes | None:
        """Return the directory id of the folder that a voter votes with, if it is known."""
        seat = self._journal.seats.get(voter)
        return None if seat is None else seat.directory_id

    def newcomers(self) -> list[int]:
        """Return the voters that came back with a folder that has no vote."""
        return sorted(
            voter
            for voter, folder in self._folders.items()
            if self.seat(voter) not in (None, folder)
        )

    def formed(self) -> set[int]:
        """Return the connected voters that count and that have stored who else does."""
        return {voter for voter, told in self._told.items() if told.seats and self.counts(voter)}

    def _is_seated(self, voter: int, directory_id: bytes) -> bool:
        seat = self._journal.seats.get(voter)
        if seat is None or seat.directory_id != directory_id:
            return False
        return all(
            index <= seat.since_index
            for index, readmitted in self._journal.readmissions.items()
            if readmitted == voter
        )

    # Events.

    def connected(self, node_id: int, directory_id: bytes) -> bool:
        """Exchange lists with a voter; say whether it comes with another folder than before."""
        former = self._folders.get(node_id)
        self._folders[node_id] = directory_id
        if node_id not in self._settings.voters:
            return False
        self._told.pop(node_id, None)
        if self._journal.seats:
            self._ask(node_id)
        else:
            self.ask()  # all: they wait to hear that this node met the newcomer
        return former is not None and former != directory_id

    def disconnected(self, node_id: int) -> None:
        """What the voter told may be out of date when it comes back."""
        self._told.pop(node_id, None)

    def on_seating(self, source: int, message: Seating) -> None:
        """Take over what another voter knows; or form the quorum when nobody knows anything."""
        self._told[source] = message
        told = {voter: Seat(folder, since) for voter, folder, since in message.seats}
        self._store(merge(self._journal.seats, told))
        self._form()
        if message.wants_answer:
            self._tell(source, wants_answer=False)

    def on_readmission(self, index: int, voter: int, directory_id: bytes) -> None:
        """A voter's new folder was committed."""
        self._store(merge(self._journal.seats, {voter: Seat(directory_id, index)}))

    def ask(self) -> None:
        """Tell all what is known here, and ask for what they know if something is missing."""
        for voter in self._raft.connected:
            if voter in self._settings.voters:
                self._ask(voter)

    def restore(self, seats: Seats) -> None:
        """Take what a snapshot of the leader's knows."""
        self._store(merge(self._journal.seats, seats))

    def _form(self) -> None:
        """Store the list if all voters have told that they have none and met the same folders."""
        met = self._met()
        others = self._settings.voters - {self._settings.node_id}
        if len(met) <= len(others) or self._told.keys() < others:
            return
        if all(self._told[voter].met == met for voter in others):
            self._store({voter: Seat(folder, 0) for voter, folder in met})

    def _met(self) -> list[tuple[int, bytes]]:
        """Return each voter's folder that this one met; nothing if it is not fresh."""
        if self._journal.seats or self._raft.term > 0 or self._journal.last_index > 0:
            return []
        folders = self._folders | {self._settings.node_id: self._directory_id}
        return sorted((node, folders[node]) for node in folders.keys() & self._settings.voters)

    def _store(self, seats: Seats) -> None:
        if seats == self._journal.seats:
            return
        could_vote = self.may_vote
        self._journal.set_seats(seats)
        if self.may_vote and not could_vote:
            self.ask()  # and tell: others wait for a majority that knows

    def _ask(self, voter: int) -> None:
        if self._settings.is_voter:
            self._tell(voter, wants_answer=not self.is_complete)

    def _tell(self, voter: int, *, wants_answer: bool) -> None:
        seats = self._journal.seats
        content = [
            (member, seat.directory_id, seat.since_index) for member, seat in sorted(seats.items())
        ]
        self._outbox.send(voter, Seating(self._raft.term, wants_answer, content, self._met()))

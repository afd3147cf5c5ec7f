"""Who may vote: the folders that the quorum was formed of, and those readmitted since.

A voter that comes back with another folder forgot what it promised and acknowledged. So votes
and acknowledgements count only of the folder that holds the voter's seat:

- at first formation a voter takes part only after it exchanged directory ids with all voters,
  found nobody who knows of an earlier formation, and stored the list;
- later, a voter without the list, or with another folder than the list names, follows without
  a vote until a committed command (``raftkafka quorum readmit``) seats its new folder.

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
        self._told: dict[int, Seats] = {}
        """What each connected voter has stored."""

    @property
    def may_vote(self) -> bool:
        """Whether this node may campaign, and give votes."""
        me = self._settings.node_id
        return self._settings.is_alone or self._is_seated(me, self._directory_id)

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
        return {voter for voter, seats in self._told.items() if seats and self.counts(voter)}

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
        if self._settings.is_voter:
            self._tell(node_id)
        return former is not None and former != directory_id

    def disconnected(self, node_id: int) -> None:
        """What the voter told may be out of date when it comes back."""
        self._told.pop(node_id, None)

    def on_seating(self, source: int, message: Seating) -> None:
        """Take over what another voter knows; or form the quorum when nobody knows anything."""
        told = {voter: Seat(folder, since) for voter, folder, since in message.seats}
        self._told[source] = told
        self._store(merge(self._journal.seats, told))
        if not self._journal.seats:
            self._form()
        if message.wants_answer:
            self._tell(source)

    def on_readmission(self, index: int, voter: int, directory_id: bytes) -> None:
        """A voter's new folder was committed."""
        self._store(merge(self._journal.seats, {voter: Seat(directory_id, index)}))

    def ask(self) -> None:
        """Without the list: ask for it again, for a message may have been lost."""
        for voter in self._raft.connected:
            if voter in self._settings.voters:
                self._tell(voter)

    def restore(self, seats: Seats) -> None:
        """Take what a snapshot of the leader's knows."""
        self._store(merge(self._journal.seats, seats))

    def _form(self) -> None:
        """Store the list if all voters have told that they have none."""
        others = self._settings.voters - {self._settings.node_id}
        is_fresh = self._raft.term == 0 and self._journal.last_index == 0
        if not is_fresh or self._told.keys() < others:
            return
        seats = {voter: Seat(self._folders[voter], 0) for voter in others}
        seats[self._settings.node_id] = Seat(self._directory_id, 0)
        self._store(seats)

    def _store(self, seats: Seats) -> None:
        if seats == self._journal.seats:
            return
        could_vote = self.may_vote
        self._journal.set_seats(seats)
        if self.may_vote and not could_vote:
            self.ask()  # and tell: others wait for a majority that knows

    def _tell(self, voter: int) -> None:
        seats = self._journal.seats
        content = [
            (member, seat.directory_id, seat.since_index) for member, seat in sorted(seats.items())
        ]
        wants_answer = not self.may_vote or len(seats) < len(self._settings.voters)
        self._outbox.send(voter, Seating(self._raft.term, wants_answer, content))

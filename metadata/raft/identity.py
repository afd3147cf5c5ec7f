"""Whose journal this is: stored in every segment, compared at every start."""

from __future__ import annotations

from typing import NamedTuple, cast

from raftkafka.errors import ForeignDataFolder


class Seat(NamedTuple):
    """The folder that votes for a voter, and the log index that seated it; 0 at formation."""

    directory_id: bytes
    since_index: int


Seats = dict[int, Seat]
"""By voter."""


def merge(seats: Seats, others: Seats) -> Seats:
    """Return the newest seat of each voter; readmissions are facts, so any order will do."""
    merged = dict(seats)
    for voter, seat in others.items():
        if voter not in merged or seat.since_index > merged[voter].since_index:
            merged[voter] = seat
    return merged


def seats_to_cbor(seats: Seats) -> list[object]:
    """Return the array that stores seats."""
    return [[voter, *seats[voter]] for voter in sorted(seats)]


def seats_from_cbor(content: object) -> Seats:
    """Read an array of ours, whose checksum was right."""
    rows = cast("list[tuple[int, bytes, int]]", content)
    return {voter: Seat(directory_id, since) for voter, directory_id, since in rows}


class Identity(NamedTuple):
    """One voter's or observer's journal; the directory id is drawn when the folder is made.

    A wiped folder comes back with another directory id, so its owner cannot be taken for
    the voter that promised and acknowledged things before.
    """

    node_id: int
    directory_id: bytes
    voters: tuple[int, ...]
    """Ascending."""

    def expect(self, configured: Identity, folder: str) -> None:
        """Refuse a folder of another node, or of another quorum, than the configuration names.

        Raises:
            ForeignDataFolder: it belongs to someone else.
        """
        if self.node_id != configured.node_id:
            raise ForeignDataFolder(
                f"{folder} is the metadata journal of node {self.node_id}, and this is node "
                f"{configured.node_id}: set node.id={self.node_id}, or give this node a "
                "metadata.log.dir of its own"
            )
        if self.voters != configured.voters:
            raise ForeignDataFolder(
                f"{folder} belongs to the quorum of voters {_names(self.voters)}, and the "
                f"configuration names {_names(configured.voters)}: voters do not change once "
                "a quorum has formed; put controller.quorum.voters back, or, if what this node "
                "holds is not needed, give it empty data folders"
            )


def _names(voters: tuple[int, ...]) -> str:
    return ",".join(str(voter) for voter in voters)

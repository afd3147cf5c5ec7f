"""Whose journal this is: stored in every segment, compared at every start."""

from __future__ import annotations

from typing import NamedTuple

from raftkafka.errors import ForeignDataFolder


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
                "a quorum has formed; put controller.quorum.voters back"
            )


def _names(voters: tuple[int, ...]) -> str:
    return ",".join(str(voter) for voter in voters)

"""What a node knows of the quorum, for DescribeQuorum and metrics."""

from __future__ import annotations

from typing import Any, NamedTuple

from raftkafka.types import ZERO_ID


class ReplicaStatus(NamedTuple):
    """One voter's or observer's position. Offsets are exclusive: one past the last index."""

    node_id: int
    log_end_offset: int | None
    """None if this node does not lead and so does not know it."""
    last_fetch_age_s: float | None
    """Seconds since it last answered the leader; 0 for the leader itself."""
    last_caught_up_age_s: float | None
    """Seconds since it last held all that the leader held."""
    directory_id: bytes = ZERO_ID
    """Of an observer's folder, or of the one that a voter votes with, or came back with; zeros:
    not known."""


class RaftStatus(NamedTuple):
    """The quorum as this node sees it."""

    leader_id: int | None
    leader_epoch: int
    high_watermark: int
    """One past the newest committed index."""
    voters: tuple[ReplicaStatus, ...]
    observers: tuple[ReplicaStatus, ...]
    """With voters that came back with another folder, until they are readmitted (as KIP-853)."""


def status_to_wire(status: RaftStatus) -> list[object]:
    """Return a status as a channel carries it."""
    voters, observers = ([[*it] for it in group] for group in (status.voters, status.observers))
    return [*status[:3], voters, observers]


def status_from_wire(content: list[Any]) -> RaftStatus:
    """Read a status; any exception means that it is none."""
    leader_id, leader_epoch, high_watermark, *groups = content
    voters, observers = (tuple(ReplicaStatus(*it) for it in group) for group in groups)
    return RaftStatus(leader_id, leader_epoch, high_watermark, voters, observers)


class CaughtUp:
    """When each follower last held all that the leader held, as Kafka counts it.

    A follower that now holds what the leader held at its previous answer was caught up
    then (Kafka class ``LeaderState.ReplicaState``).
    """

    def __init__(self) -> None:
        self._previous: dict[int, tuple[float, int]] = {}
        self._times: dict[int, float] = {}

    def note(self, node_id: int, now: float, held_index: int, last_index: int) -> None:
        """A follower showed that it holds everything up to ``held_index``."""
        previous_time, previous_last_index = self._previous.get(node_id, (now, last_index))
        if held_index >= last_index:
            self._times[node_id] = now
        elif held_index >= previous_last_index:
            self._times[node_id] = max(previous_time, self._times.get(node_id, previous_time))
        self._previous[node_id] = (now, last_index)

    def time(self, node_id: int) -> float | None:
        """Return when the follower was last caught up, if it ever was."""
        return self._times.get(node_id)

    def clear(self) -> None:
        """Leadership is over."""
        self._previous.clear()
        self._times.clear()

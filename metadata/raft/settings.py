"""What a node of the quorum is told once, at start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RaftSettings:
    """Identity, times and bounds of one node; times in seconds."""

    node_id: int
    voters: frozenset[int]
    election_timeout_min_s: float = 0.6
    election_timeout_max_s: float = 1.2
    heartbeat_s: float = 0.1
    check_quorum_s: float = 0.6
    """A leader that no majority answered for so long steps down."""
    batch_bytes: int = 1 << 20
    """Entries of one message to a peer."""
    window_entries: int = 8192
    """Unanswered entries in flight to one peer."""
    snapshot_chunk_bytes: int = 1 << 18
    snapshot_every_bytes: int = 2 << 20
    """Journal memory after which a snapshot is taken (or the last snapshot's size, if larger)."""
    retained_entries: int = 1000
    """Entries kept behind a snapshot, so that a peer a little behind needs no snapshot."""
    apply_slice: int = 128
    """Entries applied before other work gets its turn."""

    def __post_init__(self) -> None:
        if not self.voters:
            raise ValueError("a quorum needs at least one voter")

    @property
    def is_voter(self) -> bool:
        """Whether this node votes; otherwise it observes."""
        return self.node_id in self.voters

    @property
    def is_alone(self) -> bool:
        """Whether this node is the only voter."""
        return self.voters == frozenset((self.node_id,))

    @property
    def majority(self) -> int:
        """How many voters decide."""
        return len(self.voters) // 2 + 1

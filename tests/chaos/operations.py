"""What clients did to topics and what they were told: the history that a run is judged by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

NEVER = float("inf")


class Kind(Enum):
    """What was asked for."""

    CREATE = "create"
    DELETE = "delete"
    READ = "read"


class Outcome(Enum):
    """What became of it, as far as its client can know."""

    DONE = "done"
    """Acknowledged: it took effect between its call and its answer."""
    REFUSED = "refused"
    """The topic was already so (a creation found it, a deletion missed it)."""
    NOTHING = "nothing"
    """Certainly without effect, and it tells nothing about the topic."""
    UNKNOWN = "unknown"
    """No answer: it takes effect once, at any time after its call, or never."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request about one topic.

    Args:
        process: which client; each does one thing at a time.
        node: the broker that was asked.
        kind: what was asked for.
        topic: its name.
        called_s: when, on the clock of the run.
        returned_s: when the answer came; ``NEVER`` without one.
        outcome: what the answer means.
        topic_id: of a topic that was created or read (None: there is none), in hex.
        error: the answer's error, by name.
    """

    process: int
    node: int
    kind: Kind
    topic: str
    called_s: float
    returned_s: float
    outcome: Outcome
    topic_id: str | None = None
    error: str = ""

    def __str__(self) -> str:
        until = "..." if self.returned_s == NEVER else f"{self.returned_s:.3f}"
        told = " ".join(part for part in (self.outcome.value, self.error, self.topic_id) if part)
        return (
            f"[{self.called_s:.3f}, {until}] client {self.process} through {self.node}: "
            f"{self.kind.value} {self.topic}: {told}"
        )


def write_history(path: Path, operations: Iterable[Operation]) -> None:
    """Write one JSON object per line, in order of the calls."""
    with path.open("w") as lines:
        for operation in sorted(operations, key=lambda one: one.called_s):
            fields = asdict(operation)
            fields |= {"kind": operation.kind.value, "outcome": operation.outcome.value}
            lines.write(json.dumps(fields) + "\n")


def read_history(path: Path) -> list[Operation]:
    """Read what ``write_history`` wrote."""
    operations: list[Operation] = []
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        fields |= {"kind": Kind(fields["kind"]), "outcome": Outcome(fields["outcome"])}
        operations.append(Operation(**fields))
    return operations

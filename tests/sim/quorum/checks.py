"""What must hold whatever fails: checked while a schedule runs, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

import cbor2

ISOLATED_S = 12.0
"""A leader that heard of no majority for so long has stepped down, slow disk or not."""


class Violation(AssertionError):
    """A property of the quorum does not hold."""


@dataclass(slots=True)
class Checks:
    """The history of one schedule, over all nodes and all their lives."""

    applied: dict[int, tuple[int, bytes]] = field(default_factory=dict[int, tuple[int, bytes]])
    """index -> (term, command) of the first node that applied it."""
    leaders: dict[int, int] = field(default_factory=dict[int, int])
    terms: dict[int, int] = field(default_factory=dict[int, int])
    votes: dict[bytes, tuple[int, int]] = field(default_factory=dict[bytes, tuple[int, int]])
    """directory id -> (term, candidate) of the newest vote that left."""
    acknowledged: dict[int, bytes] = field(default_factory=dict[int, bytes])
    states: dict[int, int] = field(default_factory=dict[int, int])
    """index -> running hash of the state after it."""

    heard: dict[int, dict[int, float]] = field(default_factory=dict[int, dict[int, float]])
    """node -> voter -> when a message of the voter's last reached it."""
    heard_since: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    """node -> the voters that it heard of since it last campaigned."""
    campaigns: dict[int, int] = field(default_factory=dict[int, int])
    """node -> the newest term that it opened."""

    def on_heard(self, node_id: int, source: int, now: float) -> None:
        """A message arrived."""
        self.heard.setdefault(node_id, {})[source] = now
        self.heard_since.setdefault(node_id, set()).add(source)

    def on_campaign(self, node_id: int, term: int, majority: int) -> None:
        """Who is cut off burns no terms: a majority was heard of since the last campaign."""
        if term <= self.campaigns.get(node_id, 0):
            return
        self.campaigns[node_id] = term
        heard = self.heard_since.pop(node_id, set())
        if len(heard) + 1 < majority:
            raise Violation(f"node {node_id} opened term {term} and had heard of {heard} only")

    def on_leading(self, node_id: int, now: float, majority: int) -> None:
        """Who leads hears of a majority."""
        times = self.heard.get(node_id, {}).values()
        if sum(time > now - ISOLATED_S for time in times) + 1 < majority:
            raise Violation(f"node {node_id} leads and has heard of no majority for long")

    def on_apply(self, node_id: int, index: int, term: int, command: bytes, state: int) -> None:
        """Every node applies the same command at an index, to the same state."""
        first = self.applied.setdefault(index, (term, command))
        if first != (term, command):
            raise Violation(f"node {node_id} applied {term, command} at {index}, others {first}")
        if self.states.setdefault(index, state) != state:
            raise Violation(f"the state of node {node_id} differs after {index}")

    def on_leader(self, node_id: int, term: int) -> None:
        """At most one leader per term."""
        if self.leaders.setdefault(term, node_id) != node_id:
            raise Violation(f"nodes {self.leaders[term]} and {node_id} lead in term {term}")

    def on_term(self, node_id: int, term: int) -> None:
        """A node's term never goes back, restarts included."""
        if term < self.terms.get(node_id, 0):
            raise Violation(f"node {node_id} went back to term {term}")
        self.terms[node_id] = term

    def on_vote(self, directory_id: bytes, term: int, candidate: int) -> None:
        """A folder gives one vote per term."""
        newest = self.votes.get(directory_id, (0, 0))
        if newest[0] == term and newest[1] != candidate:
            raise Violation(f"votes for {newest[1]} and {candidate} in term {term}")
        if term > newest[0]:
            self.votes[directory_id] = term, candidate

    def on_start(self, directory_id: bytes, term: int, voted_for: int | None) -> None:
        """A node that starts remembers the vote that it gave."""
        newest_term, candidate = self.votes.get(directory_id, (0, 0))
        if newest_term > term or (newest_term == term > 0 and voted_for != candidate):
            raise Violation(f"a vote for {candidate} in term {newest_term} was forgotten")

    def on_acknowledged(self, index: int, command: bytes) -> None:
        """What is acknowledged is applied."""
        if self.applied.get(index, (0, b""))[1] != command:
            raise Violation(f"{command!r} was acknowledged at {index}, which holds something else")
        self.acknowledged[index] = command

    def newest_acknowledged(self) -> int:
        """Return the index that a read begun now must cover."""
        return max(self.acknowledged, default=0)

    def at_end(self) -> None:
        """Nothing acknowledged was lost, and nothing was applied twice."""
        for index, command in self.acknowledged.items():
            self.on_acknowledged(index, command)
        names = [tuple(cbor2.loads(command)[:2]) for _, command in self.applied.values()]
        if len(names) != len(set(names)):
            raise Violation("a command was applied twice")

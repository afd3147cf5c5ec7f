"""Whether one order of all changes explains a history: each takes effect once, between its call
and its answer, and every answer is true at that point.

Topics are independent, so each name is judged alone. The search is the one that linearizes just
in time (Lowe, "Testing for linearizability", 2017): it keeps every situation that the answers so
far allow, and places an operation when its answer must be explained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.chaos.operations import NEVER, Kind, Operation, Outcome

State = str | None
"""The id of the topic; None while there is none."""
UNTOLD = "untold"
"""The id of a topic whose creation was never answered."""


class Situation(NamedTuple):
    """A state, and which open operations already took effect (their indexes)."""

    state: State
    placed: frozenset[int]


@dataclass(frozen=True, slots=True)
class Violation:
    """An answer that no order explains, and the operations on its topic up to there."""

    answer: Operation
    possible: tuple[State, ...]
    """The states that the topic can have been in before."""
    before: tuple[Operation, ...]

    def __str__(self) -> str:
        states = ", ".join(str(state) for state in self.possible)
        lines = "\n".join(f"    {operation}" for operation in self.before)
        return f"no order explains {self.answer}\n  after {{{states}}}, of\n{lines}"


def violations(history: Iterable[Operation]) -> list[Violation]:
    """Return, for each topic whose history no order explains, its first answer of that kind."""
    topics: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.outcome is not Outcome.NOTHING:
            topics[operation.topic].append(operation)
    found = (_first_violation(operations) for _, operations in sorted(topics.items()))
    return [violation for violation in found if violation is not None]


def _first_violation(operations: Sequence[Operation]) -> Violation | None:
    told = frozenset(
        one.topic_id
        for one in operations
        if one.kind is Kind.CREATE and one.outcome is Outcome.DONE and one.topic_id is not None
    )
    situations = {Situation(None, frozenset())}
    open_ones: dict[int, Operation] = {}
    for index, returns in _events(operations):
        if not returns:
            open_ones[index] = operations[index]
            continue
        after = {
            reached
            for situation in situations
            for reached in _placing(index, situation, open_ones, told)
        }
        if not after:
            answer = operations[index]
            before = [one for one in operations if one.called_s <= answer.returned_s]
            states = {situation.state for situation in situations}
            return Violation(
                answer,
                tuple(sorted(states, key=str)),
                tuple(sorted(before, key=lambda one: one.called_s)),
            )
        situations = after
        del open_ones[index]
    return None


def _events(operations: Sequence[Operation]) -> list[tuple[int, bool]]:
    """Return (index, whether it returns) in order of time; at one time calls come first."""
    calls = [(one.called_s, False, index) for index, one in enumerate(operations)]
    returns = [
        (one.returned_s, True, index)
        for index, one in enumerate(operations)
        if one.outcome is not Outcome.UNKNOWN and one.returned_s != NEVER
    ]
    return [(index, is_return) for _, is_return, index in sorted(calls + returns)]


def _placing(
    target: int, start: Situation, open_ones: dict[int, Operation], told: frozenset[str]
) -> Iterator[Situation]:
    """Yield what is possible once ``target`` has taken effect, after none or some open ones."""
    if target in start.placed:
        yield Situation(start.state, start.placed - {target})
        return
    seen = {start}
    stack = [start]
    while stack:
        situation = stack.pop()
        for index in _candidates(situation, open_ones):
            possible, state = _effect(open_ones[index], situation.state, told)
            if not possible:
                continue
            if index == target:
                yield Situation(state, situation.placed)
                continue
            reached = Situation(state, situation.placed | {index})
            if reached not in seen:
                seen.add(reached)
                stack.append(reached)


def _candidates(situation: Situation, open_ones: dict[int, Operation]) -> Iterator[int]:
    """Yield what may take effect next; of those without an answer the first of each kind will do,
    for they are alike."""
    unanswered: set[Kind] = set()
    for index, operation in open_ones.items():
        if index in situation.placed:
            continue
        if operation.outcome is Outcome.UNKNOWN:
            if operation.kind in unanswered:
                continue
            unanswered.add(operation.kind)
        yield index


def _effect(operation: Operation, state: State, told: frozenset[str]) -> tuple[bool, State]:
    """Return whether an operation can take effect in a state, and the state after it."""
    is_there = state is not None
    kind, outcome = operation.kind, operation.outcome
    if kind is Kind.READ:
        fits = state == operation.topic_id or (
            state == UNTOLD and operation.topic_id is not None and operation.topic_id not in told
        )
        return fits, operation.topic_id
    if outcome is Outcome.REFUSED:
        return is_there == (kind is Kind.CREATE), state
    if kind is Kind.CREATE:
        return not is_there, operation.topic_id or UNTOLD
    return is_there, None

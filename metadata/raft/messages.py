"""Messages between the nodes of a quorum, and their shape on the wire.

On the wire a message is a CBOR array: its kind, then its fields in order. ``from_wire``
checks every field of what a peer sent before anything of it is used; what it does not know
it refuses. ``term`` is always the sender's term when the message was made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from metadata.raft.commands import is_command
from metadata.raft.replay import Entry
from raftkafka.errors import Malformed

COUNT_MAX = 1 << 62
SEATS_MAX = 100
ID_BYTES = 16


class PreVote(NamedTuple):
    """Would you vote for me in term + 1? Asked before a term is burnt (Raft thesis, 9.6)."""

    term: int
    last_index: int
    last_term: int


class PreVoteAnswer(NamedTuple):
    """``asked_term`` is the asker's term when it asked."""

    term: int
    asked_term: int
    granted: bool


class RequestVote(NamedTuple):
    """``transfer``: the leader asked for this election, so its followers do not refuse."""

    term: int
    last_index: int
    last_term: int
    transfer: bool


class Vote(NamedTuple):
    """A vote given, durably; there is no answer that refuses one."""

    term: int


class AppendEntries(NamedTuple):
    """Entries that follow (previous_index, previous_term); none is a heartbeat."""

    term: int
    commit_index: int
    previous_index: int
    previous_term: int
    entries: list[Entry]
    read_round: int


class AppendAnswer(NamedTuple):
    """``success``: everything before ``next_index`` is held, durably, as the leader has it."""

    term: int
    next_index: int
    reset: bool
    success: bool
    read_round: int


class SnapshotChunk(NamedTuple):
    """Bytes of the snapshot file that covers the log up to ``last_index``."""

    term: int
    last_index: int
    offset: int
    total: int
    data: bytes


class SnapshotAnswer(NamedTuple):
    """The bytes before ``offset`` arrived."""

    term: int
    last_index: int
    offset: int
    read_round: int


class StaleTerm(NamedTuple):
    """You lead in a term that is over."""

    term: int


class TimeoutNow(NamedTuple):
    """Take over: campaign at once."""

    term: int


class Seating(NamedTuple):
    """The folders that vote, as the sender has them stored: (voter, directory id, since).

    ``met``: (voter, directory id) that a fresh sender met, its own too; nobody's if it has a list.
    """

    term: int
    wants_answer: bool
    seats: list[tuple[int, bytes, int]]
    met: list[tuple[int, bytes]]


Message = (
    PreVote
    | PreVoteAnswer
    | RequestVote
    | Vote
    | AppendEntries
    | AppendAnswer
    | SnapshotChunk
    | SnapshotAnswer
    | StaleTerm
    | TimeoutNow
    | Seating
)


def to_wire(message: Message) -> list[object]:
    """Return the array that carries a message."""
    return [_KINDS.index(type(message)), *message]


def from_wire(frame: object) -> Message:
    """Check what a peer sent, field by field, and return the message.

    Raises:
        Malformed: it is no message.
    """
    if not isinstance(frame, list) or not frame:
        raise Malformed("not a message")
    kind, *values = cast("list[object]", frame)
    if not _is_count(kind) or cast("int", kind) >= len(_KINDS):
        raise Malformed("unknown kind of message")
    message_type = _KINDS[cast("int", kind)]
    checks = _SHAPES[message_type]
    if len(values) != len(checks):
        raise Malformed(f"{message_type.__name__} with {len(values)} fields")
    for name, check, value in zip(message_type._fields, checks, values, strict=True):
        if not check(value):
            raise Malformed(f"{message_type.__name__}.{name}")
    message = cast("Callable[..., Message]", message_type)(*values)
    if isinstance(message, Seating):
        seats, met = ([(*row,) for row in rows] for rows in message[2:])
        return message._replace(seats=seats, met=met)
    return _checked_entries(message) if isinstance(message, AppendEntries) else message


def _checked_entries(message: AppendEntries) -> AppendEntries:
    """Demand entries that follow each other, in terms that never fall; make tuples of them."""
    index, term = message.previous_index, message.previous_term
    entries: list[Entry] = []
    for command, entry_index, entry_term in message.entries:
        if entry_index != index + 1 or not term <= entry_term <= message.term:
            raise Malformed("entries out of order")
        index, term = entry_index, entry_term
        entries.append((command, entry_index, entry_term))
    return message._replace(entries=entries)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < COUNT_MAX


def _is_entries(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_entry, cast("list[object]", value)))


def _is_entry(value: object) -> bool:
    if not isinstance(value, list | tuple):
        return False
    parts = cast("list[object]", value)
    return len(parts) == 3 and is_command(parts[0]) and _is_count(parts[1]) and _is_count(parts[2])


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_data(value: object) -> bool:
    return isinstance(value, bytes)


def _is_seats(value: object) -> bool:
    return _are_rows(value, (_is_count, _is_id, _is_count))


def _is_met(value: object) -> bool:
    return _are_rows(value, (_is_count, _is_id))


def _is_id(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == ID_BYTES


def _are_rows(value: object, checks: tuple[Callable[[object], bool], ...]) -> bool:
    if not isinstance(value, list) or len(cast("list[object]", value)) > SEATS_MAX:
        return False
    return all(_is_row(row, checks) for row in cast("list[object]", value))


def _is_row(value: object, checks: tuple[Callable[[object], bool], ...]) -> bool:
    if not isinstance(value, list | tuple):
        return False
    parts = cast("list[object]", value)
    if len(parts) != len(checks):
        return False
    return all(check(part) for check, part in zip(checks, parts, strict=True))


_SHAPES: dict[type[Message], tuple[Callable[[object], bool], ...]] = {
    PreVote: (_is_count, _is_count, _is_count),
    PreVoteAnswer: (_is_count, _is_count, _is_flag),
    RequestVote: (_is_count, _is_count, _is_count, _is_flag),
    Vote: (_is_count,),
    AppendEntries: (_is_count, _is_count, _is_count, _is_count, _is_entries, _is_count),
    AppendAnswer: (_is_count, _is_count, _is_flag, _is_flag, _is_count),
    SnapshotChunk: (_is_count, _is_count, _is_count, _is_count, _is_data),
    SnapshotAnswer: (_is_count, _is_count, _is_count, _is_count),
    StaleTerm: (_is_count,),
    TimeoutNow: (_is_count,),
    Seating: (_is_count, _is_flag, _is_seats, _is_met),
}
"""What each field must be. The order of the kinds is the wire's."""

_KINDS = tuple(_SHAPES)

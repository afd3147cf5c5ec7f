"""What the frames of an authenticated channel carry: CBOR arrays, the kind first.

Decoding is for bodies that ``sealing`` has checked, never for anything else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, cast

import cbor2

from metadata.raft.messages import Message, from_wire, to_wire
from raftkafka.errors import ErrorCode, KafkaError, Malformed

METHOD_LENGTH_MAX = 64


class Kind(IntEnum):
    """The kinds of frames."""

    RAFT = 0
    REQUEST = 1
    ANSWER = 2
    ERROR = 3
    NOT_TAKEN = 4
    ALIVE = 5


class Question(NamedTuple):
    """A request to the other end; the number comes back with its answer."""

    number: int
    method: str
    arguments: list[object]


class Answered(NamedTuple):
    """What a request returned."""

    number: int
    value: object


class Failed(NamedTuple):
    """A request was refused with an error of Kafka's."""

    number: int
    error: KafkaError


class NotTaken(NamedTuple):
    """A request was not even begun: too many are at work."""

    number: int


class Alive(NamedTuple):
    """Nothing, said so that the other end hears something."""


Frame = Message | Question | Answered | Failed | NotTaken | Alive

ALIVE = cbor2.dumps([int(Kind.ALIVE)])


def raft_body(message: Message) -> bytes:
    """Return the body that carries a message of the quorum."""
    return cbor2.dumps([int(Kind.RAFT), to_wire(message)])


def question_body(number: int, method: str, arguments: list[object]) -> bytes:
    """Return the body that asks for something."""
    return cbor2.dumps([int(Kind.REQUEST), number, method, arguments])


def answer_body(number: int, value: object) -> bytes:
    """Return the body that answers."""
    return cbor2.dumps([int(Kind.ANSWER), number, value])


def error_body(number: int, error: KafkaError) -> bytes:
    """Return the body that refuses."""
    return cbor2.dumps([int(Kind.ERROR), number, int(error.code), error.message])


def not_taken_body(number: int) -> bytes:
    """Return the body that says that a request was not begun."""
    return cbor2.dumps([int(Kind.NOT_TAKEN), number])


def encode(content: object) -> bytes:
    """Return the CBOR of a content."""
    return cbor2.dumps(content)


def decode(body: bytes) -> object:
    """Decode a body that was authenticated.

    Raises:
        Malformed: it is no CBOR.
    """
    try:
        return cast("object", cbor2.loads(body))
    except Exception as error:  # of a decoder, more kinds than it names
        raise Malformed("a frame that is no CBOR") from error


def read(body: bytes) -> Frame:
    """Read the body of an authenticated frame.

    Raises:
        Malformed: it is no frame of any kind.
    """
    content = decode(body)
    parts = cast("list[object]", content) if isinstance(content, list) else []
    match parts:
        case [0, message]:
            return from_wire(message)
        case [1, int(number), str(method), list()] if len(method) <= METHOD_LENGTH_MAX:
            return Question(number, method, cast("list[object]", parts[3]))
        case [2, int(number), value]:
            return Answered(number, value)
        case [3, int(number), int(code), (None | str()) as message]:
            return Failed(number, KafkaError(_error_code(code), message or ""))
        case [4, int(number)]:
            return NotTaken(number)
        case [5]:
            return Alive()
        case _:
            raise Malformed("a frame of no known kind")


def _error_code(code: int) -> ErrorCode:
    try:
        return ErrorCode(code)
    except ValueError:
        return ErrorCode.UNKNOWN_SERVER_ERROR

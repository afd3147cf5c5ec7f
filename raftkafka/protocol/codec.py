"""Encoding and decoding of messages; each version is compiled when it is first used.

Sources: Kafka's message definitions; KIP-482 (compact lengths, tagged fields).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.decode_compiler import Decode, compile_decoder
from raftkafka.protocol.encode_compiler import Encode, compile_encoder
from raftkafka.protocol.layout import in_versions
from raftkafka.protocol.schema import Message, SizedRecords
from raftkafka.types import Buffer

M = TypeVar("M", bound=Message)

_decoders: dict[tuple[type[Message], int], Decode] = {}
_encoders: dict[tuple[type[Message], int], Encode] = {}


def decoder(message: type[M], version: int) -> Callable[[memoryview, int], tuple[M, int]]:
    """Return ``decode(view, position) -> (message, end)`` for one version.

    ``view`` has to end where the frame ends. The decoder raises ``Malformed`` on bytes that
    are no such message; it leaves it to the caller to compare ``end`` with the frame's end.

    Raises:
        KafkaError: UNSUPPORTED_VERSION, the table has no such version.
    """
    decode = _decoders.get((message, version))
    if decode is None:
        _check(message, version)
        decode = _decoders[message, version] = compile_decoder(message, version)
    return decode


def encoder(message: type[M], version: int) -> Callable[[M, list[Buffer | SizedRecords]], None]:
    """Return ``encode(message, out)`` for one version; it appends buffers to ``out``.

    ``records`` fields are appended as they are: what has a length, but is no buffer, is for
    the caller to send.

    Raises:
        KafkaError: UNSUPPORTED_VERSION, the table has no such version.
    """
    encode = _encoders.get((message, version))
    if encode is None:
        _check(message, version)
        encode = _encoders[message, version] = compile_encoder(message, version)
    return encode


def decode(message: type[M], version: int, buffer: Buffer, position: int = 0) -> tuple[M, int]:
    """Decode a message that starts at ``position``; return it and the position behind it.

    Raises:
        Malformed: the bytes are no such message.
        KafkaError: UNSUPPORTED_VERSION, the table has no such version.
    """
    return decoder(message, version)(memoryview(buffer), position)


def encode(message: Message, version: int, out: list[Buffer | SizedRecords]) -> None:
    """Append the buffers of a message to ``out``.

    Raises:
        KafkaError: UNSUPPORTED_VERSION, the table has no such version, or a field is set
            that this version cannot carry.
    """
    encoder(type(message), version)(message, out)


def encode_bytes(message: Message, version: int) -> bytes:
    """Return a message, with records in memory only, in one piece."""
    out: list[Any] = []
    encode(message, version, out)
    return b"".join(out)


def _check(message: type[Message], version: int) -> None:
    if not in_versions(message.versions, version):
        text = f"{message.__name__} has no version {version}, only {message.versions}"
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, text)

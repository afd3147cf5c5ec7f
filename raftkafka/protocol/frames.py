"""Frames: the four bytes of size, the header of requests and responses, and what follows.

Source: Kafka's ``RequestHeader.json`` (v1, v2) and ``ResponseHeader.json`` (v0, v1); the
client id keeps its two-byte length in v2, so that a header can be read before it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, error
from typing import NamedTuple

from raftkafka.errors import Malformed
from raftkafka.protocol.apis import APIS, request_header_version
from raftkafka.protocol.codec import encode
from raftkafka.protocol.schema import Request, SizedRecords
from raftkafka.protocol.wire import skip_tags
from raftkafka.types import Buffer

SIZE_BYTES = 4

_REQUEST = Struct(">hhih")
_RESPONSE = {0: Struct(">ii"), 1: Struct(">iix")}
_INT32 = Struct(">i")
_unpack_request = _REQUEST.unpack_from


class RequestHeader(NamedTuple):
    """Who asks for what. The body starts at ``body_position``."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    body_position: int


def parse_request_header(frame: memoryview, position: int = 0) -> RequestHeader:
    """Read a request's header (v1 or v2); ``position`` is behind the frame's size.

    Raises:
        Malformed: no such header, or no API of that key.
    """
    try:
        api_key, api_version, correlation_id, length = _unpack_request(frame, position)
        api = APIS.get(api_key)
        if api is None:
            raise Malformed(f"a request for an API of key {api_key}")
        body = position + _REQUEST.size
        client_id = None
        if length >= 0:
            client_id = str(frame[body : body + length], "utf-8")
            body += length
        elif length != -1:
            raise Malformed(f"a client id of length {length}")
        if api.flexible_since is not None and api_version >= api.flexible_since:
            body = skip_tags(frame, body + 1, frame[body])
    except (IndexError, UnicodeDecodeError, error) as cause:
        raise Malformed(f"request header: {cause}") from cause
    if body > len(frame):
        raise Malformed("the request header ends early")
    return RequestHeader(api_key, api_version, correlation_id, client_id, body)


def frame(
    correlation_id: int, header_version: int, body: Sequence[Buffer | SizedRecords]
) -> list[Buffer | SizedRecords]:
    """Return a response's buffers: size and header, joined with what they can be, and body."""
    header = _RESPONSE[header_version]
    size = header.size - SIZE_BYTES
    for part in body:
        size += len(part)
    head = header.pack(size, correlation_id)
    if body and isinstance(body[0], bytes):
        return [head + body[0], *body[1:]]
    return [head, *body]


def request_frame(
    request: Request, version: int, correlation_id: int, client_id: str | None
) -> list[Buffer | SizedRecords]:
    """Return a request's buffers, size first.

    Raises:
        KafkaError: UNSUPPORTED_VERSION, as ``encode``.
    """
    name = b"" if client_id is None else client_id.encode()
    length = -1 if client_id is None else len(name)
    head = _REQUEST.pack(request.api_key, version, correlation_id, length) + name
    if request_header_version(request.api_key, version) == 2:
        head += b"\0"
    body: list[Buffer | SizedRecords] = []
    encode(request, version, body)
    size = len(head) + sum(len(part) for part in body)
    return [_INT32.pack(size) + head, *body]


def parse_response_header(
    frame: memoryview, header_version: int, position: int = 0
) -> tuple[int, int]:
    """Return (correlation id, position of the body); ``position`` is behind the frame's size.

    Raises:
        Malformed: no such header.
    """
    try:
        (correlation_id,) = _INT32.unpack_from(frame, position)
        body = position + _INT32.size
        if header_version == 1:
            body = skip_tags(frame, body + 1, frame[body])
    except (IndexError, error) as cause:
        raise Malformed(f"response header: {cause}") from cause
    return correlation_id, body

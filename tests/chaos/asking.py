"""One connection to a broker of the lab, and short deadlines: a cut network answers nothing."""

from __future__ import annotations

import socket
from typing import TypeVar, cast

from raftkafka.protocol.apis import response_header_version
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import parse_response_header, request_frame
from raftkafka.protocol.schema import Request, Response
from raftkafka.types import Buffer
from tests.support.wire import read_response

R = TypeVar("R", bound=Response)

CONNECT_S = 1.0


class Asking:
    """A connection, made from where the calling thread is.

    Args:
        address: of a broker.
        port: of its client listener.
        answer_s: how long an answer may take.

    Raises:
        OSError: no connection; nothing was asked.
    """

    def __init__(self, address: str, port: int, answer_s: float) -> None:
        self._socket = socket.create_connection((address, port), CONNECT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(answer_s)
        self._correlation_id = 0

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def ask(self, request: Request, version: int, answer: type[R]) -> R:
        """Send a request and return its answer.

        Raises:
            OSError: no answer; nobody knows what became of it. The connection is of no use then.
        """
        self._correlation_id += 1
        frame = request_frame(request, version, self._correlation_id, "chaos")
        # No request here holds records, so that all its parts are in memory.
        self._socket.sendall(b"".join(cast("list[Buffer]", frame)))
        content = memoryview(read_response(self._socket))
        header_version = response_header_version(request.api_key, version)
        answered, position = parse_response_header(content, header_version)
        assert answered == self._correlation_id, "answers come in order"
        return decode(answer, version, content, position)[0]

    def wait_at_most(self, answer_s: float) -> None:
        """Change how long an answer may take."""
        self._socket.settimeout(answer_s)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

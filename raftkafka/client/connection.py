"""One connection to one broker: a plain socket, one request at a time."""

from __future__ import annotations

import itertools
import socket
from struct import Struct
from typing import TypeVar, cast

from raftkafka.client.address import Address
from raftkafka.client.errors import ClientError, Unreachable, check
from raftkafka.errors import ErrorCode, Malformed
from raftkafka.protocol.apis import ApiKey, response_header_version
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import parse_response_header, request_frame
from raftkafka.protocol.layout import parse_versions
from raftkafka.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from raftkafka.protocol.schema import Request, Response
from raftkafka.types import Buffer

R = TypeVar("R", bound=Response)

RESPONSE_BYTES_MAX = 256 * 1024 * 1024
"""No answer to an admin request is larger; the first bytes of HTTP or TLS, read as a size, are."""

CONNECT_TIMEOUT_S = 10.0

_SIZE = Struct(">i")


class Connection:
    """A connection whose versions are negotiated. Any failure leaves it unusable."""

    def __init__(self, address: Address, *, client_id: str, timeout_s: float) -> None:
        """Connect and ask what the broker can do.

        Args:
            address: where.
            client_id: who we are, for the broker's logs and quotas.
            timeout_s: for every answer.

        Raises:
            ClientError: nobody listens there, or it is no Kafka broker.
        """
        self.address = address
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._correlation_ids = itertools.count()
        self._socket = _dial(address)
        self._socket.settimeout(timeout_s)
        try:
            self.versions = self._negotiate()
            """By API key: the first and last version that the broker takes."""
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def version_for(self, request: type[Request], at_least: int = 0) -> int | None:
        """Return the newest version that both sides speak, or None."""
        first, last = parse_versions(request.versions)
        theirs_first, theirs_last = self.versions.get(request.api_key, (1, 0))
        version = min(last, theirs_last)
        return version if version >= max(first, theirs_first, at_least) else None

    def ask(self, request: Request, answer: type[R], *, at_least: int = 0) -> R:
        """Send a request and wait for its answer; ``answer`` is the class of it.

        Args:
            request: sent in the newest version that both sides speak.
            answer: the request's response class.
            at_least: the version below which the request would mean something else.

        Raises:
            ClientError: no common version, or no answer in time.
        """
        version = self.version_for(type(request), at_least)
        if version is None:
            name = type(request).__name__.removesuffix("Request")
            raise ClientError(
                f"the broker at {self.address} does not support this ({name})",
                code=ErrorCode.UNSUPPORTED_VERSION,
            )
        return self._exchange(request, version, answer)

    def _negotiate(self) -> dict[int, tuple[int, int]]:
        # Every broker since Kafka 0.10 answers version 0, so that no second attempt is needed.
        answer = self._exchange(ApiVersionsRequest(), 0, ApiVersionsResponse)
        check(answer.error_code)
        return {api.api_key: (api.min_version, api.max_version) for api in answer.api_keys}

    def _exchange(self, request: Request, version: int, answer: type[R]) -> R:
        correlation_id = next(self._correlation_ids)
        frame = request_frame(request, version, correlation_id, self._client_id)
        try:
            # No request of ours holds records, so that all its parts are in memory.
            self._socket.sendall(b"".join(cast("list[Buffer]", frame)))
            (size,) = _SIZE.unpack(self._receive(_SIZE.size))
            if not _SIZE.size <= size <= RESPONSE_BYTES_MAX:
                raise Malformed(f"an answer of {size} bytes")
            content = memoryview(self._receive(size))
            header_version = response_header_version(request.api_key, version)
            answered, position = parse_response_header(content, header_version)
            if answered != correlation_id:
                raise Malformed(f"an answer to request {answered} instead of {correlation_id}")
            return decode(answer, version, content, position)[0]
        except TimeoutError as error:
            name = ApiKey(request.api_key).name
            raise Unreachable(
                f"the broker at {self.address} did not answer within {self._timeout_s:g} s ({name})"
            ) from error
        except (OSError, Malformed) as error:
            raise Unreachable(
                f"{self.address} does not answer like a Kafka broker: {error}",
                hint="is that a plain-text (PLAINTEXT) listener of a broker?",
            ) from error

    def _receive(self, size: int) -> bytes:
        parts: list[bytes] = []
        missing = size
        while missing:
            part = self._socket.recv(min(missing, 1024 * 1024))
            if not part:
                raise ConnectionResetError("it closed the connection")
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _dial(address: Address) -> socket.socket:
    try:
        connection = socket.create_connection(address, CONNECT_TIMEOUT_S)
    except socket.gaierror as error:
        raise Unreachable(f"the host name {address.host!r} is unknown") from error
    except ConnectionRefusedError as error:
        raise Unreachable(
            f"no broker at {address}", hint="start one with `raftkafka start`"
        ) from error
    except TimeoutError as error:
        raise Unreachable(f"{address} does not answer (waited {CONNECT_TIMEOUT_S:g} s)") from error
    except OSError as error:
        raise Unreachable(f"cannot reach {address}: {error.strerror or error}") from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection

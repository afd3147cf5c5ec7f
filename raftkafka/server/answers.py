"""From a response to the buffers of its frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import structlog

from raftkafka.protocol.apis import response_header_version
from raftkafka.protocol.codec import encode
from raftkafka.protocol.frames import RequestHeader, frame
from raftkafka.protocol.schema import Response, SizedRecords
from raftkafka.server.connection import Connection, Output
from raftkafka.types import Buffer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A response body that its handler encoded itself, in the version of the request."""

    body: bytes


def response_frame(
    header: RequestHeader, response: Response | Encoded, version: int | None = None
) -> list[Output]:
    """Encode a response to the request of ``header``, in its version unless another is named.

    Records stay file ranges until they are sent.
    """
    body: list[Buffer | SizedRecords] = []
    if isinstance(response, Encoded):
        body.append(response.body)
    else:
        encode(response, header.api_version if version is None else version, body)
    header_version = response_header_version(header.api_key, header.api_version)
    # the only sized records that handlers put into a response are ranges of segments
    return cast("list[Output]", frame(header.correlation_id, header_version, body))


def answer_frame(
    connection: Connection,
    header: RequestHeader,
    response: Response | Encoded,
    version: int | None = None,
) -> list[Output]:
    """Encode as ``response_frame`` does; a response that does not fit the wire ends the connection.

    Text that a client chose can make one too long (as in Kafka), which is no other client's
    trouble. There is nothing to send then.
    """
    try:
        return response_frame(header, response, version)
    except AssertionError:
        raise
    except Exception as error:  # whatever the compiled encoder trips over
        log.error(
            "answer_not_encoded",
            peer=connection.peer,
            api_key=header.api_key,
            api_version=header.api_version,
            client_id=header.client_id,
            reason=repr(error),
        )
        connection.abort()
        return []

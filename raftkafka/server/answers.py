"""From a response to the buffers of its frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from raftkafka.protocol.apis import response_header_version
from raftkafka.protocol.codec import encode
from raftkafka.protocol.frames import RequestHeader, frame
from raftkafka.protocol.schema import Response, SizedRecords
from raftkafka.server.connection import Output
from raftkafka.types import Buffer


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

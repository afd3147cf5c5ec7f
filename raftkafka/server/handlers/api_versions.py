"""ApiVersions: what this broker speaks (KIP-511, KIP-584)."""

from __future__ import annotations

import re

from raftkafka.errors import ErrorCode
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
)
from raftkafka.server.context import RequestContext

MIN_VERSION, MAX_VERSION = 0, 4
SOFTWARE_SINCE_VERSION = 3

_software = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


def handle_api_versions(
    context: RequestContext, request: ApiVersionsRequest
) -> ApiVersionsResponse:
    """List every API with a handler, and its versions."""
    if context.api_version >= SOFTWARE_SINCE_VERSION and not (
        _software.fullmatch(request.client_software_name)
        and _software.fullmatch(request.client_software_version)
    ):
        return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
    return ApiVersionsResponse(
        api_keys=[
            ApiVersion(api_key=key, min_version=low, max_version=high)
            for key, low, high in context.broker.advertised
        ]
    )


def unsupported_version() -> ApiVersionsResponse:
    """Answer a version that we lack: in version 0, naming those of ApiVersions itself."""
    return ApiVersionsResponse(
        error_code=ErrorCode.UNSUPPORTED_VERSION,
        api_keys=[
            ApiVersion(
                api_key=ApiKey.API_VERSIONS, min_version=MIN_VERSION, max_version=MAX_VERSION
            )
        ],
    )

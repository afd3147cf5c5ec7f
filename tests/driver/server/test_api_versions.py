"""ApiVersions, and what becomes of versions and keys that the broker does not have."""

from __future__ import annotations

import struct

import pytest

from raftkafka.errors import ErrorCode
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from tests.support.whole_broker import Driver

SOFTWARE = ApiVersionsRequest(client_software_name="a.b-c", client_software_version="1.0")


@pytest.mark.parametrize("version", range(5))
async def test_every_version_is_answered(driver: Driver, version: int) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        answer = await client.ask(SOFTWARE, version, ApiVersionsResponse)
        assert answer.error_code == 0

"""An answer that cannot be made or sent ends one connection; what is our bug ends the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from metadata.records import BROKER_CONFIG
from raftkafka.errors import DamagedDisk, ErrorCode, FatalError, KafkaError
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.messages.cluster import DescribeQuorumRequest, DescribeQuorumResponse
from raftkafka.protocol.messages.configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
)
from raftkafka.protocol.messages.fetch import FetchPartitionData, FetchResponse
from raftkafka.protocol.messages.metadata import MetadataRequest, MetadataResponse
from raftkafka.protocol.messages.producers import DescribeProducersResponse
from raftkafka.protocol.schema import Request
from raftkafka.server import dispatch
from raftkafka.server.api_table import APIS, Handler
from raftkafka.server.parked_fetch import ParkedFetch
from replication.leader import PartitionLeader
from tests.sim.wire_client import WireClient
from tests.support.client_requests import (
    batch,
    fetch,
    fetch_request,
    produce,
    produce_request,
    values_in,
)
from tests.support.whole_broker import Driver, Whole

LONGEST_STRING = "x" * 32767
TOO_LONG = "x" * 32768


@pytest.fixture
def handle_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[ApiKey, Handler], None]:
    """Give an API another handler, for brokers that start from now on."""

    def replace(key: ApiKey, handler: Handler) -> None:
        apis = tuple(api._replace(handler=handler) if api.key == key else api for api in APIS)
        monkeypatch.setattr(dispatch, "APIS", apis)

    return replace


async def assert_only_this_ends(
    broker: Whole, request: Request, version: int, event: str
) -> dict[str, Any]:
    """Send a request: its connection closes, is reported once, and another one is served on."""
    other, client = await broker.client(), await broker.client()
    with capture_logs() as logs:
        await client.send(request, version)
        assert await client.receive_close() == b""
    (entry,) = [it for it in logs if it["event"] == event]
    assert (entry["log_level"], entry["api_key"], entry["api_version"]) == (
        "error",
        request.api_key,
        version,
    )
    await is_served(other)
    return dict(entry)


async def is_served(client: WireClient) -> None:
    response = await client.ask(MetadataRequest(topics=None), 12, MetadataResponse)
    assert response.brokers


async def test_a_client_cannot_make_the_broker_fail_by_long_names(driver: Driver) -> None:
    """Refusals name what was asked for, and are too long to be sent then."""
    described = DescribeConfigsResource(resource_type=BROKER_CONFIG, resource_name=LONGEST_STRING)
    altered = IncrementalAlterConfigsResource(
        resource_type=BROKER_CONFIG,
        resource_name="1",
        configs=[IncrementalAlterConfigsConfig(name=LONGEST_STRING, value="v")],
    )
    async with driver.broker() as broker:
        for request, versions in (
            (DescribeConfigsRequest(resources=[described]), (1, 4)),
            (IncrementalAlterConfigsRequest(resources=[altered]), (0, 1)),
        ):
            for version in versions:
                await assert_only_this_ends(broker, request, version, "answer_not_encoded")


@pytest.mark.parametrize(
    "answer",
    [
        DescribeQuorumResponse(error_message=TOO_LONG),
        DescribeQuorumResponse(error_code=1 << 15),
        DescribeQuorumResponse(error_message="\ud800"),
    ],
    ids=["a string too long", "a number too large", "no UTF-8"],
)
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
async def test_an_answer_that_does_not_fit_the_wire(
    driver: Driver,
    handle_as: Callable[[ApiKey, Handler], None],
    answer: DescribeQuorumResponse,
    waits: bool,
) -> None:
    def handle(context: object, request: object) -> DescribeQuorumResponse:
        return answer

    async def handle_later(context: object, request: object) -> DescribeQuorumResponse:
        await trio.lowlevel.checkpoint()
        return answer

    handle_as(ApiKey.DESCRIBE_QUORUM, handle_later if waits else handle)
    async with driver.broker() as broker:
        await assert_only_this_ends(broker, DescribeQuorumRequest(), 2, "answer_not_encoded")


async def test_a_version_that_the_answer_does_not_have(
    driver: Driver, handle_as: Callable[[ApiKey, Handler], None]
) -> None:
    """The encoder's KafkaError is no answer to the client."""

    def handle(context: object, request: object) -> DescribeProducersResponse:
        return DescribeProducersResponse()

    handle_as(ApiKey.DESCRIBE_QUORUM, handle)
    async with driver.broker() as broker:
        await assert_only_this_ends(broker, DescribeQuorumRequest(), 2, "answer_not_encoded")


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
async def test_a_handler_that_breaks(
    driver: Driver, handle_as: Callable[[ApiKey, Handler], None], waits: bool
) -> None:
    def breaks(context: object, request: object) -> DescribeQuorumResponse:
        raise ZeroDivisionError("nothing is divided by zero")

    async def breaks_later(context: object, request: object) -> DescribeQuorumResponse:
        await trio.lowlevel.checkpoint()
        return breaks(context, request)

    handle_as(ApiKey.DESCRIBE_QUORUM, breaks_later if waits else breaks)
    async with driver.broker() as broker:
        entry = await assert_only_this_ends(broker, DescribeQuorumRequest(), 2, "request_broke")
        assert isinstance(entry["exc_info"], ZeroDivisionError)


@pytest.mark.parametrize("error", [AssertionError("our bug"), DamagedDisk("no disk is left")])
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
async def test_our_bugs_and_fatal_errors_end_the_process(
    driver: Driver,
    handle_as: Callable[[ApiKey, Handler], None],
    error: AssertionError | FatalError,
    waits: bool,
) -> None:
    def breaks(context: object, request: object) -> DescribeQuorumResponse:
        raise error

    async def breaks_later(context: object, request: object) -> DescribeQuorumResponse:
        await trio.lowlevel.checkpoint()
        return breaks(context, request)

    handle_as(ApiKey.DESCRIBE_QUORUM, breaks_later if waits else breaks)
    with pytest.RaisesGroup(type(error), flatten_subgroups=True):
        async with driver.broker() as broker:
            client = await broker.client()
            await client.send(DescribeQuorumRequest(), 2)
            await client.receive_close()
            await trio.sleep_forever()


async def test_a_fetch_that_cannot_be_encoded(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver.broker() as broker:
        client = await broker.client()
        await client.create_topic("t")
        await produce(client, batch(b"v"))
        read = ParkedFetch.read

        def read_too_much(fetch: ParkedFetch, max_bytes: int) -> tuple[FetchResponse, bool]:
            response, enough = read(fetch, max_bytes)
            part: FetchPartitionData = response.responses[0].partitions[0]
            part.high_watermark = 1 << 63
            return response, enough

        request = fetch_request({("t", 0): 0})
        with monkeypatch.context() as patch:
            patch.setattr(ParkedFetch, "read", read_too_much)
            await assert_only_this_ends(broker, request, 12, "answer_not_encoded")
        (part,) = await fetch(client, request)
        assert values_in(part) == [(0, b"v")]


async def test_a_parked_produce_that_cannot_be_encoded(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is made while the leader tells all who wait: the others are told as well."""
    append = PartitionLeader.append

    def append_or_refuse(leader: PartitionLeader, *arguments: Any) -> Any:  # noqa: ANN401 (as it is)
        if leader.topic_partition.topic == "refused":
            raise KafkaError(ErrorCode.INVALID_RECORD, TOO_LONG)
        return append(leader, *arguments)

    monkeypatch.setattr(PartitionLeader, "append", append_or_refuse)
    async with driver.broker() as broker:
        client, other = await broker.client(), await broker.client()
        await client.create_topic("t", flush__messages="1")
        await client.create_topic("refused")
        broker.disk.gate.shut()
        with capture_logs() as logs:
            two = produce_request({("refused", 0): batch(b"r"), ("t", 0): batch(b"1")})
            await client.send(two, 9)
            waiters = broker.leader("t").acks_waiters
            await broker.until(lambda: len(waiters) == 1, "the first waits")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(produce, other, batch(b"2"))
                await broker.until(lambda: len(waiters) == 2, "the second waits")
                broker.disk.gate.open()
                assert await client.receive_close() == b""
        (entry,) = [it for it in logs if it["event"] == "answer_not_encoded"]
        assert entry["api_key"] == ApiKey.PRODUCE
        assert await other.fetch("t", 0) == [(0, b"1"), (1, b"2")]

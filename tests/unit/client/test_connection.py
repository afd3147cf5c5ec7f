"""The blocking client against peers that answer well, badly, late or not at all."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from struct import pack
from typing import cast

import pytest

from raftkafka.client.address import Address
from raftkafka.client.client import Client
from raftkafka.client.connection import Connection
from raftkafka.client.errors import ClientError, RequestFailed, Unreachable
from raftkafka.client.topics import create_topic, list_topics
from raftkafka.errors import ErrorCode
from raftkafka.protocol.apis import ApiKey, request_class
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.frames import frame, parse_request_header
from raftkafka.protocol.messages.api_versions import ApiVersion, ApiVersionsResponse
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponseTopic,
)
from raftkafka.protocol.messages.topics import CreatableTopicResult, CreateTopicsResponse
from raftkafka.protocol.schema import Request, Response
from raftkafka.types import Buffer
from tests.support.wire import LOOPBACK, read_response

VERSIONS = {ApiKey.API_VERSIONS: (0, 4), ApiKey.METADATA: (0, 8), ApiKey.CREATE_TOPICS: (2, 4)}
"""Older than ours and not flexible, so that response headers are plain."""

Answer = Callable[[Request], Response]


class Peer:
    """Takes connections one after the other, and serves each by a function."""

    def __init__(self, serve: Callable[[socket.socket], object]) -> None:
        self._serve = serve
        self._listener = socket.create_server((LOOPBACK, 0))
        self.address = Address(LOOPBACK, self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection, contextlib.suppress(OSError, ConnectionError):
                self._serve(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def peer() -> Iterator[Callable[[Callable[[socket.socket], object]], Peer]]:
    peers: list[Peer] = []

    def start(serve: Callable[[socket.socket], object]) -> Peer:
        peers.append(Peer(serve))
        return peers[-1]

    yield start
    for each in peers:
        each.close()


def broker(answer: Answer) -> Callable[[socket.socket], None]:
    """Return a function that answers requests of ``VERSIONS``."""

    def serve(connection: socket.socket) -> None:
        while True:
            request = memoryview(read_response(connection))  # the size stands first there too
            header = parse_request_header(request)
            cls = request_class(header.api_key)
            body, _ = decode(cls, header.api_version, request, header.body_position)
            response = _versions() if header.api_key == ApiKey.API_VERSIONS else answer(body)
            content: list[Buffer] = [encode_bytes(response, header.api_version)]
            parts = cast("list[Buffer]", frame(header.correlation_id, 0, content))
            connection.sendall(b"".join(parts))

    return serve


def _versions() -> ApiVersionsResponse:
    keys = [
        ApiVersion(api_key=key, min_version=first, max_version=last)
        for key, (first, last) in VERSIONS.items()
    ]
    return ApiVersionsResponse(api_keys=keys)


def connect(address: Address, timeout_s: float = 5.0) -> Connection:
    return Connection(address, client_id="test", timeout_s=timeout_s)


def refused_address() -> Address:
    with socket.create_server((LOOPBACK, 0)) as listener:
        return Address(LOOPBACK, listener.getsockname()[1])


Start = Callable[[Callable[[socket.socket], object]], Peer]


def test_a_refused_connection_says_what_to_type() -> None:
    address = refused_address()
    with pytest.raises(Unreachable) as failure:
        connect(address)
    assert failure.value.message == f"no broker at {address}"
    assert failure.value.hint == "start one with `raftkafka start`"


def test_an_unknown_host() -> None:
    with pytest.raises(Unreachable, match=r"host name 'no-such-host\.invalid' is unknown"):
        connect(Address("no-such-host.invalid", 9092))


def test_versions_are_the_newest_that_both_speak(peer: Start) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return MetadataResponse(cluster_id="c")

    connection = connect(peer(broker(answer)).address)
    assert connection.versions == {int(key): versions for key, versions in VERSIONS.items()}
    assert connection.version_for(MetadataRequest) == 8
    assert connection.ask(MetadataRequest(topics=None), MetadataResponse).cluster_id == "c"
    with pytest.raises(ClientError, match="does not support this"):
        connection.ask(MetadataRequest(topics=None), MetadataResponse, at_least=9)
    connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="HTTP"),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x32", id="a TLS alert"),
        pytest.param(b"", id="closes"),
        pytest.param(pack(">i", 2) + b"ab", id="too short for a header"),
        pytest.param(pack(">ii", 8, 99) + b"\0\0\0\0", id="another correlation id"),
        pytest.param(pack(">iihi", 10, 0, 0, 2**31 - 1), id="a count beyond the frame"),
    ],
)
def test_a_peer_that_is_no_broker(peer: Start, answer: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        read_response(connection)
        connection.sendall(answer)

    with pytest.raises(Unreachable, match="does not answer like a Kafka broker"):
        connect(peer(serve).address)


def test_a_silent_peer(peer: Start) -> None:
    done = threading.Event()
    silent = peer(lambda _: done.wait(10))
    with pytest.raises(Unreachable, match=r"did not answer within 0\.05 s \(API_VERSIONS\)"):
        connect(silent.address, timeout_s=0.05)
    done.set()


def test_any_of_several_brokers_will_do(peer: Start) -> None:
    listening = peer(broker(lambda _: MetadataResponse(topics=[topic("b"), topic("a")])))
    with Client([refused_address(), listening.address]) as client:
        assert [each.name for each in list_topics(client)] == ["a", "b"]
    gone = [refused_address(), refused_address()]
    with Client(gone) as client, pytest.raises(Unreachable, match="no broker at any of"):
        client.any_broker()


def test_patience_waits_for_a_broker_that_starts(peer: Start) -> None:
    address = refused_address()
    started: list[socket.socket] = []

    def start() -> None:
        listener = socket.create_server(address)
        started.append(listener)
        connection, _ = listener.accept()
        started.append(connection)
        with contextlib.suppress(OSError, ConnectionError):
            broker(lambda _: MetadataResponse())(connection)

    late = threading.Timer(0.05, start)
    late.start()
    with Client([address], patience_s=10) as client:
        assert client.any_broker().address == address
    late.join()
    for each in started:
        each.close()


def test_a_controller_that_moves_is_asked_again(peer: Start) -> None:
    answers = iter([ErrorCode.NOT_CONTROLLER, ErrorCode.NONE])
    here: list[MetadataResponseBroker] = []

    def answer(request: Request) -> Response:
        if isinstance(request, MetadataRequest):
            return MetadataResponse(brokers=here, controller_id=1)
        result = CreatableTopicResult(name="t", error_code=next(answers))
        return CreateTopicsResponse(topics=[result])

    moving = peer(broker(answer))
    here.append(MetadataResponseBroker(node_id=1, host=LOOPBACK, port=moving.address.port))
    with Client([moving.address]) as client:
        create_topic(client, "t")
    assert next(answers, None) is None, "both answers were used"


def test_what_a_broker_refuses_keeps_its_words_and_its_code(peer: Start) -> None:
    def answer(request: Request) -> Response:
        if isinstance(request, MetadataRequest):
            return MetadataResponse()
        code = ErrorCode.TOPIC_ALREADY_EXISTS
        result = CreatableTopicResult(name="t", error_code=code, error_message="It is there.")
        return CreateTopicsResponse(topics=[result])

    with Client([peer(broker(answer)).address]) as client, pytest.raises(RequestFailed) as failure:
        create_topic(client, "t")
    assert failure.value.message == "It is there."
    assert failure.value.code is ErrorCode.TOPIC_ALREADY_EXISTS


def test_codes_that_we_do_not_know() -> None:
    assert RequestFailed(9999, None).code is ErrorCode.UNKNOWN_SERVER_ERROR
    assert RequestFailed(ErrorCode.INVALID_RECORD, None).message == "invalid record"


def topic(name: str) -> MetadataResponseTopic:
    return MetadataResponseTopic(name=name)

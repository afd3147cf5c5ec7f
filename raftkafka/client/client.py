"""The admin client: finds brokers from a few addresses and asks the right one. Blocking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TypeVar

from raftkafka.client.address import Address
from raftkafka.client.connection import Connection
from raftkafka.client.errors import ClientError, Unreachable
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from raftkafka.protocol.schema import Request, Response

R = TypeVar("R", bound=Response)
T = TypeVar("T")

TIMEOUT_S = 30.0
RETRY_PAUSE_S = 0.1

PASSING = frozenset(
    {
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.LEADER_NOT_AVAILABLE,
        ErrorCode.NOT_CONTROLLER,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.OFFSET_NOT_AVAILABLE,
        ErrorCode.REPLICA_NOT_AVAILABLE,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
    }
)
"""Answers that pass by themselves: leadership moved, or is about to."""


class Client:
    """Connections to one cluster, opened when first needed and closed together."""

    def __init__(
        self,
        bootstrap: Sequence[Address],
        *,
        client_id: str = "raftkafka",
        timeout_s: float = TIMEOUT_S,
        patience_s: float = 0.0,
    ) -> None:
        """Nothing is sent yet.

        Args:
            bootstrap: brokers to start from; the first that answers is used.
            client_id: who we are.
            timeout_s: for every answer, and for retries in total.
            patience_s: how long to wait for a broker that is not up yet.
        """
        self._bootstrap = tuple(bootstrap)
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._connections: dict[Address, Connection] = {}
        self._first: Connection | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def timeout_ms(self) -> int:
        """What requests carry as the time that a broker may take."""
        return round(self._timeout_s * 1000)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._first = None

    def any_broker(self) -> Connection:
        """Return a connection to the first bootstrap broker that answers.

        Raises:
            Unreachable: none of them does.
        """
        deadline = time.monotonic() + self._patience_s
        while self._first is None:
            try:
                self._first = self._try_bootstrap()
            except Unreachable:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(RETRY_PAUSE_S)
        return self._first

    def broker(self, node_id: int, metadata: MetadataResponse | None = None) -> Connection:
        """Return a connection to one broker.

        Raises:
            ClientError: the cluster has no such broker, or it does not answer.
        """
        brokers = (metadata or self.metadata([])).brokers
        for broker in brokers:
            if broker.node_id == node_id:
                return self._connect(Address(broker.host, broker.port))
        known = ", ".join(str(broker.node_id) for broker in brokers) or "none"
        raise ClientError(f"there is no broker {node_id}", hint=f"brokers: {known}")

    def metadata(self, topics: Iterable[str] | None) -> MetadataResponse:
        """Return brokers and the named topics; None for all topics. Creates none."""
        wanted = None if topics is None else [MetadataRequestTopic(name=name) for name in topics]
        request = MetadataRequest(topics=wanted, allow_auto_topic_creation=False)
        return self.any_broker().ask(request, MetadataResponse, at_least=4)

    def ask_controller(
        self,
        request: Request,
        answer: type[R],
        codes: Callable[[R], Iterable[int]],
        *,
        at_least: int = 0,
    ) -> R:
        """Ask the active controller, again if it moved meanwhile.

        Args:
            request: what to ask.
            answer: the class of the answer.
            codes: the error codes in an answer.
            at_least: the version below which the request would mean something else.
        """

        def attempt() -> R:
            metadata = self.metadata([])
            return self._controller(metadata).ask(request, answer, at_least=at_least)

        return self.retry(attempt, lambda response: ErrorCode.NOT_CONTROLLER in codes(response))

    def retry(self, attempt: Callable[[], T], may_pass: Callable[[T], bool]) -> T:
        """Return what ``attempt`` does; again while its errors may pass and time is left."""
        deadline = time.monotonic() + self._timeout_s
        while may_pass(result := attempt()) and time.monotonic() < deadline:
            time.sleep(RETRY_PAUSE_S)
        return result

    def _controller(self, metadata: MetadataResponse) -> Connection:
        """Connect to the active controller; any broker passes on what it is asked, if need be."""
        if metadata.controller_id >= 0:
            try:
                return self.broker(metadata.controller_id, metadata)
            except Unreachable:  # it has just died, or does not listen for us
                return self.any_broker()
        return self.any_broker()

    def _try_bootstrap(self) -> Connection:
        failures: list[Unreachable] = []
        for address in self._bootstrap:
            try:
                return self._connect(address)
            except Unreachable as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        addresses = ", ".join(str(address) for address in self._bootstrap)
        raise Unreachable(f"no broker at any of {addresses}", hint=failures[0].hint)

    def _connect(self, address: Address) -> Connection:
        connection = self._connections.get(address)
        if connection is None:
            connection = Connection(address, client_id=self._client_id, timeout_s=self._timeout_s)
            self._connections[address] = connection
        return connection

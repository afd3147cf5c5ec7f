"""What a broker asks of the active controller, and how that crosses a channel.

An ask is decided in the same way whether it was made in the controller's own process or came as
CBOR from another broker. It never carries records: those are the controller's to make.

Source: KIP-590 (forwarding), KIP-631 (broker registration, heartbeats), KIP-730 (producer ids).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from metadata.controller.broker_heartbeats import (
    BrokerHeartbeat,
    HeartbeatAnswer,
    take_heartbeat,
)
from metadata.controller.brokers import BrokerRegistration, register_broker
from metadata.controller.decision import Decision, Situation
from metadata.controller.heartbeats import Heartbeats
from metadata.controller.producer_ids import allocate_producer_ids
from metadata.controller.requests import DECIDERS
from metadata.records import BrokerEndpoint
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.apis import ApiKey, request_class, response_class
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.layout import parse_versions
from raftkafka.protocol.messages.alter_partition import AlterPartitionRequest
from raftkafka.protocol.messages.topics import DeleteTopicsRequest, DeleteTopicState
from raftkafka.protocol.schema import ApiMessage, Request, Response

A = TypeVar("A")


class Ask(ABC, Generic[A]):
    """One request to the active controller; ``A`` is its answer."""

    method: ClassVar[str]
    repeatable: ClassVar[bool] = False
    """Whether it does no harm to ask again when nobody knows what became of it."""

    @abstractmethod
    def decide(self, situation: Situation) -> Decision[A]:
        """Decide on it; see ``Decision``.

        Raises:
            KafkaError: it is refused as a whole.
        """

    def note(self, heartbeats: Heartbeats, now_s: float) -> None:
        """Take what it tells of its sender, before its turn to be decided on comes."""

    @abstractmethod
    def to_cbor(self) -> list[object]:
        """Return it as a channel carries it."""

    @classmethod
    @abstractmethod
    def from_cbor(cls, sender_id: int, arguments: list[Any]) -> Self:
        """Read what the broker ``sender_id`` sent.

        Raises:
            KafkaError: CLUSTER_AUTHORIZATION_FAILED, it speaks for another broker.
            Exception: it is no such ask.
        """

    def answer_to_cbor(self, answer: A) -> object:
        """Return the answer as a channel carries it."""
        return answer

    def answer_from_cbor(self, content: object) -> A:
        """Read an answer; any exception means that it is none."""
        return cast("A", content)


@dataclass(frozen=True, slots=True)
class AdminAsk(Ask[Response]):
    """A request for one of the APIs in ``metadata.controller.requests``, mostly a client's."""

    method: ClassVar[str] = "admin"
    request: Request

    def decide(self, situation: Situation) -> Decision[Response]:
        """Decide as the API says."""
        return DECIDERS[ApiKey(self.request.api_key)](situation, self.request)

    def to_cbor(self) -> list[object]:
        """Return the API key and the newest version's bytes."""
        request = _modern(self.request)
        return [request.api_key, encode_bytes(request, _newest(type(request)))]

    @classmethod
    def from_cbor(cls, sender_id: int, arguments: list[Any]) -> Self:
        """Read the request."""
        api_key, body = arguments
        message = request_class(api_key)
        if api_key not in DECIDERS:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"API {api_key} is not forwarded")
        request = decode(message, _newest(message), body)[0]
        if isinstance(request, AlterPartitionRequest):  # the one that is a broker's own
            _check_sender(sender_id, request.broker_id)
        return cls(request)

    def answer_to_cbor(self, answer: Response) -> object:
        """Return the newest version's bytes."""
        return encode_bytes(answer, _newest(type(answer)))

    def answer_from_cbor(self, content: object) -> Response:
        """Read the response of the request's API."""
        message = response_class(self.request.api_key)
        return decode(message, _newest(message), cast("bytes", content))[0]


def _newest(message: type[ApiMessage]) -> int:
    return parse_versions(message.versions)[1]


def _modern(request: Request) -> Request:
    """Return a request that the newest version can carry."""
    if isinstance(request, DeleteTopicsRequest) and request.topic_names:
        named = [DeleteTopicState(name=name) for name in request.topic_names]
        return DeleteTopicsRequest(topics=[*named, *request.topics], timeout_ms=request.timeout_ms)
    return request


@dataclass(frozen=True, slots=True)
class RegisterAsk(Ask[None]):
    """A broker process makes itself known; its epoch is in the image afterwards."""

    method: ClassVar[str] = "register"
    repeatable: ClassVar[bool] = True
    registration: BrokerRegistration

    def decide(self, situation: Situation) -> Decision[None]:
        """Register it."""
        return register_broker(situation, self.registration)

    def to_cbor(self) -> list[object]:
        """Return the registration's fields, but for ``ready``: who is elsewhere is not."""
        it = self.registration
        return [
            it.broker_id,
            it.incarnation_id,
            [list(endpoint) for endpoint in it.endpoints],
            list(it.directories),
            it.rack,
            it.clean_stop,
            None if it.cluster_endpoint is None else list(it.cluster_endpoint),
            it.previous_broker_epoch,
            it.directories_failed,
        ]

    @classmethod
    def from_cbor(cls, sender_id: int, arguments: list[Any]) -> Self:
        """Read a registration of the sender's own."""
        broker_id, incarnation_id, endpoints, directories, rack, clean_stop, *rest = arguments
        cluster_endpoint, previous_broker_epoch, directories_failed = rest
        _check_sender(sender_id, broker_id)
        return cls(
            BrokerRegistration(
                broker_id,
                incarnation_id,
                tuple(BrokerEndpoint(*endpoint) for endpoint in endpoints),
                tuple(directories),
                rack,
                clean_stop=clean_stop,
                cluster_endpoint=cluster_endpoint and BrokerEndpoint(*cluster_endpoint),
                previous_broker_epoch=previous_broker_epoch,
                directories_failed=directories_failed,
            )
        )


@dataclass(frozen=True, slots=True)
class HeartbeatAsk(Ask[HeartbeatAnswer]):
    """A broker tells that it lives, and what it wants."""

    method: ClassVar[str] = "heartbeat"
    repeatable: ClassVar[bool] = True
    heartbeat: BrokerHeartbeat

    def decide(self, situation: Situation) -> Decision[HeartbeatAnswer]:
        """Move the broker on to what it asks for."""
        return take_heartbeat(situation, self.heartbeat)

    def note(self, heartbeats: Heartbeats, now_s: float) -> None:
        """Note the sign of life, however long the decision takes."""
        it = self.heartbeat
        heartbeats.heard(it.broker_id, it.broker_epoch, it.metadata_offset, now_s)

    def to_cbor(self) -> list[object]:
        """Return the fields."""
        it = self.heartbeat
        return [
            it.broker_id,
            it.broker_epoch,
            it.metadata_offset,
            it.wants_fence,
            it.wants_shutdown,
            list(it.offline_directories),
        ]

    @classmethod
    def from_cbor(cls, sender_id: int, arguments: list[Any]) -> Self:
        """Read a heartbeat of the sender's own."""
        broker_id, broker_epoch, metadata_offset, *wants, offline_directories = arguments
        _check_sender(sender_id, broker_id)
        wants_fence, wants_shutdown = wants
        return cls(
            BrokerHeartbeat(
                broker_id,
                broker_epoch,
                metadata_offset,
                wants_fence,
                wants_shutdown,
                tuple(offline_directories),
            )
        )

    def answer_to_cbor(self, answer: HeartbeatAnswer) -> object:
        """Return the fields."""
        return [answer.is_caught_up, answer.is_fenced, answer.may_stop]

    def answer_from_cbor(self, content: object) -> HeartbeatAnswer:
        """Read the fields."""
        is_caught_up, is_fenced, may_stop = cast("list[bool]", content)
        return HeartbeatAnswer(is_caught_up, is_fenced, may_stop)


@dataclass(frozen=True, slots=True)
class ProducerIdsAsk(Ask[range]):
    """A broker wants a block of producer ids; one that gets lost is never given out."""

    method: ClassVar[str] = "producer_ids"
    repeatable: ClassVar[bool] = True
    broker_id: int
    broker_epoch: int

    def decide(self, situation: Situation) -> Decision[range]:
        """Reserve the next block."""
        return allocate_producer_ids(situation, self.broker_id, self.broker_epoch)

    def to_cbor(self) -> list[object]:
        """Return who asks."""
        return [self.broker_id, self.broker_epoch]

    @classmethod
    def from_cbor(cls, sender_id: int, arguments: list[Any]) -> Self:
        """Read who asks."""
        broker_id, broker_epoch = arguments
        _check_sender(sender_id, broker_id)
        return cls(broker_id, broker_epoch)

    def answer_to_cbor(self, answer: range) -> object:
        """Return the first id and the one behind the last."""
        return [answer.start, answer.stop]

    def answer_from_cbor(self, content: object) -> range:
        """Read the block."""
        first, stop = cast("list[int]", content)
        return range(first, stop)


def _check_sender(sender_id: int, broker_id: int) -> None:
    if sender_id != broker_id:
        text = f"broker {sender_id} does not speak for broker {broker_id}"
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, text)


ASKS: Mapping[str, type[Ask[Any]]] = MappingProxyType(
    {ask.method: ask for ask in (AdminAsk, RegisterAsk, HeartbeatAsk, ProducerIdsAsk)}
)
"""By the name under which a channel carries them."""

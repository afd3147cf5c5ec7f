"""What brokers ask of the controller crosses a channel as it is, and nobody asks for another."""

from __future__ import annotations

from random import Random
from typing import Any

import cbor2
import pytest

from metadata.asks import ASKS, AdminAsk, Ask, HeartbeatAsk, ProducerIdsAsk, RegisterAsk
from metadata.controller.broker_heartbeats import BrokerHeartbeat, HeartbeatAnswer
from metadata.controller.brokers import BrokerRegistration
from metadata.controller.requests import DECIDERS
from metadata.image import EMPTY
from metadata.records import BrokerEndpoint
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.messages.alter_partition import AlterPartitionRequest
from raftkafka.protocol.messages.metadata import MetadataRequest
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
)
from tests.support.metadata import broker_record, carried_out, situation, with_records

CLIENTS = BrokerEndpoint("PLAINTEXT", "host7", 9092, "PLAINTEXT")
REGISTRATION = BrokerRegistration(
    7,
    b"i" * 16,
    (CLIENTS,),
    (b"d" * 16, b"e" * 16),
    "rack",
    clean_stop=True,
    cluster_endpoint=CLIENTS._replace(name="CONTROLLER", port=9093),
    previous_broker_epoch=12,
    directories_failed=True,
)


def sent(ask: Ask[Any], sender_id: int = 7) -> Ask[Any]:
    """Return an ask as the controller reads it."""
    arguments: list[Any] = cbor2.loads(cbor2.dumps(ask.to_cbor()))
    return ASKS[ask.method].from_cbor(sender_id, arguments)


@pytest.mark.parametrize(
    "ask",
    [
        RegisterAsk(REGISTRATION),
        RegisterAsk(BrokerRegistration(7, b"i" * 16, (), (b"d" * 16,))),
        HeartbeatAsk(BrokerHeartbeat(7, 3, 99, offline_directories=(b"d" * 16,))),
        HeartbeatAsk(BrokerHeartbeat(7, 3, 99, wants_fence=True)),
        HeartbeatAsk(BrokerHeartbeat(7, 3, 99, wants_shutdown=True)),
        ProducerIdsAsk(7, 3),
    ],
    ids=repr,
)
def test_ask_of_a_broker_arrives_as_it_was_made(ask: Ask[Any]) -> None:
    assert sent(ask) == ask


@pytest.mark.parametrize(
    "ask",
    [
        RegisterAsk(REGISTRATION),
        HeartbeatAsk(BrokerHeartbeat(7, 3, 99)),
        ProducerIdsAsk(7, 3),
        AdminAsk(AlterPartitionRequest(broker_id=7)),
    ],
    ids=repr,
)
def test_nobody_asks_for_another_broker(ask: Ask[Any]) -> None:
    with pytest.raises(KafkaError) as raised:
        sent(ask, sender_id=8)
    assert raised.value.code == ErrorCode.CLUSTER_AUTHORIZATION_FAILED


def test_answers_arrive_as_they_were_given() -> None:
    heartbeat = HeartbeatAsk(BrokerHeartbeat(7, 3, 99))
    answer = HeartbeatAnswer(is_caught_up=True, is_fenced=False, may_stop=True)
    assert heartbeat.answer_from_cbor(heartbeat.answer_to_cbor(answer)) == answer
    ids = ProducerIdsAsk(7, 3)
    assert ids.answer_from_cbor(ids.answer_to_cbor(range(1000, 2000))) == range(1000, 2000)


def test_request_of_a_client_is_decided_alike_after_the_channel() -> None:
    image = with_records(EMPTY, broker_record(7))
    topic = CreatableTopic(name="t", num_partitions=3, replication_factor=1)
    ask = AdminAsk(CreateTopicsRequest(topics=[topic], timeout_ms=5))
    outcomes: list[object] = []
    for it in (ask, sent(ask)):
        after, answer = carried_out(image, it.decide(situation(image)))
        outcomes.append((after.topics, ask.answer_to_cbor(answer)))
        assert ask.answer_from_cbor(ask.answer_to_cbor(answer)) == answer
    assert outcomes[0] == outcomes[1]


def test_topics_that_old_clients_delete_by_name_are_not_lost_on_the_way() -> None:
    image = with_records(EMPTY, broker_record(7))
    topic = CreatableTopic(name="t", num_partitions=1, replication_factor=1)
    create = AdminAsk(CreateTopicsRequest(topics=[topic]))
    image, _ = carried_out(image, create.decide(situation(image)))
    delete = sent(AdminAsk(DeleteTopicsRequest(topic_names=["t"], timeout_ms=5)))
    after, answer = carried_out(image, delete.decide(situation(image)))
    assert isinstance(answer, DeleteTopicsResponse)
    assert [(it.name, it.error_code) for it in answer.responses] == [("t", 0)]
    assert not after.topics


def test_only_what_the_controller_decides_is_passed_on() -> None:
    with pytest.raises(KafkaError):
        sent(AdminAsk(MetadataRequest()))


@pytest.mark.parametrize("api_key", DECIDERS, ids=lambda it: it.name)
def test_default_requests_of_all_apis_arrive(api_key: ApiKey) -> None:
    from raftkafka.protocol.apis import request_class

    ask = AdminAsk(request_class(api_key)())
    assert sent(ask, sender_id=0) == ask


@pytest.mark.parametrize("arguments", [[], [None], [1, 2, 3], [7, b"", [], [], 1, 2, 3, 4, 5, 6]])
@pytest.mark.parametrize("method", ASKS)
def test_nonsense_is_refused(method: str, arguments: list[Any]) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, the channel refuses it
        ASKS[method].from_cbor(7, [*arguments, Random(0).random()])

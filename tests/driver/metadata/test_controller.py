"""The controller on trio: what is decided, in what order, and what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from random import Random

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from metadata.controller.batches import BATCH_RECORDS
from metadata.controller.brokers import BrokerRegistration
from metadata.controller.producer_ids import BLOCK_SIZE
from metadata.controller_driver import Controller
from metadata.deciding_driver import ENTRIES_AHEAD
from metadata.delta import Delta
from metadata.records import (
    ClusterRecord,
    ControllerRecord,
    RegisterBrokerRecord,
    decode_batch,
)
from raftkafka.config import BrokerConfig
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from tests.support.metadata import broker_record
from tests.support.quorums import HandQuorum

NODE_ID = 1


def new_controller(cluster_id: str | None = None) -> Controller:
    return Controller(NODE_ID, BrokerConfig.of({}), Random(7), cluster_id=cluster_id)


def registration(incarnation: bytes = b"first process   ") -> BrokerRegistration:
    record = broker_record(NODE_ID)
    return BrokerRegistration(
        NODE_ID, incarnation, record.endpoints, record.directories, ready=True, clean_stop=True
    )


@asynccontextmanager
async def in_office(*, prompt: bool) -> AsyncGenerator[tuple[Controller, HandQuorum], None]:
    """Run a controller with its broker registered; commit by hand from there on if not prompt."""
    controller = new_controller()
    quorum = HandQuorum(controller, prompt=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(controller.run, quorum)
        quorum.lead(1)
        await controller.register_broker(registration(), deadline_s=5)
        quorum.prompt = prompt
        yield controller, quorum
        nursery.cancel_scope.cancel()


def creation(*names: str, partitions: int = 1) -> CreateTopicsRequest:
    return CreateTopicsRequest(
        topics=[
            CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
            for name in names
        ]
    )


async def create(controller: Controller, *names: str, deadline_s: float = 5) -> list[int]:
    response = await controller.submit(creation(*names), deadline_s=deadline_s)
    assert isinstance(response, CreateTopicsResponse)
    return [topic.error_code for topic in response.topics]


@pytest.mark.parametrize("cluster_id", [None, "QjAtq1ZgQhKvEfMVHKmNnA"])
async def test_cluster_id_is_the_very_first_record(cluster_id: str | None) -> None:
    controller = new_controller(cluster_id)
    quorum = HandQuorum(controller)
    async with trio.open_nursery() as nursery:
        await nursery.start(controller.run, quorum)
        quorum.lead(4)
        await wait_all_tasks_blocked()
        ((_, term, command),) = quorum.waiting
        cluster, office = decode_batch(command)
        assert isinstance(cluster, ClusterRecord)
        assert (term, office) == (4, ControllerRecord(NODE_ID, 4))
        quorum.commit()
        assert (
            controller.image.cluster_id == cluster.cluster_id == (cluster_id or cluster.cluster_id)
        )
        assert len(cluster.cluster_id) == 22
        quorum.lose()
        quorum.lead(5)
        await wait_all_tasks_blocked()
        assert decode_batch(quorum.waiting[0][2]) == [ControllerRecord(NODE_ID, 5)]
        nursery.cancel_scope.cancel()


async def test_answer_waits_for_the_commit_and_the_image_too() -> None:
    async with in_office(prompt=False) as (controller, quorum), trio.open_nursery() as nursery:
        answers: list[list[int]] = []

        async def ask() -> None:
            answers.append(await create(controller, "t"))

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        assert (answers, dict(controller.image.topics)) == ([], {})
        quorum.commit()
        assert set(controller.image.topics) == {"t"}, "published before anybody is answered"
        await wait_all_tasks_blocked()
        assert answers == [[ErrorCode.NONE]]


async def test_two_requests_on_their_way_see_each_other() -> None:
    async with in_office(prompt=False) as (controller, quorum), trio.open_nursery() as nursery:
        answers: list[tuple[str, list[int]]] = []

        async def ask(who: str) -> None:
            answers.append((who, await create(controller, "t")))

        nursery.start_soon(ask, "first")
        await wait_all_tasks_blocked()
        nursery.start_soon(ask, "second")
        await wait_all_tasks_blocked()
        assert answers == [], "even a refusal rests on what is not committed yet"
        assert len(quorum.waiting) == 1
        quorum.commit()
        await wait_all_tasks_blocked()
        assert sorted(answers) == [
            ("first", [ErrorCode.NONE]),
            ("second", [ErrorCode.TOPIC_ALREADY_EXISTS]),
        ]


async def test_end_of_the_term_forgets_what_was_only_appended() -> None:
    async with in_office(prompt=False) as (controller, quorum), trio.open_nursery() as nursery:
        refused: list[ErrorCode] = []

        async def ask(name: str) -> None:
            with pytest.raises(KafkaError) as raised:
                await create(controller, name)
            refused.append(raised.value.code)

        nursery.start_soon(ask, "a")
        nursery.start_soon(ask, "b")
        await wait_all_tasks_blocked()
        quorum.lose()
        await wait_all_tasks_blocked()
        assert refused == [ErrorCode.REQUEST_TIMED_OUT] * 2, "nobody knows what became of them"
        assert not controller.is_active
        quorum.prompt = True
        quorum.lead(2)
        assert await create(controller, "a") == [ErrorCode.NONE]
        assert set(controller.image.topics) == {"a"}
        assert controller.image.controller_epoch == 2


async def test_request_waits_for_an_office_but_not_for_ever(autojump_clock: MockClock) -> None:
    controller = new_controller()
    quorum = HandQuorum(controller, prompt=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(controller.run, quorum)
        started = trio.current_time()
        with pytest.raises(KafkaError) as raised:
            await create(controller, "t", deadline_s=3)
        assert raised.value.code == ErrorCode.REQUEST_TIMED_OUT
        assert trio.current_time() - started == pytest.approx(3)
        nursery.start_soon(create, controller, "t")
        await trio.sleep(1)
        quorum.lead(1)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_client_that_stops_waiting_takes_nothing_back(autojump_clock: MockClock) -> None:
    async with in_office(prompt=False) as (controller, quorum):
        with pytest.raises(KafkaError):
            await create(controller, "t", deadline_s=1)
        quorum.commit()
        assert set(controller.image.topics) == {"t"}


async def test_client_that_is_gone_leaves_no_half_of_a_large_decision() -> None:
    partitions = 5 * BATCH_RECORDS
    async with in_office(prompt=False) as (controller, quorum), trio.open_nursery() as nursery:
        client = trio.CancelScope()

        async def ask() -> None:
            with client:
                await controller.submit(creation("t", partitions=partitions), deadline_s=5)

        quorum.on_propose = client.cancel
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        entries = 0
        while quorum.waiting:
            assert len(quorum.waiting) <= ENTRIES_AHEAD, "so that not all are applied at once"
            quorum.commit()
            numbers = controller.image.topics["t"].partitions
            assert set(numbers) == set(range(len(numbers))), "valid after each entry"
            entries += 1
            await wait_all_tasks_blocked()
        assert client.cancelled_caught
        assert entries > 4
        assert len(controller.image.topics["t"].partitions) == partitions


async def test_stop_in_the_middle_of_a_large_decision() -> None:
    controller = new_controller()
    quorum = HandQuorum(controller, prompt=True)
    async with trio.open_nursery() as clients, trio.open_nursery() as nursery:
        await nursery.start(controller.run, quorum)
        quorum.lead(1)
        await controller.register_broker(registration(), deadline_s=5)

        async def ask() -> None:
            quorum.on_propose = nursery.cancel_scope.cancel
            with pytest.raises(KafkaError) as raised:
                await controller.submit(creation("t", partitions=5000), deadline_s=5)
            assert raised.value.code in (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NOT_CONTROLLER)

        clients.start_soon(ask)


async def test_large_decision_is_several_entries_and_one_answer() -> None:
    partitions = 5 * BATCH_RECORDS
    async with in_office(prompt=True) as (controller, _):
        seen: list[int] = []
        controller.subscribe(lambda delta: seen.append(len(delta.partitions_changed)))
        await controller.submit(creation("t", partitions=partitions), deadline_s=5)
        assert sum(seen) == partitions
        assert len(seen) > 4
        assert len(controller.image.topics["t"].partitions) == partitions


async def test_deltas_come_in_order_and_each_starts_where_the_last_one_ended() -> None:
    async with in_office(prompt=True) as (controller, _):
        deltas: list[Delta] = []

        def note(delta: Delta) -> None:
            assert controller.image is delta.image, "who is told sees it, too"
            deltas.append(delta)

        controller.subscribe(note)
        before = controller.image
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(create, controller, f"t{number}")
        assert [delta.image_before for delta in deltas] == [
            before,
            *(delta.image for delta in deltas[:-1]),
        ]
        assert deltas[-1].image is controller.image
        assert len(deltas) == 20


async def test_failing_subscriber_is_not_passed_over() -> None:
    controller = new_controller()

    def refuse(delta: Delta) -> None:
        raise ArithmeticError

    controller.subscribe(refuse)
    with pytest.raises(ArithmeticError):
        controller.apply(1, 1, b"\x80")


async def test_rule_17_registration_gets_the_index_of_its_entry_as_epoch() -> None:
    async with in_office(prompt=True) as (controller, _):
        first = controller.image.brokers[NODE_ID].broker_epoch
        again = registration(b"second process  ")
        epoch = await controller.register_broker(again, deadline_s=5)
        assert epoch == controller.image.offset > first
        await controller.unfence_broker(NODE_ID, epoch, deadline_s=5)
        with pytest.raises(KafkaError) as raised:
            await controller.unfence_broker(NODE_ID, first, deadline_s=5)
        assert raised.value.code == ErrorCode.STALE_BROKER_EPOCH


async def test_producer_ids_are_given_once_and_committed_in_blocks() -> None:
    async with in_office(prompt=True) as (controller, _):
        blocks: list[Delta] = []
        controller.subscribe(blocks.append)
        drawn: list[int] = []

        async def draw(count: int) -> None:
            drawn.extend([await controller.next_producer_id(deadline_s=5) for _ in range(count)])

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(draw, BLOCK_SIZE // 4)
        assert sorted(drawn) == list(range(BLOCK_SIZE // 4 * 5))
        assert len(blocks) == 2
        assert controller.image.next_producer_id == 2 * BLOCK_SIZE


async def test_broker_registers_in_a_cluster_that_has_its_id() -> None:
    controller = new_controller()
    quorum = HandQuorum(controller)
    async with trio.open_nursery() as nursery:
        await nursery.start(controller.run, quorum)
        quorum.lead(1)
        nursery.start_soon(partial(controller.register_broker, registration(), deadline_s=5))
        await wait_all_tasks_blocked()
        committed = [record for *_, command in quorum.waiting for record in decode_batch(command)]
        assert [type(record) for record in committed] == [
            ClusterRecord,
            ControllerRecord,
            RegisterBrokerRecord,
        ]
        nursery.cancel_scope.cancel()

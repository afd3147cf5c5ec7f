"""Asking the active controller from another node: tries, lost answers, and the asker's image."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import cbor2
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from metadata.asks import HeartbeatAsk
from metadata.cluster.identity import PeerIdentity
from metadata.cluster.link_driver import Handler, PeerGone
from metadata.controller.broker_heartbeats import BrokerHeartbeat
from metadata.controller.brokers import BrokerRegistration
from metadata.controller_driver import Controller
from metadata.forwarding_driver import Forwarding
from raftkafka.config import BrokerConfig
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from tests.support.metadata import broker_record
from tests.support.quorums import HandQuorum

LEADER, ASKER = 1, 2


class Wire:
    """The channels between two nodes; what crosses is CBOR, and may be lost."""

    def __init__(self, node_id: int) -> None:
        self.handlers: dict[str, Handler] = {}
        self.peer: Wire
        self.calls = 0
        self.not_sent = 0
        """How many of the next calls do not leave."""
        self.answers_lost = 0
        self._me = PeerIdentity(node_id, bytes(16), bytes(16), is_voter=True, voters_hash=b"")

    async def call(
        self, node_id: int, method: str, arguments: list[object], *, deadline_s: float
    ) -> object:
        del node_id, deadline_s
        self.calls += 1
        if self.not_sent:
            self.not_sent -= 1
            raise PeerGone("no connection", sent=False)
        content: list[object] = cbor2.loads(cbor2.dumps(arguments))
        answer = await self.peer.handlers[method](self._me, content)
        if self.answers_lost:
            self.answers_lost -= 1
            raise PeerGone("the connection is gone", sent=True)
        return cbor2.loads(cbor2.dumps(answer))


class Two:
    """The node that leads, and one that asks it; what one commits, the other applies later."""

    def __init__(self) -> None:
        self.wires = {node_id: Wire(node_id) for node_id in (LEADER, ASKER)}
        self.wires[LEADER].peer, self.wires[ASKER].peer = self.wires[ASKER], self.wires[LEADER]
        self.leader_id: int | None = LEADER
        self.leader, self.asker = (self._controller(node_id) for node_id in (LEADER, ASKER))
        self.quorum = HandQuorum(self.leader, prompt=True)
        self.behind: list[tuple[int, int, bytes]] = []
        self.asker_follows = True
        apply = self.leader.apply

        def apply_at_both(index: int, term: int, command: bytes) -> None:
            apply(index, term, command)
            self.behind.append((index, term, command))
            if self.asker_follows:
                self.catch_up()

        self.leader.apply = apply_at_both  # type: ignore[method-assign]  # the log between them

    def _controller(self, node_id: int) -> Controller:
        forwarding = Forwarding(node_id, self.wires[node_id], lambda: self.leader_id)
        return Controller(node_id, BrokerConfig.of({}), Random(7), forwarding=forwarding)

    def catch_up(self) -> None:
        """Let the asker apply what it has not yet."""
        while self.behind:
            self.asker.apply(*self.behind.pop(0))

    async def create(self, name: str, deadline_s: float = 5) -> list[int]:
        """Create a topic from the node that does not lead."""
        topic = CreatableTopic(name=name, num_partitions=1, replication_factor=1)
        response = await self.asker.submit(
            CreateTopicsRequest(topics=[topic]), deadline_s=deadline_s
        )
        assert isinstance(response, CreateTopicsResponse)
        return [topic.error_code for topic in response.topics]


@asynccontextmanager
async def two_nodes() -> AsyncGenerator[Two, None]:
    two = Two()
    async with trio.open_nursery() as nursery:
        await nursery.start(two.leader.run, two.quorum)
        two.quorum.lead(1)
        record = broker_record(LEADER)
        await two.leader.register_broker(
            BrokerRegistration(
                LEADER, record.incarnation_id, record.endpoints, record.directories, ready=True
            ),
            deadline_s=5,
        )
        yield two
        nursery.cancel_scope.cancel()


async def test_who_asked_from_elsewhere_sees_the_change() -> None:
    async with two_nodes() as two, trio.open_nursery() as nursery:
        two.asker_follows = False
        answers: list[list[int]] = []

        async def ask() -> None:
            answers.append(await two.create("t"))
            assert "t" in two.asker.image.topics

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        assert "t" in two.leader.image.topics
        assert answers == [], "not before this node's own image shows it"
        two.catch_up()
        await wait_all_tasks_blocked()
        assert answers == [[0]]


async def test_an_answer_holds_even_if_this_node_falls_behind(autojump_clock: MockClock) -> None:
    async with two_nodes() as two:
        two.asker_follows = False
        asked = trio.current_time()
        assert await two.create("t", deadline_s=3) == [0]
        assert trio.current_time() - asked == pytest.approx(3)


async def test_what_did_not_leave_is_asked_again(autojump_clock: MockClock) -> None:
    async with two_nodes() as two:
        two.wires[ASKER].not_sent = 5
        assert await two.create("t") == [0]
        assert two.wires[ASKER].calls == 6


async def test_what_a_former_leader_refuses_is_asked_of_the_next(autojump_clock: MockClock) -> None:
    async with two_nodes() as two, trio.open_nursery() as nursery:
        two.quorum.lose()
        nursery.start_soon(two.create, "t")
        await trio.sleep(1)
        assert two.wires[ASKER].calls > 1
        two.quorum.lead(2)
        await trio.sleep(1)
        assert "t" in two.asker.image.topics


async def test_a_lost_answer_is_unknown_and_not_asked_for_again() -> None:
    async with two_nodes() as two:
        two.wires[ASKER].answers_lost = 1
        with pytest.raises(KafkaError) as raised:
            await two.create("t")
        assert raised.value.code == ErrorCode.REQUEST_TIMED_OUT
        assert two.wires[ASKER].calls == 1
        assert "t" in two.asker.image.topics, "unknown is not no"


async def test_a_lost_answer_that_does_no_harm_is_asked_for_again() -> None:
    async with two_nodes() as two:
        record = broker_record(ASKER)
        two.wires[ASKER].answers_lost = 1
        epoch = await two.asker.register_broker(
            BrokerRegistration(ASKER, record.incarnation_id, record.endpoints, record.directories),
            deadline_s=5,
        )
        assert epoch == two.leader.image.brokers[ASKER].broker_epoch
        assert two.wires[ASKER].calls == 2
        two.wires[ASKER].answers_lost = 1
        heartbeat = BrokerHeartbeat(ASKER, epoch, metadata_offset=epoch)
        answer = await two.asker.ask(HeartbeatAsk(heartbeat), deadline_s=5)
        assert answer.is_caught_up
        assert not answer.is_fenced
        ids = [await two.asker.next_producer_id(deadline_s=5) for _ in range(3)]
        assert len(set(ids)) == 3


async def test_without_a_leader_the_deadline_holds(autojump_clock: MockClock) -> None:
    async with two_nodes() as two:
        two.leader_id = None
        asked = trio.current_time()
        with pytest.raises(KafkaError) as raised:
            await two.create("t", deadline_s=2)
        assert raised.value.code == ErrorCode.REQUEST_TIMED_OUT
        assert two.wires[ASKER].calls == 0
        assert trio.current_time() - asked == pytest.approx(2)


async def test_who_stood_still_past_the_deadline_asks_nobody(mock_clock: MockClock) -> None:
    """As after SIGSTOP: the time is over before anything noticed."""

    def leader_id_much_later() -> int:
        mock_clock.jump(10)
        return LEADER

    async def local() -> object:
        pytest.fail("this node does not lead")

    wire = Wire(ASKER)
    forwarding = Forwarding(ASKER, wire, leader_id_much_later)
    deadline = trio.current_time() + 5
    with trio.move_on_at(deadline) as wait:
        await forwarding.at_leader("m", [], local, lambda answer: answer, deadline, repeatable=True)
    assert wait.cancelled_caught
    assert wire.calls == 0

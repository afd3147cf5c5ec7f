"""Channels between nodes: who dials whom, order, requests, and what becomes of a lost peer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from metadata.cluster.channel_driver import SEND_BYTES, introduce, meet
from metadata.cluster.handshake import Part
from metadata.cluster.identity import PeerIdentity
from metadata.cluster.link_driver import AT_WORK_MAX
from metadata.cluster.network_driver import OsNetwork
from metadata.cluster.peers_driver import PeerGone, Probe
from metadata.cluster.sealing import FIRST_FRAME_BYTES_MAX, FRAME_BYTES_MAX
from metadata.cluster.settings import Address
from metadata.raft.messages import SnapshotChunk, TimeoutNow, Vote
from raftkafka.errors import AddressInUse, ErrorCode, KafkaError
from tests.support.peers import SECRET, Cluster, Node, until


@pytest.fixture(params=["sockets", "memory"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(in_memory=request.param == "memory")


async def start(nursery: trio.Nursery, *nodes: Node) -> None:
    for node in nodes:
        await nursery.start(node.run)


async def test_voters_and_observers_meet_and_each_pair_has_one_channel(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2, 3)
    everyone = {1, 2, 3, 7}
    nodes = [cluster.node(node_id) for node_id in sorted(everyone)]
    async with trio.open_nursery() as nursery:
        await start(nursery, *nodes)
        await until(lambda: all(it.connected == everyone - {it.node_id} for it in nodes))
        assert [len(node.events) for node in nodes] == [3, 3, 3, 3]
        nodes[0].peers.send(7, Vote(3))
        await until(lambda: nodes[3].messages == [(1, Vote(3))])
        nursery.cancel_scope.cancel()


async def test_messages_arrive_in_order(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    async with trio.open_nursery() as nursery:
        await start(nursery, one, two)
        await until(lambda: one.connected == {2})
        sent = [TimeoutNow(term) for term in range(2000)]
        for message in sent:
            one.peers.send(2, message)
        await until(lambda: len(two.messages) == len(sent))
        assert [message for _, message in two.messages] == sent
        nursery.cancel_scope.cancel()


async def echo(peer: PeerIdentity, arguments: list[object]) -> object:
    return [peer.node_id, arguments]


async def refuse(peer: PeerIdentity, arguments: list[object]) -> object:
    raise KafkaError(ErrorCode.NOT_CONTROLLER, "ask another")


async def never(peer: PeerIdentity, arguments: list[object]) -> object:
    await trio.sleep_forever()
    return None


async def broken(peer: PeerIdentity, arguments: list[object]) -> object:
    raise ValueError("a bug")


async def test_a_request_is_answered_refused_or_lost(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    two.peers.handlers |= {"echo": echo, "refuse": refuse, "never": never, "broken": broken}
    async with trio.open_nursery() as nursery:
        await start(nursery, one, two)
        await until(lambda: one.connected == {2})
        ask = one.peers.call
        assert await ask(2, "echo", [1, b"x", None], deadline_s=5) == [1, [1, b"x", None]]
        for method, code in (
            ("refuse", ErrorCode.NOT_CONTROLLER),
            ("broken", ErrorCode.UNKNOWN_SERVER_ERROR),
            ("unheard of", ErrorCode.UNSUPPORTED_VERSION),
        ):
            with pytest.raises(KafkaError) as refused:
                await ask(2, method, [], deadline_s=5)
            assert refused.value.code == code
        with pytest.raises(PeerGone) as late:
            await ask(2, "never", [], deadline_s=0.05)
        assert late.value.sent, "it may have been done: the outcome is unknown"
        with pytest.raises(PeerGone) as nobody:
            await ask(3, "echo", [], deadline_s=5)
        assert not nobody.value.sent, "it was certainly not done"

        async def lose() -> None:
            with pytest.raises(PeerGone) as lost:
                await ask(2, "never", [], deadline_s=60)
            assert lost.value.sent

        nursery.start_soon(lose)
        await trio.testing.wait_all_tasks_blocked(0.01)
        two.scope.cancel()
        await until(lambda: one.connected == set())
        nursery.cancel_scope.cancel()


async def test_too_many_requests_of_one_peer_are_not_begun(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    two.peers.handlers["never"] = never
    two.peers.handlers["echo"] = echo
    not_begun: list[bool] = []

    async def ask() -> None:
        try:
            await one.peers.call(2, "never", [], deadline_s=60)
        except PeerGone as gone:
            not_begun.append(gone.sent)

    async with trio.open_nursery() as nursery:
        await start(nursery, one, two)
        await until(lambda: one.connected == {2})
        for _ in range(AT_WORK_MAX + 3):
            nursery.start_soon(ask)
        await until(lambda: len(not_begun) == 3)
        assert not_begun == [False] * 3
        nursery.cancel_scope.cancel()


async def test_large_frames_pass_and_too_large_ones_harm_no_channel(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)

    async def make(peer: PeerIdentity, arguments: list[object]) -> object:
        (size,) = arguments
        assert isinstance(size, int)
        return bytes(size)

    two.peers.handlers |= {"echo": echo, "make": make}
    large, too_large = bytes(FIRST_FRAME_BYTES_MAX * 4), bytes(FRAME_BYTES_MAX)
    async with trio.open_nursery() as nursery:
        await start(nursery, one, two)
        await until(lambda: one.connected == {2})
        ask = one.peers.call
        assert await ask(2, "echo", [large], deadline_s=5) == [1, [large]]
        for method, argument, text in (
            ("echo", too_large, "the request is too large"),
            ("make", FRAME_BYTES_MAX, "the answer is too large"),
        ):
            with pytest.raises(KafkaError, match=text):
                await ask(2, method, [argument], deadline_s=5)
        assert await ask(2, "echo", [1], deadline_s=5) == [1, [1]]
        assert one.events == [("+", 2)]
        nursery.cancel_scope.cancel()


async def test_a_lost_peer_is_dialled_again_and_probed(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    voter = cluster.voters[1]
    async with trio.open_nursery() as nursery:
        await start(nursery, two, one)
        await until(lambda: two.connected == {1})
        assert await two.peers.probe(voter.host, voter.port) is Probe.ANSWERS
        one.scope.cancel()
        await until(lambda: two.connected == set())
        assert await two.peers.probe(voter.host, voter.port) is Probe.REFUSED
        await start(nursery, cluster.node(1, incarnation=1))
        await until(lambda: two.connected == {1})
        identity = two.peers.identity(1)
        assert identity is not None
        assert identity.incarnation_id == bytes([1, 1]) * 8
        nursery.cancel_scope.cancel()


async def test_the_process_that_has_a_node_id_keeps_it(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2, 3)
    one, first, second = cluster.node(1), cluster.node(7), cluster.node(7, incarnation=1)
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await start(nursery, one, first)
            await until(lambda: one.connected == {7})
            await start(nursery, second)
            await until(lambda: any("duplicate node id 7" in str(it) for it in lines))
            assert one.events == [("+", 7)]
            first.scope.cancel()
            await until(lambda: one.events == [("+", 7), ("-", 7), ("+", 7)])
            identity = one.peers.identity(7)
            assert identity is not None
            assert identity.incarnation_id == bytes([7, 1]) * 8
            nursery.cancel_scope.cancel()


async def test_of_one_process_the_newest_channel_counts(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2, 3)
    one, seven = cluster.node(1), cluster.node(7)
    async with trio.open_nursery() as nursery:
        await start(nursery, one, seven)
        await until(lambda: one.connected == {7})
        stream = (await cluster.dial(1)).stream
        sealed = await meet(stream, Part.DIALLER, SECRET, bytes(32))
        await introduce(sealed, seven.peers.me())
        await until(lambda: one.events[:3] == [("+", 7), ("-", 7), ("+", 7)])
        await until(lambda: len(one.events) == 5)  # its own channel was lost, so it dials again
        assert one.connected == {7}
        one.peers.send(7, Vote(5))
        await until(lambda: seven.messages == [(1, Vote(5))])
        await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_a_broker_without_the_list_learns_who_the_voters_are(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2, 3)
    one = cluster.node(1)
    servers = tuple(Address(it.host, it.port) for it in cluster.voters.values())
    observer = cluster.node(
        7, changes=lambda it: replace(it, voters={}, bootstrap_servers=servers[::-1])
    )
    async with trio.open_nursery() as nursery:
        await start(nursery, one)
        assert await observer.peers.learn_voters() == cluster.voters
        assert one.events == [], "who asks only this is no peer yet"
        await start(nursery, observer)
        await until(lambda: observer.connected == {1})
        nursery.cancel_scope.cancel()


async def test_a_peer_that_takes_nothing_costs_bounded_memory(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2)
    one = cluster.node(1, changes=lambda it: replace(it, queue_bytes_max=100_000))
    two = cluster.node(2)
    chunk = SnapshotChunk(1, 1, 0, 1000, b"x" * 1000)
    async with trio.open_nursery() as nursery:
        await start(nursery, one, two)
        await until(lambda: one.connected == {2})
        for _ in range(1000):
            one.peers.send(2, chunk)
        with pytest.raises(PeerGone) as full:
            await one.peers.call(2, "echo", [], deadline_s=5)
        assert not full.value.sent
        await until(lambda: 90 <= len(two.messages) <= 110)
        nursery.cancel_scope.cancel()


async def test_what_waits_in_the_queue_when_its_time_is_over_may_still_be_done(
    cluster: Cluster,
) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    done: list[object] = []

    async def note(_: PeerIdentity, arguments: list[object]) -> object:
        done.append(arguments)
        return None

    two.peers.handlers["note"] = note
    async with trio.open_nursery() as nursery:
        await start(nursery, one, two)
        await until(lambda: one.connected == {2})
        for _ in range(3):
            one.peers.send(2, SnapshotChunk(1, 1, 0, SEND_BYTES, b"x" * SEND_BYTES))
        with pytest.raises(PeerGone) as hasty:
            await one.peers.call(2, "note", [1], deadline_s=0)
        assert hasty.value.sent
        await until(lambda: done == [[1]])
        nursery.cancel_scope.cancel()


async def test_an_address_that_cannot_be_had_says_what_to_type() -> None:
    """In memory there is none that is taken."""
    network = OsNetwork()
    first = await network.listen("127.0.0.1", 0)
    for host, port, why in (
        ("127.0.0.1", first.port, "the port is taken; stop what has it, or give this node another"),
        ("192.0.2.1", 0, "Cannot assign requested address; give this node an address of this host"),
    ):
        with pytest.raises(AddressInUse, match=why) as refused:
            await network.listen(host, port)
        assert str(refused.value).count(host) == 1
        assert "controller.quorum.voters" in str(refused.value)
    await first.aclose()

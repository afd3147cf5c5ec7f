"""Channels between nodes: who dials whom, order, requests, and what becomes of a lost peer."""

from __future__ import annotations

import pytest
import trio

from metadata.raft.messages import TimeoutNow, Vote
from tests.support.peers import Cluster, Node, until


@pytest.fixture(params=["sockets", "memory"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(in_memory=request.param == "memory")


async def start(nursery: trio.Nursery, *nodes: Node) -> None:
    for node in nodes:
        await nursery.start(node.run)


async def test_voters_and_observers_meet_and_each_pair_has_one_channel(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2, 3)
    nodes = [cluster.node(node_id) for node_id in (1, 2, 3, 7)]
    async with trio.open_nursery() as nursery:
        await start(nursery, *nodes)
        for node in nodes:
            others = {1, 2, 3, 7} - {node.node_id}
            await until(lambda node=node, others=others: node.connected == others)
            assert len(node.events) == 3
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

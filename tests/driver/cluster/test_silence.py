"""Peers that fall silent, on virtual time; and that one seed makes one trace."""

from __future__ import annotations

import random

import pytest
import trio
import trio._core._run as trio_run
from structlog.testing import capture_logs
from trio.testing import MockClock

from metadata.raft.messages import Vote
from tests.support.peers import Cluster, until

LONG_S = 60.0


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(in_memory=True)


async def test_an_idle_channel_stays(cluster: Cluster, autojump_clock: MockClock) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        await nursery.start(two.run)
        await trio.sleep(3600)
        assert one.events == [("+", 2)]
        assert two.events == [("+", 1)]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("both_ways", [False, True])
async def test_a_half_open_channel_is_closed_and_made_again(
    cluster: Cluster, autojump_clock: MockClock, both_ways: bool
) -> None:
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        await nursery.start(two.run)
        await until(lambda: one.connected == {2})
        cluster.wires.cut("node2", "node1")
        if both_ways:
            cluster.wires.cut("node1", "node2")
        await until(lambda: one.connected == set(), LONG_S)
        cluster.wires.heal()
        await until(lambda: one.connected == {2} and two.connected == {1}, LONG_S)
        one.peers.send(2, Vote(4))
        await until(lambda: two.messages == [(1, Vote(4))])
        nursery.cancel_scope.cancel()


async def test_a_silent_process_does_not_keep_its_node_id_for_long(
    cluster: Cluster, autojump_clock: MockClock
) -> None:
    await cluster.take_ports(1, 2, 3)
    one, old = cluster.node(1), cluster.node(7)
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        await nursery.start(old.run)
        await until(lambda: one.connected == {7})
        cluster.wires.cut("node7", "node1")
        old.scope.cancel()  # that it ends does not arrive
        new = cluster.node(7, incarnation=1, host="new7")
        await nursery.start(new.run)
        lost_at = trio.current_time()
        await until(lambda: new.connected == {1}, LONG_S)
        assert trio.current_time() - lost_at < 6
        nursery.cancel_scope.cancel()


def trace_of(seed: int) -> list[object]:
    """Run three nodes through faults that the seed draws, and return all that was noted."""

    async def main() -> list[object]:
        cluster = Cluster(in_memory=True, seed=seed)
        await cluster.take_ports(1, 2, 3)
        nodes = [cluster.node(node_id) for node_id in (1, 2, 3, 7)]
        notes: list[object] = []
        async with trio.open_nursery() as nursery:
            for node in nodes:
                await nursery.start(node.run)
                node.peers.on_message = lambda source, message: notes.append((source, message))
            for _ in range(30):
                await trio.sleep(cluster.random.random())
                source, target = cluster.random.sample(nodes, 2)
                source.peers.send(target.node_id, Vote(1))
                if cluster.random.random() < 0.3:
                    cluster.wires.cut(f"node{source.node_id}", f"node{target.node_id}")
                if cluster.random.random() < 0.1:
                    cluster.wires.heal()
            nursery.cancel_scope.cancel()
        return [notes, [node.events for node in nodes], trio.current_time()]

    with pytest.MonkeyPatch.context() as patch, capture_logs() as lines:
        patch.setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
        patch.setattr(trio_run, "_r", random.Random(seed))
        noted = trio.run(main, clock=MockClock(autojump_threshold=0))
    return [*noted, lines]


def test_a_seed_makes_one_trace() -> None:
    traces = [str(trace_of(seed)) for seed in (1, 1, 2)]
    assert traces[0] == traces[1] != traces[2]

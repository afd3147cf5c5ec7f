"""Clusters from properties files: they form, agree, and go on without a killed controller."""

from __future__ import annotations

import json

import pytest

from raftkafka.client.quorum import describe_quorum
from tests.cluster.conftest import MakeCluster
from tests.support.wire import is_serving, until


def test_topic_made_through_any_broker_is_seen_through_all(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    names: set[str] = set()
    for node in cluster.running:
        name = f"through-{node.node_id}"
        node.create_topic(name, replication_factor=3)
        names.add(name)
        assert node.topics() == names, "who was answered sees it"
    cluster.until_all_see("all topics", lambda node: node.topics() == names)
    assert len({node.describe().cluster_id for node in cluster.running}) == 1
    cluster.stop()


@pytest.mark.parametrize("voters", [3, 5])
def test_another_controller_takes_over_from_a_killed_one(
    voters: int, make_cluster: MakeCluster
) -> None:
    cluster = make_cluster(voters=voters)
    cluster.start()
    killed = cluster.controller()
    killed.create_topic("before", replication_factor=3)
    killed.kill()
    left = cluster.running
    for number, node in enumerate(left):
        node.create_topic(f"after-{number}", replication_factor=2)
    cluster.controller(other_than=killed.node_id)
    cluster.until_unfenced(node.node_id for node in left)
    cluster.start(killed.node_id)
    assert killed.topics() == {"before", *(f"after-{n}" for n in range(len(left)))}
    cluster.until_unfenced(cluster.nodes)


def test_all_at_once_killed_come_back_with_all_that_was_acknowledged(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster()
    cluster.start()
    cluster.nodes[2].create_topic("t", partitions=6, replication_factor=2)
    cluster_id = cluster.nodes[1].describe().cluster_id
    for node in cluster.running:
        node.kill()
    cluster.start()
    cluster.until_all_see("the topic", lambda node: node.topics() == {"t"})
    cluster.until_unfenced(cluster.nodes)
    assert {node.describe().cluster_id for node in cluster.running} == {cluster_id}


def test_rule_19_a_stop_hands_over_leaderships_and_the_office(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    leaving = cluster.controller()
    leaving.create_topic("t", partitions=9, replication_factor=3)
    assert leaving.stop() == 0
    handed_over = [line for line in leaving.log_text().splitlines() if "broker_left" in line]
    assert json.loads(handed_over[0])["handed_over"] is True
    (stayed, _) = left = cluster.running
    stayed.create_topic("next", replication_factor=2)
    cluster.controller(other_than=leaving.node_id)
    leaders = {it.leader for it in stayed.describe_topic("t").partitions}
    assert leaders == {node.node_id for node in left}
    cluster.start(leaving.node_id)
    cluster.until_unfenced(cluster.nodes)


def test_brokers_without_a_vote_follow_and_serve(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(observers=2)
    servers = ",".join(f"127.0.0.1:{port}" for port in cluster.ports.values())
    by_bootstrap = {"controller.quorum.voters": "", "controller.quorum.bootstrap.servers": servers}
    cluster.add(5, config=by_bootstrap)
    cluster.start()
    for node_id in (4, 5):
        observer, name = cluster.nodes[node_id], f"through-{node_id}"
        observer.create_topic(name, partitions=5, replication_factor=1)
        assert name in observer.topics()
        leaders = {it.leader for it in observer.describe_topic(name).partitions}
        assert leaders == set(cluster.nodes), "they lead like all others"
    cluster.nodes[5].kill()
    cluster.until_unfenced({1, 2, 3, 4})


@pytest.mark.parametrize("roles", ["", "controller"])
def test_brokers_join_a_node_that_is_the_whole_quorum(
    roles: str, make_cluster: MakeCluster
) -> None:
    cluster = make_cluster(voters=1, observers=2, of_node={1: {"process.roles": roles}})
    cluster.start(1)  # it is there, and serves, before anybody joins
    cluster.start(2, 3)
    cluster.until_unfenced(it.node_id for it in cluster.brokers)
    cluster.nodes[3].create_topic("t", partitions=4, replication_factor=2)
    cluster.until_all_see("the topic", lambda node: node.topics() == {"t"})
    cluster.nodes[2].kill()
    cluster.until_unfenced(it.node_id for it in cluster.brokers)
    for node in cluster.running:
        node.kill()
    cluster.start()
    cluster.until_all_see("the topic", lambda node: node.topics() == {"t"})
    cluster.until_unfenced(it.node_id for it in cluster.brokers)
    cluster.stop()


def test_a_lone_node_opens_no_port_for_others(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(voters=1, config={"controller.quorum.voters": ""})
    cluster.start()
    assert not is_serving(cluster.ports[1])
    cluster.nodes[1].create_topic("t")


def test_controllers_alone_have_no_clients(make_cluster: MakeCluster) -> None:
    alone = {"process.roles": "controller"}
    cluster = make_cluster(observers=2, of_node=dict.fromkeys((1, 2, 3), alone))
    cluster.start()
    cluster.nodes[4].create_topic("t", replication_factor=2)
    cluster.until_unfenced({4, 5})
    assert not any(is_serving(cluster.nodes[it].port) for it in cluster.voters)
    cluster.stop()


def test_a_killed_broker_is_fenced_at_once(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    controller = cluster.controller()
    victim = next(node for node in cluster.running if node is not controller)
    victim.kill()
    left = {node.node_id for node in cluster.running}
    until(
        lambda: {it.node_id for it in controller.describe().brokers if not it.is_fenced} == left,
        "fenced long before any session times out",
        deadline_s=1.0,
    )


def test_any_broker_tells_the_state_of_the_quorum(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(observers=1)
    cluster.start()
    controller = cluster.controller()
    for node in cluster.running:
        with node.client() as client:
            quorum = describe_quorum(client)
        assert quorum.leader_id == controller.node_id
        assert [it.node_id for it in quorum.voters] == [1, 2, 3]
        assert [it.node_id for it in quorum.observers] == [4]

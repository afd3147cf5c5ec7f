"""Clusters from properties files: they form, agree, and go on without a killed controller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Cluster]:
    """Three brokers that vote; not running yet."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.end()


def test_topic_made_through_any_broker_is_seen_through_all(three: Cluster) -> None:
    three.start()
    names: set[str] = set()
    for node in three.running:
        name = f"through-{node.node_id}"
        node.create_topic(name, replication_factor=3)
        names.add(name)
        assert node.topics() == names, "who was answered sees it"
    three.until_all_see("all topics", lambda node: node.topics() == names)
    assert len({node.describe().cluster_id for node in three.running}) == 1


def test_another_controller_takes_over_from_a_killed_one(three: Cluster) -> None:
    three.start()
    killed = three.controller()
    killed.create_topic("before", replication_factor=3)
    killed.kill()
    left = three.running
    for number, node in enumerate(left):
        node.create_topic(f"after-{number}", replication_factor=2)
    three.controller(other_than=killed.node_id)
    three.until_unfenced(node.node_id for node in left)
    three.start(killed.node_id)
    names = {"before", "after-0", "after-1"}
    assert killed.topics() == names
    three.until_unfenced(three.nodes)

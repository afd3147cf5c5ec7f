"""What is set up wrongly says so, and what to type; the cluster beside it goes on undisturbed."""

from __future__ import annotations

import shutil

import pytest

from raftkafka.client.quorum import readmit_voter
from tests.cluster.conftest import MakeCluster
from tests.support.cluster import Cluster, Node
from tests.support.wire import until

HOUR_AHEAD = (
    "import time, sys; ns = time.time_ns; time.time_ns = lambda: ns() + 3_600_000_000_000; "
    "from raftkafka.cli.main import run; sys.exit(run(['start', sys.argv[1]]))"
)


def says(node: Node, *parts: str) -> None:
    """Wait until one line of a node's log has all of these parts."""

    def told() -> bool:
        lines = node.log_text().splitlines()
        return any(all(part in line for part in parts) for line in lines)

    until(told, f"{parts} in {node.log}", deadline_s=15)


def goes_on(cluster: Cluster) -> None:
    """Assert that the cluster's own nodes are all there, and take orders."""
    cluster.until_unfenced(cluster.nodes)
    name = f"topic-{len(cluster.nodes[1].topics())}"
    for node in cluster.running:
        node.create_topic(f"{name}-{node.node_id}", replication_factor=3)


@pytest.fixture
def three(make_cluster: MakeCluster) -> Cluster:
    """Three brokers that vote, running."""
    cluster = make_cluster()
    cluster.start()
    return cluster


def test_another_voters_line(three: Cluster) -> None:
    wrong = three.voters_line().replace(f"3@127.0.0.1:{three.ports[3]}", "3@127.0.0.1:1")
    odd = three.add(4, "odd", {"controller.quorum.voters": wrong})
    odd.spawn()
    says(odd, "controller.quorum.voters of node 4 differs", "give all nodes the same line")
    goes_on(three)


def test_a_node_id_that_is_taken(three: Cluster) -> None:
    observer = three.add(4)
    observer.start()
    twin = three.add(4, "twin")
    twin.spawn()
    says(twin, "duplicate node id 4", "a node.id of its own")
    goes_on(three)
    assert observer.is_running


def test_a_voter_twice_on_one_machine(three: Cluster) -> None:
    twin = three.add(2, "twin")
    twin.spawn()
    assert twin.wait() == 6
    says(twin, "the port is taken", "controller.quorum.voters")
    goes_on(three)


def test_a_broker_of_another_cluster(three: Cluster, make_cluster: MakeCluster) -> None:
    other = make_cluster(observers=1)
    other.start()
    foreigner = other.nodes[4]
    foreigner.stop()
    lost = three.add(4, "lost")
    shutil.copytree(foreigner.data, lost.data)
    lost.spawn()
    says(lost, "belongs to cluster", "empty data folders")
    goes_on(three)
    goes_on(three)


def test_a_secret_that_differs(
    make_cluster: MakeCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    for name in ("right", "wrong"):
        (folder / name).write_text(f"{name} secret of sufficient length\n")
    cluster = make_cluster(config={"cluster.secret.file": str(folder / "right")})
    cluster.start()
    stranger = cluster.add(4, "stranger", {"cluster.secret.file": str(folder / "wrong")})
    stranger.spawn()
    says(stranger, "cluster.secret.file")
    goes_on(cluster)
    without = cluster.add(5, "without", {"cluster.secret.file": str(folder / "missing")})
    without.spawn()
    assert without.wait() == 2
    says(without, "missing", "raftkafka secret")
    goes_on(cluster)


def test_a_clock_that_is_an_hour_off(three: Cluster) -> None:
    node = three.add(4)
    node.program = HOUR_AHEAD
    node.start()
    says(node, "clock_differs", "3600", "ahead", "timedatectl set-ntp true")
    goes_on(three)


def test_a_wiped_voter_has_no_vote_until_it_is_readmitted(three: Cluster) -> None:
    wiped = three.nodes[3]
    wiped.stop()
    shutil.rmtree(wiped.data)
    wiped.spawn()
    says(wiped, "raftkafka quorum readmit 3")
    three.nodes[1].create_topic("while-it-has-no-vote", replication_factor=2)
    wiped.wait_until_serving()
    with three.nodes[1].client() as client:
        readmit_voter(client, 3)
    three.until_unfenced(three.nodes)
    three.nodes[1].kill()
    wiped.create_topic("with-its-vote", replication_factor=2)
    assert wiped.topics() == {"while-it-has-no-vote", "with-its-vote"}


def test_a_copied_folder(three: Cluster) -> None:
    copy = three.add(4, "copy")
    shutil.copytree(three.nodes[3].data, copy.data)
    copy.spawn()
    assert copy.wait() == 3
    says(copy, "holds the data of node 3, and this is node 4", "set node.id=3")
    goes_on(three)

"""The commands for clusters, on clusters: who leads, who lags, what moves, what is missing."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftkafka.types import ZERO_ID, uuid_text
from tests.cluster.conftest import MakeCluster
from tests.support.cluster import Cluster, Node
from tests.support.commands import Done, output, run

TOPICS = "kafka-topics"
REASSIGN = "kafka-reassign-partitions"


class Tools:
    """The commands, at one broker that is not the controller."""

    def __init__(self, cluster: Cluster) -> None:
        self.controller = cluster.controller()
        self.node: Node = next(n for n in cluster.brokers if n is not self.controller)

    def run(self, tool: str, *words: str) -> Done:
        return run(tool, "--bootstrap-server", self.node.bootstrap, *words)

    def output(self, tool: str, *words: str) -> str:
        return output(tool, "--bootstrap-server", self.node.bootstrap, *words)

    def raftkafka(self, *words: str) -> str:
        return output("raftkafka", *words, "--bootstrap-server", self.node.bootstrap)

    def create(self, topic: str, assignment: str, *configs: str) -> None:
        words = [word for config in configs for word in ("--config", config)]
        create = ("--create", "--topic", topic, "--replica-assignment", assignment)
        self.output(TOPICS, *create, *words)

    def picked(self, report: str) -> set[str]:
        """Return topics whose partition 0 a filter of --describe picks."""
        shown = self.output(TOPICS, "--describe", f"--{report}").splitlines()
        return {re.findall("Topic: ([a-z]+)\tPartition: 0\t", line)[0] for line in shown}


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers that vote and one that follows, running; tests leave them so."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), observers=1)
    cluster.start()
    cluster.until_unfenced(cluster.nodes)
    yield cluster
    cluster.end()


def test_quorum_is_described(four: Cluster) -> None:
    tools = Tools(four)
    leader = tools.controller.node_id
    status = tools.output("kafka-metadata-quorum", "describe", "--status").splitlines()
    facts = {name: value.strip() for name, value in (line.split(":", 1) for line in status)}
    assert list(facts) == [
        *("ClusterId", "LeaderId", "LeaderEpoch", "HighWatermark", "MaxFollowerLag"),
        *("MaxFollowerLagTimeMs", "CurrentVoters", "CurrentObservers"),
    ]
    assert facts["ClusterId"] == tools.node.describe().cluster_id
    assert int(facts["LeaderId"]) == leader
    voters = {node["id"]: node["endpoints"] for node in json.loads(facts["CurrentVoters"])}
    assert voters == {n: [f"CONTROLLER://127.0.0.1:{four.ports[n]}"] for n in four.voters}
    assert [node["id"] for node in json.loads(facts["CurrentObservers"])] == [4]

    table = tools.output("kafka-metadata-quorum", "describe", "--replication").splitlines()
    rows = [[cell.strip() for cell in line.split("\t")] for line in table[1:]]
    followers = [n for n in four.voters if n != leader]
    assert [(int(row[0]), row[6]) for row in rows] == [
        (leader, "Leader"),
        *((n, "Follower") for n in followers),
        (4, "Observer"),
    ]

    folders = {int(row[0]): row[1] for row in rows}
    nobodys = uuid_text(ZERO_ID)
    assert len({*folders.values(), nobodys}) == 5, "each node is told with its own"
    told = json.loads(facts["CurrentVoters"]) + json.loads(facts["CurrentObservers"])
    assert {node["id"]: node["directoryId"] for node in told} == folders

    described = json.loads(tools.raftkafka("quorum", "describe", "--format", "json"))
    assert described["leader"] == leader
    assert {node["node"]: node["directory_id"] for node in described["nodes"]} == folders
    roles = {node["node"]: node["role"] for node in described["nodes"]}
    assert roles == {leader: "leader", **dict.fromkeys(followers, "voter"), 4: "observer"}


def test_what_a_killed_broker_leaves_behind(make_cluster: MakeCluster) -> None:
    four = make_cluster(observers=1)
    four.start()
    four.until_unfenced(four.nodes)
    tools = Tools(four)
    tools.create("lost", "4")
    tools.create("thin", "1:4", "min.insync.replicas=2")
    tools.create("even", "1:4:2", "min.insync.replicas=2")
    tools.create("whole", "1:2")
    for report in ("under-replicated", "unavailable", "under-min-isr"):
        assert tools.picked(f"{report}-partitions") == set()
    four.nodes[4].kill()
    four.until_unfenced(four.voters)
    assert tools.picked("under-replicated-partitions") == {"lost", "thin", "even"}
    assert tools.picked("unavailable-partitions") == {"lost"}
    assert tools.picked("under-min-isr-partitions") == {"lost", "thin"}
    assert tools.picked("at-min-isr-partitions") == {"even"}
    shown = tools.output(TOPICS, "--describe", "--topic", "lost").splitlines()[1]
    assert "\tLeader: none\tReplicas: 4\tIsr: \tElr: 4\t" in shown
    rows = [line.split("\t") for line in tools.raftkafka("cluster", "describe").splitlines()]
    assert [(int(row[0]), row[4], row[5]) for row in rows] == [
        (n, str(n == tools.controller.node_id).lower(), "fenced" if n == 4 else "active")
        for n in four.nodes
    ]


def test_voter_that_lost_its_metadata_is_let_in_again(make_cluster: MakeCluster) -> None:
    three = make_cluster()
    three.start()
    wiped = next(n for n in three.brokers if n is not three.controller())
    wiped.stop()
    shutil.rmtree(wiped.data)
    three.start(wiped.node_id)
    tools = Tools(three)

    def roles() -> list[str]:
        nodes = json.loads(tools.raftkafka("quorum", "describe", "--format", "json"))["nodes"]
        return sorted(node["role"] for node in nodes if node["node"] == wiped.node_id)

    assert roles() == ["no vote", "voter"]
    words = ("quorum", "readmit", str(wiped.node_id), "--bootstrap-server", tools.node.bootstrap)
    assert output("raftkafka", *words) == f"Node {wiped.node_id} votes again.\n"
    assert roles() == ["voter"]
    again = run("raftkafka", *words)
    assert again.code == 1
    assert f"node {wiped.node_id} has its vote" in again.err


def written(file: Path, topic: str, *replicas: int) -> tuple[str, str]:
    """Write a plan for partition 0 of a topic; return the option that names it."""
    partition = {"topic": topic, "partition": 0, "replicas": replicas}
    file.write_text(json.dumps({"version": 1, "partitions": [partition]}))
    return "--reassignment-json-file", str(file)


def test_partition_is_moved_there_and_back(four: Cluster, tmp_path: Path) -> None:
    """To replicas that are in sync, so that it is done at once."""
    tools = Tools(four)
    tools.create("moved", "1:2:3,2:3:1")
    plan = written(tmp_path / "plan.json", "moved", 3, 2, 1)
    title, _, saved, _, advice, done = tools.output(REASSIGN, "--execute", *plan).splitlines()
    assert title == "Current partition replica assignment"
    assert advice == "Save this to use as the --reassignment-json-file option during rollback"
    assert done == "Successfully started partition reassignment for moved-0"
    assert tools.output(REASSIGN, "--verify", *plan) == (
        "Status of partition reassignment:\n"
        "Reassignment of partition moved-0 is completed.\n\n"
        "Clearing broker-level throttles on brokers 1,2,3,4\n"
        "Clearing topic-level throttles on topic moved\n"
    )
    elect = ("--election-type", "preferred", "--topic", "moved", "--partition", "0")
    assert tools.output("kafka-leader-election", *elect) == (
        "Successfully completed leader election (PREFERRED) for partitions moved-0\n"
    )
    assert tools.output("kafka-leader-election", *elect) == (
        "Valid replica already elected for partitions moved-0\n"
    )
    shown = tools.output(TOPICS, "--describe", "--topic", "moved")
    assert "\tPartition: 0\tLeader: 3\tReplicas: 3,2,1\t" in shown

    (partition,) = json.loads(saved)["partitions"]
    assert partition["replicas"] == [1, 2, 3]
    folder = str(four.nodes[1].data)
    assert partition["log_dirs"][0] == folder, "its leader holds it"
    (tmp_path / "saved.json").write_text(saved)
    back = ("--reassignment-json-file", str(tmp_path / "saved.json"))
    started = tools.output(REASSIGN, "--execute", *back)
    confirmed = f"moving log directory to {folder} for replica moved-0 with broker 1 \n"
    assert f"Successfully started {confirmed}" in started
    verified = tools.output(REASSIGN, "--verify", *back)
    assert "Reassignment of partition moved-0 is completed.\n" in verified
    assert "Reassignment of replica moved-0-1 completed successfully.\n" in verified


def test_replica_is_not_moved_to_another_directory(four: Cluster, tmp_path: Path) -> None:
    tools = Tools(four)
    tools.create("staying", "1")
    partition = {"topic": "staying", "partition": 0, "replicas": [1], "log_dirs": ["/nosuch"]}
    (tmp_path / "plan.json").write_text(json.dumps({"partitions": [partition]}))
    plan = ("--reassignment-json-file", str(tmp_path / "plan.json"))
    refused = tools.run(REASSIGN, "--execute", *plan)
    assert refused.code == 1
    assert refused.out.endswith("Error: Failed to alter dir for staying-0-1: log dir not found\n")


def test_move_that_goes_on_is_listed_and_cancelled(four: Cluster, tmp_path: Path) -> None:
    tools = Tools(four)
    tools.create("moving", "1:2")
    four.nodes[4].send_signal(signal.SIGSTOP)  # it is known, and does not catch up
    try:
        plan = written(tmp_path / "plan.json", "moving", 1, 4)
        tools.output(REASSIGN, "--execute", *plan)
        assert tools.output(REASSIGN, "--list") == (
            "Current partition reassignments:\nmoving-0: replicas: 1,4,2. adding: 4. removing: 2.\n"
        )
        again = tools.run(REASSIGN, "--execute", *plan)
        assert again.code == 1
        assert again.out.startswith("Cannot execute because there is an existing partition ")
        shown = tools.output(TOPICS, "--describe", "--topic", "moving")
        assert "\tReplicationFactor: 2\t" in shown
        assert "\tIsr: 1,2\tAdding Replicas: 4\tRemoving Replicas: 2\t" in shown
        assert tools.output(REASSIGN, "--verify", *plan) == (
            "Status of partition reassignment:\n"
            "Reassignment of partition moving-0 is still in progress.\n\n"
        )
        assert tools.output(REASSIGN, "--cancel", "--preserve-throttles", *plan) == (
            "Successfully cancelled partition reassignment for: moving-0\n"
            "None of the specified partition moves are active."
        )
        assert tools.output(REASSIGN, "--list") == "No partition reassignments found.\n"
    finally:
        four.nodes[4].send_signal(signal.SIGCONT)


def test_plan_is_proposed_for_the_brokers_that_are_named(four: Cluster, tmp_path: Path) -> None:
    tools = Tools(four)
    tools.create("planned", "1:2,2:1,1:2")
    file = tmp_path / "topics.json"
    file.write_text('{"version": 1, "topics": [{"topic": "planned"}]}')
    generate = ("--generate", "--topics-to-move-json-file", str(file), "--broker-list", "2,3,4")
    title, current, _, proposal, proposed = tools.output(REASSIGN, *generate).splitlines()
    assert title == "Current partition replica assignment"
    assert proposal == "Proposed partition reassignment configuration"
    assert [each["replicas"] for each in json.loads(current)["partitions"]] == [
        [1, 2],
        [2, 1],
        [1, 2],
    ]
    replicas = [each["replicas"] for each in json.loads(proposed)["partitions"]]
    assert sorted(leader for leader, _ in replicas) == [2, 3, 4]
    assert all(follower in {2, 3, 4} - {leader} for leader, follower in replicas)

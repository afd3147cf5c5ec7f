"""The tools for clusters, ours and Kafka's own side by side on a cluster of ours: the same lines.

Sorted, because Kafka writes topics and partitions in the order of its hash tables. Where Kafka
prints a stack trace on stdout, only what it says before counts.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator

import pytest

from tests.clients.side_by_side import both, ours, theirs
from tests.support.broker import Server
from tests.support.cluster import Cluster

pytestmark = pytest.mark.needs("java")

REASSIGN = "kafka-reassign-partitions"
JAVA_CLASS = r"(?:\w+\.)+\w+(?:Exception|Error): "
TIMES = re.compile(r"\d{13}|\d+ ms ago *|(?<=MaxFollowerLagTimeMs:) +\d+")
KEPT = {"topic": "kept", "partition": 0, "replicas": [1, 2]}
FILES: dict[str, object] = {
    "kept.json": {"version": 1, "partitions": [KEPT]},
    "other.json": {"version": 1, "partitions": [{**KEPT, "replicas": [4, 1]}]},
    "nobody.json": {"version": 1, "partitions": [{**KEPT, "topic": "nosuch"}]},
    "beyond.json": {"version": 1, "partitions": [{**KEPT, "partition": 7}]},
    "stranger.json": {"version": 1, "partitions": [{**KEPT, "replicas": [9]}]},
    "twice.json": {"version": 1, "partitions": [KEPT, KEPT]},
    "repeated.json": {"version": 1, "partitions": [{**KEPT, "replicas": [1, 1]}]},
    "empty.json": {"version": 1, "partitions": []},
    "none.json": {"version": 1, "partitions": [{**KEPT, "replicas": []}]},
    "version.json": {"version": 3, "partitions": []},
    "missing.json": {"version": 1},
    "topics.json": {"version": 1, "topics": [{"topic": "kept"}]},
    "strange-topics.json": {"version": 1, "topics": [{"topic": "nosuch"}]},
    "twice-topics.json": {"version": 1, "topics": [{"topic": "kept"}, {"topic": "kept"}]},
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers that vote and one that follows."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), observers=1)
    cluster.start()
    cluster.until_unfenced(cluster.nodes)
    yield cluster
    cluster.end()


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> Server:
    """A broker that is not the controller, with a topic."""
    controller = cluster.controller()
    node = next(each for each in cluster.running if each is not controller)
    create = ["SERVER", "--create", "--topic", "kept", "--replica-assignment", "1:2,2:3,3:4"]
    assert ours("kafka-topics", create, node, cluster.folder).code == 0
    for name, content in FILES.items():
        (cluster.folder / name).write_text(json.dumps(content))
    return node


@pytest.mark.parametrize(
    "words",
    [
        "kafka-metadata-quorum SERVER describe --status",
        "kafka-metadata-quorum SERVER describe --replication",
        "kafka-metadata-quorum SERVER describe --replication --human-readable",
        "kafka-metadata-quorum SERVER describe",
        "kafka-metadata-quorum SERVER describe --status --replication",
        "kafka-metadata-quorum SERVER describe --status --human-readable",
        "kafka-metadata-quorum SERVER nosuch",
        "kafka-metadata-quorum SERVER",
        "kafka-metadata-quorum describe --status",
        "kafka-metadata-quorum",
        "kafka-leader-election SERVER --election-type preferred --all-topic-partitions",
        "kafka-leader-election SERVER --election-type preferred --topic kept --partition 0",
        "kafka-leader-election SERVER --election-type UNCLEAN --topic kept --partition 1",
        "kafka-leader-election SERVER --election-type unclean --topic nosuch --partition 0",
        "kafka-leader-election SERVER --election-type preferred --topic kept --partition 7",
        "kafka-leader-election SERVER --election-type preferred --path-to-json-file kept.json",
        "kafka-leader-election SERVER --election-type preferred --path-to-json-file twice.json",
        "kafka-leader-election SERVER --election-type preferred --path-to-json-file nosuch.json",
        "kafka-leader-election SERVER --election-type preferred --topic kept",
        "kafka-leader-election SERVER --election-type preferred",
        "kafka-leader-election SERVER --election-type preferred --all-topic-partitions "
        "--admin.config topics.json",
        "kafka-leader-election SERVER --election-type nosuch --all-topic-partitions",
        "kafka-leader-election --election-type preferred --all-topic-partitions",
        "kafka-reassign-partitions SERVER --list",
        "kafka-reassign-partitions SERVER --verify --reassignment-json-file kept.json",
        "kafka-reassign-partitions SERVER --verify --reassignment-json-file other.json",
        "kafka-reassign-partitions SERVER --verify --reassignment-json-file nobody.json "
        "--preserve-throttles",
        "kafka-reassign-partitions SERVER --verify --reassignment-json-file missing.json",
        "kafka-reassign-partitions SERVER --verify --reassignment-json-file version.json",
        "kafka-reassign-partitions SERVER --cancel --reassignment-json-file kept.json",
        "kafka-reassign-partitions SERVER --cancel --reassignment-json-file kept.json "
        "--preserve-throttles",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file kept.json",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file nobody.json",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file beyond.json",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file stranger.json",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file twice.json",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file repeated.json",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file empty.json",
        "kafka-reassign-partitions SERVER --execute --reassignment-json-file none.json",
        "kafka-reassign-partitions SERVER --generate --broker-list 1,1 "
        "--topics-to-move-json-file topics.json",
        "kafka-reassign-partitions SERVER --generate --broker-list 1,2 "
        "--topics-to-move-json-file strange-topics.json",
        "kafka-reassign-partitions SERVER --generate --broker-list 1,2 "
        "--topics-to-move-json-file twice-topics.json",
        "kafka-reassign-partitions SERVER --execute",
        "kafka-reassign-partitions SERVER --list --verify",
        "kafka-reassign-partitions SERVER --list --throttle 9",
        "kafka-reassign-partitions SERVER",
        "kafka-reassign-partitions --list",
        "kafka-topics SERVER --describe",
        "kafka-topics SERVER --describe --under-replicated-partitions",
        "kafka-topics SERVER --describe --unavailable-partitions",
        "kafka-topics SERVER --describe --under-min-isr-partitions",
        "kafka-topics SERVER --describe --at-min-isr-partitions",
        "kafka-cluster list-endpoints SERVER --include-fenced-brokers",
    ],
)
def test_alike(words: str, node: Server, cluster: Cluster) -> None:
    tool, *rest = words.split()
    our, their = both(tool, rest, node, cluster.folder)
    assert said(our.out) == said(their.out)
    assert our.code == their.code, f"{our.err}\n{their.err}"


def said(out: str) -> list[str]:
    """Return the lines before a stack trace, sorted, without times and names of Java classes."""
    before = re.split(rf"^{JAVA_CLASS}", out, maxsplit=1, flags=re.MULTILINE)[0]
    named = re.compile(rf"(?<=^Error: ){JAVA_CLASS}")
    return sorted(TIMES.sub("TIME", named.sub("", line)) for line in before.splitlines())


def test_a_move_is_seen_alike(node: Server, cluster: Cluster) -> None:
    """Started by Kafka's tool, seen by both while it goes on, stopped by ours."""
    create = ["SERVER", "--create", "--topic", "moved", "--replica-assignment", "1:2"]
    assert theirs("kafka-topics", create, node, cluster.folder).code == 0
    move = {"topic": "moved", "partition": 0, "replicas": [1, 4]}
    plan = ["--reassignment-json-file", "move.json"]
    (cluster.folder / "move.json").write_text(json.dumps({"partitions": [move]}))
    cluster.nodes[4].send_signal(signal.SIGSTOP)  # it is known, and does not catch up
    try:
        started = theirs(REASSIGN, ["SERVER", "--execute", *plan], node, cluster.folder)
        assert started.out.endswith("Successfully started partition reassignment for moved-0\n")
        for tool, *words in (
            (REASSIGN, "--list"),
            (REASSIGN, "--execute", *plan),
            ("kafka-topics", "--describe", "--topic", "moved"),
        ):
            our, their = both(tool, ["SERVER", *words], node, cluster.folder)
            assert our[:2] == their[:2]
        cancelled = ours(REASSIGN, ["SERVER", "--cancel", *plan], node, cluster.folder)
        assert cancelled.out.startswith("Successfully cancelled partition reassignment for: moved")
    finally:
        cluster.nodes[4].send_signal(signal.SIGCONT)


def test_a_proposal_begins_with_what_there_is(node: Server, cluster: Cluster) -> None:
    """What comes after it is drawn at random, by both."""
    words = ["--generate", "--topics-to-move-json-file", "topics.json", "--broker-list", "1,2,3"]
    our, their = both(REASSIGN, ["SERVER", *words], node, cluster.folder)
    assert our.out.splitlines()[:4] == their.out.splitlines()[:4]
    keys, their_keys = (list(json.loads(done.out.splitlines()[4])) for done in (our, their))
    assert keys == their_keys

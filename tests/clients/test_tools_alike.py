"""Our kafka-* commands and Kafka's own, side by side on one broker: the same bytes on stdout.

Sorted, because Kafka writes topics and partitions in the order of its hash tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.side_by_side import SERVER, both
from tests.support.broker import Server
from tests.support.commands import Done, output

pytestmark = pytest.mark.needs("java")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker without a proxy before it."""
    server = Server(tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    assert server.stop() == 0
    server.assert_log_is_clean()


@pytest.fixture(scope="module")
def topic(server: Server) -> str:
    """A topic of two partitions with a config, and records of every kind in the first."""
    name = f"alike-{uuid4().hex[:8]}"
    env = {"RAFTKAFKA_BOOTSTRAP": server.bootstrap}
    create = ("raftkafka", "topic", "create", name, "-p", "2", "-c", "retention.ms=86400000")
    output(*create, env=env)
    records: list[dict[str, object]] = [
        {"value": "plain"},
        {"key": "k", "value": "v", "headers": [["h", "x"], ["i", None]]},
        {"key": "tombstone", "value": None},
        {"key": {"base64": "/w=="}, "value": "an odd key"},
    ]
    given = "".join(json.dumps(record) + "\n" for record in records)
    produce = ("raftkafka", "produce", name, "-p", "0", "--format", "json")
    output(*produce, given=given, env=env)
    output(*produce, "--compression", "gzip", given=given * 30, env=env)
    return name


ALIKE = [
    "kafka-topics SERVER --list",
    "kafka-topics SERVER --list --exclude-internal",
    "kafka-topics SERVER --list --topic TOPIC",
    "kafka-topics SERVER --list --topic nosuch",
    "kafka-topics SERVER --describe --topic TOPIC",
    "kafka-topics SERVER --describe --topic TOPIC --topics-with-overrides",
    "kafka-topics SERVER --describe --topic TOPIC --at-min-isr-partitions",
    "kafka-topics SERVER --describe --topic TOPIC --under-replicated-partitions",
    "kafka-topics SERVER --describe --topic nosuch",
    "kafka-topics SERVER --describe --topic nosuch --if-exists",
    "kafka-topics SERVER --describe --topic-id AAAAAAAAAAAAAAAAAAAAAQ",
    "kafka-topics SERVER --create --topic TOPIC",
    "kafka-topics SERVER --create --topic TOPIC --if-not-exists",
    "kafka-topics SERVER --create --topic bad/name",
    "kafka-topics SERVER --create --topic x --partitions 0",
    "kafka-topics SERVER --create --topic x --replication-factor 0",
    "kafka-topics SERVER --create --topic x --config nosuch=1",
    "kafka-topics SERVER --create --topic x --config retention.ms=abc",
    "kafka-topics SERVER --create --topic x --replica-assignment 1:1",
    "kafka-topics SERVER --alter --topic TOPIC --partitions 1",
    "kafka-topics SERVER --alter --topic TOPIC --partitions 2",
    "kafka-topics SERVER --alter --topic nosuch --partitions 2",
    "kafka-topics SERVER --alter --topic TOPIC",
    "kafka-topics SERVER --delete --topic nosuch",
    "kafka-topics SERVER --delete --topic nosuch --if-exists",
    "kafka-topics SERVER",
    "kafka-topics",
    "kafka-topics --list",
    "kafka-topics SERVER --nosuch",
    "kafka-configs SERVER --topic TOPIC --describe",
    "kafka-configs SERVER --topic TOPIC --describe --all",
    "kafka-configs SERVER --topic nosuch --describe",
    "kafka-configs SERVER --broker 1 --describe",
    "kafka-configs SERVER --entity-type brokers --entity-default --describe",
    "kafka-configs SERVER --topic TOPIC --alter --add-config nosuch=1",
    "kafka-configs SERVER --topic TOPIC --alter",
    "kafka-configs SERVER --entity-type topics --alter --add-config retention.ms=1",
    "kafka-configs SERVER --entity-type nosuch --describe",
    "kafka-get-offsets SERVER --topic TOPIC",
    "kafka-get-offsets SERVER --topic TOPIC --time earliest",
    "kafka-get-offsets SERVER --topic TOPIC --time max-timestamp",
    "kafka-get-offsets SERVER --topic TOPIC --time 99999999999999",
    "kafka-get-offsets SERVER --topic TOPIC --time bad",
    "kafka-get-offsets SERVER --topic-partitions TOPIC:1-3",
    "kafka-get-offsets SERVER --topic nosuch",
    "kafka-cluster cluster-id SERVER",
    "kafka-cluster list-endpoints SERVER",
    "kafka-cluster list-endpoints SERVER --include-fenced-brokers",
    "kafka-cluster",
    "kafka-log-dirs SERVER --describe --broker-list 7",
    "kafka-log-dirs SERVER",
    "kafka-storage info -c storage.properties",
    "kafka-storage nosuch",
    "kafka-console-consumer SERVER --topic TOPIC --offset 1",
    "kafka-console-consumer SERVER --topic TOPIC --partition 0 --offset bad",
    "kafka-console-consumer SERVER --from-beginning",
    "kafka-console-producer SERVER",
    "kafka-console-producer --topic TOPIC",
]


@pytest.mark.parametrize("words", ALIKE)
def test_alike(words: str, topic: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "storage.properties").write_text(
        f"process.roles=broker,controller\nnode.id=5\nlog.dirs={tmp_path}/a,{tmp_path}/b\n"
        "controller.quorum.voters=5@localhost:29093\ncontroller.listener.names=CONTROLLER\n"
        "listeners=PLAINTEXT://:29092,CONTROLLER://:29093\n"
    )
    tool, *rest = words.replace("TOPIC", topic).split()
    ours, theirs = both(tool, rest, server, tmp_path)
    assert sorted(ours.out.splitlines()) == sorted(theirs.out.splitlines())
    assert ours.code == theirs.code, f"{ours.err}\n{theirs.err}"


SHOWN = (
    *("print.key", "print.timestamp", "print.partition", "print.offset", "print.headers"),
    *("print.delivery",),
)


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param((), id="values"),
        pytest.param(tuple(f"{name}=true" for name in SHOWN), id="everything"),
        pytest.param(("print.key=true", "key.separator=|", "null.literal=NIL"), id="separators"),
        pytest.param(("print.value=false", "print.offset=true", "line.separator=;"), id="no value"),
    ],
)
def test_the_consoles_show_the_same(
    properties: tuple[str, ...], topic: str, server: Server, tmp_path: Path
) -> None:
    words = [SERVER, "--topic", topic, "--partition", "0", "--offset", "earliest"]
    words += ["--max-messages", "12"]
    for each in properties:
        words += ["--formatter-property", each]
    ours, theirs = both("kafka-console-consumer", words, server, tmp_path)
    assert ours.out == theirs.out
    assert (ours.code, theirs.code) == (0, 0)


@pytest.mark.parametrize(
    "more", ["", "--deep-iteration", "--print-data-log", "--print-data-log --skip-record-metadata"]
)
def test_files_are_dumped_the_same(more: str, topic: str, server: Server, tmp_path: Path) -> None:
    folder = server.data / f"{topic}-0"
    files = sorted(str(path) for path in folder.iterdir() if path.suffix in (".log", ".snapshot"))
    words = ["--files", ",".join(files), *more.split()]
    ours, theirs = both("kafka-dump-log", words, server, tmp_path)
    assert ours.out == theirs.out
    assert ours.code == theirs.code == 0


def test_log_dirs_are_the_same_json(topic: str, server: Server, tmp_path: Path) -> None:
    words = [SERVER, "--describe", "--topic-list", topic]
    ours, theirs = both("kafka-log-dirs", words, server, tmp_path)
    assert ours.out.splitlines()[:2] == theirs.out.splitlines()[:2]

    def replicas(done: Done) -> list[str]:
        (broker,) = json.loads(done.out.splitlines()[2])["brokers"]
        (folder,) = broker["logDirs"]
        return sorted(json.dumps(each) for each in folder["partitions"])

    assert replicas(ours) == replicas(theirs)
    assert len(ours.out) == len(theirs.out), "keys in the same order, no more blanks"


def test_records_are_deleted_the_same(server: Server, tmp_path: Path) -> None:
    topic = f"cut-{uuid4().hex[:8]}"
    env = {"RAFTKAFKA_BOOTSTRAP": server.bootstrap}
    output("raftkafka", "produce", topic, given="a\nb\nc\n", env=env)
    plan = {"partitions": [{"topic": topic, "partition": 0, "offset": 2}], "version": 1}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    words = [SERVER, "--offset-json-file", "plan.json"]
    ours, theirs = both("kafka-delete-records", words, server, tmp_path)
    assert ours.out == theirs.out
    (tmp_path / "plan.json").write_text('{"partitions": 7}')
    ours, theirs = both("kafka-delete-records", words, server, tmp_path)
    assert (ours.code, ours.out) == (theirs.code, theirs.out) == (1, "")

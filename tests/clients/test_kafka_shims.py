"""Our kafka-* commands against a running broker, with the output that scripts rely on."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.conftest import Meeting
from tests.support.commands import Done, command, output, run

PERFORMANCE = re.compile(
    r"200 records sent, \d+\.\d{6} records/sec \(\d+\.\d\d MB/sec\), \d+\.\d\d ms avg latency, "
    r"\d+\.\d\d ms max latency, \d+ ms 50th, \d+ ms 95th, \d+ ms 99th, \d+ ms 99.9th\.\n"
)


class Tools:
    """The commands, with the broker's address filled in."""

    def __init__(self, meeting: Meeting) -> None:
        meeting.recorder.label = ""  # what our own client uses is no matter of compatibility
        self.server = ("--bootstrap-server", meeting.server.bootstrap)

    def run(self, tool: str, *words: str, given: str = "") -> Done:
        return run(tool, *self.server, *words, given=given)

    def output(self, tool: str, *words: str, given: str = "") -> str:
        return output(tool, *self.server, *words, given=given)


@pytest.fixture
def tools(meeting: Meeting) -> Tools:
    return Tools(meeting)


def new_name() -> str:
    return f"shim-{uuid4().hex[:8]}"


def test_a_topics_life(tools: Tools) -> None:
    name = new_name()
    create = ("--create", "--topic", name, "--partitions", "2", "--replication-factor", "1")
    assert tools.output("kafka-topics", *create) == f"Created topic {name}.\n"
    again = tools.run("kafka-topics", *create)
    assert (again.code, again.out) == (
        1,
        f"Error while executing topic command : Topic '{name}' already exists.\n",
    )
    assert tools.output("kafka-topics", *create, "--if-not-exists") == ""
    assert name in tools.output("kafka-topics", "--list").splitlines()
    tools.output("kafka-topics", "--alter", "--topic", name, "--partitions", "3")
    described = tools.output("kafka-topics", "--describe", "--topic", name).splitlines()
    assert re.fullmatch(
        rf"Topic: {name}\tTopicId: \S{{22}}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: ",
        described[0],
    )
    assert described[1:] == [
        f"\tTopic: {name}\tPartition: {n}\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: "
        for n in range(3)
    ]
    assert tools.output("kafka-topics", "--delete", "--topic", name) == ""
    missing = tools.run("kafka-topics", "--describe", "--topic", name)
    assert (missing.code, missing.out) == (
        1,
        f"Error while executing topic command : Topic '{name}' does not exist as expected\n",
    )
    assert tools.output("kafka-topics", "--describe", "--topic", name, "--if-exists") == ""


def test_topics_are_described_by_what_they_lack(tools: Tools, meeting: Meeting) -> None:
    name = meeting.create(partitions=2)
    describe = ("kafka-topics", "--describe", "--topic", name)
    assert tools.output(*describe, "--under-replicated-partitions") == ""
    assert tools.output(*describe, "--unavailable-partitions") == ""
    assert tools.output(*describe, "--under-min-isr-partitions") == ""
    assert tools.output(*describe, "--at-min-isr-partitions").count("Leader: 1") == 2
    assert tools.output(*describe, "--topics-with-overrides") == ""
    entity = ("--entity-type", "topics", "--entity-name", name)
    tools.output("kafka-configs", *entity, "--alter", "--add-config", "retention.ms=1000")
    assert tools.output(*describe, "--topics-with-overrides").endswith(
        "Configs: retention.ms=1000\n"
    )


def test_configs(tools: Tools, meeting: Meeting) -> None:
    name = meeting.create()
    alter = ("kafka-configs", "--topic", name, "--alter")
    added = "flush.messages=5,cleanup.policy=[compact,delete]"
    done = f"Completed updating config for topic {name}.\n"
    assert tools.output(*alter, "--add-config", added) == done
    described = tools.output("kafka-configs", "--topic", name, "--describe").splitlines()
    assert described[0] == f"Dynamic configs for topic {name} are:"
    assert described[1] == (
        "  cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:"
        "cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}"
    )
    assert described[2].startswith("  flush.messages=5 sensitive=false synonyms={")
    assert tools.output(*alter, "--delete-config", "flush.messages,cleanup.policy") == done
    described = tools.output("kafka-configs", "--topic", name, "--describe").splitlines()
    assert len(described) == 1
    refused = tools.run(*alter, "--add-config", "nosuch=1")
    assert (refused.code, refused.err) == (1, "Unknown topic config name: nosuch\n")


def test_lines_go_in_and_come_out(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    produce = ("kafka-console-producer", "--topic", topic)
    consume = ("kafka-console-consumer", "--topic", topic)
    assert tools.output(*produce, given="one\ntwo\r\n") == ""
    keyed = ("--property", "parse.key=true", "--property", "key.separator=:", "--sync")
    tools.output(*produce, *keyed, given="k:three\n")
    read = tools.run(*consume, "--from-beginning", "--max-messages", "3")
    assert (read.code, read.out) == (0, "one\ntwo\nthree\n")
    assert read.err == "Processed a total of 3 messages\n"
    shown = ("--property", "print.key=true", "--property", "print.offset=true")
    place = ("--partition", "0", "--offset", "1", "--timeout-ms", "500")
    read = tools.run(*consume, *place, *shown, "--property", "key.separator=|")
    assert (read.code, read.out) == (0, "Offset:1|null|two\nOffset:2|k|three\n")
    assert read.err == "Processed a total of 2 messages\n"


def test_a_line_without_its_key_fails_after_those_before_it(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    keyed = ("--topic", topic, "--property", "parse.key=true")
    failed = tools.run("kafka-console-producer", *keyed, given="k\tv\nbroken\n")
    assert failed.code == 1
    assert failed.err == "No key separator found on line number 2: 'broken'\n"
    place = ("--topic", topic, "--from-beginning", "--max-messages", "1")
    assert tools.output("kafka-console-consumer", *place) == "v\n"


def test_numbers_are_shown_as_javas_deserializers_do(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    numbers = [{"base64": "AAAAAAAAACo="}, {"base64": "//////////8="}]
    given = "".join(json.dumps({"value": value}) + "\n" for value in numbers)
    env = {"RAFTKAFKA_BOOTSTRAP": meeting.server.bootstrap}
    output("raftkafka", "produce", topic, "--format", "json", given=given, env=env)
    long = "org.apache.kafka.common.serialization.LongDeserializer"
    place = ("--topic", topic, "--from-beginning", "--max-messages", "2")
    shown = tools.output(
        "kafka-console-consumer", *place, "--property", f"value.deserializer={long}"
    )
    assert shown == "42\n-1\n"


def test_a_consumer_waits_for_a_topic_and_ends_quietly(tools: Tools, meeting: Meeting) -> None:
    topic = new_name()
    consumer = subprocess.Popen(
        command("kafka-console-consumer", *tools.server, "--topic", topic, "--from-beginning"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert consumer.stdout is not None
    assert consumer.stderr is not None
    tools.output("kafka-console-producer", "--topic", topic, given="hello\n")
    assert consumer.stdout.readline() == b"hello\n"
    consumer.send_signal(signal.SIGINT)
    assert consumer.wait(20) == 130
    assert consumer.stderr.read() == b"Processed a total of 1 messages\n"
    consumer.stdout.close()
    consumer.stderr.close()


def test_who_types_gets_a_prompt(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    ours, theirs = pty.openpty()
    words = ("kafka-console-producer", *tools.server, "--topic", topic)
    typist = subprocess.Popen(command(*words), stdin=theirs, stdout=theirs, close_fds=True)
    os.close(theirs)
    assert os.read(ours, 1) == b">"
    os.write(ours, b"typed\n\x04")
    shown = b""
    while b">" not in shown:
        shown += os.read(ours, 100)
    assert typist.wait(20) == 0
    os.close(ours)
    place = ("--topic", topic, "--from-beginning", "--max-messages", "1")
    assert tools.output("kafka-console-consumer", *place) == "typed\n"


def test_there_are_no_groups_yet(tools: Tools) -> None:
    refused = tools.run("kafka-console-consumer", "--topic", "t", "--group", "g")
    assert refused.code == 1
    assert refused.err.startswith("--group: this broker has no consumer groups yet; leave it out")


def test_offsets_and_records_deleted(tools: Tools, meeting: Meeting, tmp_path: Path) -> None:
    topic = meeting.create(partitions=2)
    given = "".join(f"{n}\n" for n in range(4))
    env = {"RAFTKAFKA_BOOTSTRAP": meeting.server.bootstrap}
    output("raftkafka", "produce", topic, "-p", "1", given=given, env=env)
    offsets = ("kafka-get-offsets", "--topic", topic)
    assert tools.output(*offsets) == f"{topic}:0:0\n{topic}:1:4\n"
    assert tools.output(*offsets, "--partitions", "1", "--time", "max-timestamp") != ""
    plan = [{"topic": topic, "partition": 1, "offset": 3}]
    (tmp_path / "plan.json").write_text(json.dumps({"partitions": plan, "version": 1}))
    plan_file = ("--offset-json-file", str(tmp_path / "plan.json"))
    assert tools.output("kafka-delete-records", *plan_file) == (
        "Executing records delete operation\nRecords delete operation completed:\n"
        f"partition: {topic}-1\tlow_watermark: 3\n"
    )
    assert tools.output(*offsets, "--time", "-2") == f"{topic}:0:0\n{topic}:1:3\n"
    missing = tools.run("kafka-get-offsets", "--topic", new_name())
    assert missing.code == 1
    assert missing.err == (
        "Error occurred: Could not match any topic-partitions with the specified filters\n"
    )


def test_log_dirs(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    first, second, document = tools.output(
        "kafka-log-dirs", "--describe", "--topic-list", topic
    ).splitlines()
    assert first == "Querying brokers for log directories information"
    assert second == "Received log directory information from brokers 1"
    replica = {"partition": f"{topic}-0", "size": 0, "offsetLag": 0, "isFuture": False}
    folder = {"partitions": [replica], "error": None, "logDir": str(meeting.server.data)}
    brokers = [{"broker": 1, "logDirs": [folder]}]
    assert json.loads(document) == {"brokers": brokers, "version": 1}
    stranger = tools.run("kafka-log-dirs", "--describe", "--broker-list", "1,7")
    assert stranger.code == 1
    assert stranger.err == (
        "ERROR: The given brokers do not exist from --broker-list: 7. Current existent brokers: 1\n"
    )


def test_the_cluster(tools: Tools, meeting: Meeting) -> None:
    host, port = meeting.server.bootstrap.split(":")
    shown = output("kafka-cluster", "cluster-id", *tools.server)
    assert re.fullmatch(r"Cluster ID: \S{22}\n", shown)
    header, broker = output("kafka-cluster", "list-endpoints", *tools.server).splitlines()
    assert header.split() == ["ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE"]
    assert broker.split()[:2] == ["1", host]
    versions = output("kafka-broker-api-versions", "--bootstrap-server", f"{host}:{port}")
    assert "(id: 1 rack: null isFenced: false) -> (\n" in versions
    assert "\n\tApiVersions(18): 0 to 4 [usable: 4],\n" in versions


def test_performance(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    load = ("--topic", topic, "--num-records", "200", "--record-size", "100", "--throughput", "-1")
    props = ("--producer-props", f"bootstrap.servers={meeting.server.bootstrap}", "acks=all")
    assert PERFORMANCE.fullmatch(output("kafka-producer-perf-test", *load, *props))
    shown = tools.output("kafka-consumer-perf-test", "--topic", topic, "--messages", "200")
    header, figures = shown.splitlines()
    assert header.startswith("start.time, end.time, data.consumed.in.MB, MB.sec, ")
    assert len(figures.split(", ")) == 10
    assert figures.split(", ")[4] == "200"
    short = ("--num-records", "500", "--timeout", "300", "--hide-header")
    assert tools.output("kafka-consumer-perf-test", "--topic", topic, *short).startswith("WARNING")

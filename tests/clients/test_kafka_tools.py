"""Apache Kafka's own tools, unmodified, on our broker and on its files."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.clients.conftest import Meeting
from tests.clients.registry import JAVA, REFERENCE
from tests.support.batches import CODECS

pytestmark = pytest.mark.needs("java")

TOOLS = "org.apache.kafka.tools"
TOOL_DEADLINE_S = 60.0


def tool(main: str, *arguments: str, given: str = "") -> str:
    """Run one of Kafka's tools; return what it wrote.

    Raises:
        AssertionError: it ended with an error.
    """
    done = subprocess.run(
        [*JAVA, main, *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=TOOL_DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{main} {arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


class Tools:
    """Kafka's tools with the broker's address filled in."""

    def __init__(self, meeting: Meeting) -> None:
        meeting.recorder.label = "Java"
        self.server = ("--bootstrap-server", meeting.recorder.bootstrap)

    def topics(self, *arguments: str) -> str:
        return tool(f"{TOOLS}.TopicCommand", *self.server, *arguments)

    def configs(self, *arguments: str) -> str:
        return tool("kafka.admin.ConfigCommand", *self.server, *arguments)


@pytest.fixture
def tools(meeting: Meeting) -> Tools:
    return Tools(meeting)


def test_topics(tools: Tools) -> None:
    assert tools.topics("--create", "--topic", "tool-a", "--partitions", "3") == (
        "Created topic tool-a.\n"
    )
    assert "tool-a" in tools.topics("--list").split()
    described = tools.topics("--describe", "--topic", "tool-a")
    assert re.search(r"Topic: tool-a\tTopicId: \S{22}\tPartitionCount: 3\t", described)
    assert described.count("Leader: 1\tReplicas: 1\tIsr: 1") == 3
    tools.topics("--alter", "--topic", "tool-a", "--partitions", "5")
    assert "PartitionCount: 5" in tools.topics("--describe", "--topic", "tool-a")
    tools.topics("--delete", "--topic", "tool-a")
    assert "tool-a" not in tools.topics("--list").split()


def test_configs(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    entity = ("--entity-type", "topics", "--entity-name", topic)
    tools.configs("--alter", *entity, "--add-config", "retention.ms=60000,max.message.bytes=5000")
    described = tools.configs("--describe", *entity)
    assert "retention.ms=60000" in described
    assert "max.message.bytes=5000" in described
    tools.configs("--alter", *entity, "--delete-config", "retention.ms")
    assert "retention.ms" not in tools.configs("--describe", *entity)


def test_console_producer_and_consumer(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    lines = [f"k{n}:line {n}" for n in range(20)]
    keyed = ("--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
    given = "\n".join(lines) + "\n"
    tool(f"{TOOLS}.ConsoleProducer", *tools.server, "--topic", topic, *keyed, given=given)
    shown = ("--formatter-property", "print.key=true", "--formatter-property", "key.separator=:")
    place = ("--topic", topic, "--partition", "0", "--offset", "earliest", "--max-messages", "20")
    output = tool(f"{TOOLS}.consumer.ConsoleConsumer", *tools.server, *place, *shown)
    assert output.splitlines() == lines


def test_verifiable_producer_and_offsets(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create(partitions=2)
    count = ("--topic", topic, "--max-messages", "500")
    output = tool(f"{TOOLS}.VerifiableProducer", *tools.server, *count)
    events = [json.loads(line) for line in output.splitlines()]
    assert sum(event["name"] == "producer_send_success" for event in events) == 500
    assert events[-1]["name"] == "tool_data"
    assert events[-1]["acked"] == 500
    offsets = tool(f"{TOOLS}.GetOffsetShell", *tools.server, "--topic", topic)
    ends = [int(line.split(":")[2]) for line in offsets.split()]
    assert sum(ends) == 500


def test_performance_tools_and_records_deleted(
    tools: Tools, meeting: Meeting, tmp_path: Path
) -> None:
    topic = meeting.create()
    address = ("--bootstrap-server", meeting.recorder.bootstrap)
    load = ("--topic", topic, "--num-records", "5000", "--record-size", "100")
    output = tool(f"{TOOLS}.ProducerPerformance", *address, *load, "--throughput", "-1")
    assert output.startswith("5000 records sent")
    plan = {"partitions": [{"topic": topic, "partition": 0, "offset": 4000}], "version": 1}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    deleted = tool(
        f"{TOOLS}.DeleteRecordsCommand",
        *tools.server,
        "--offset-json-file",
        str(tmp_path / "plan.json"),
    )
    assert f"partition: {topic}-0\tlow_watermark: 4000" in deleted
    earliest = ("--topic", topic, "--time", "earliest")
    assert tool(f"{TOOLS}.GetOffsetShell", *tools.server, *earliest) == f"{topic}:0:4000\n"


def test_cluster_tools(tools: Tools, meeting: Meeting) -> None:
    topic = meeting.create()
    versions = tool(f"{TOOLS}.BrokerApiVersionsCommand", *tools.server)
    assert re.search(r"Produce\(0\): 0 to \d+ \[usable: \d+\]", versions)
    cluster_id = tool(f"{TOOLS}.ClusterTool", "cluster-id", *tools.server)
    assert re.fullmatch(r"Cluster ID: \S{22}\n", cluster_id)
    folders = tool(f"{TOOLS}.LogDirsCommand", *tools.server, "--describe", "--topic-list", topic)
    (broker,) = json.loads(folders.splitlines()[-1])["brokers"]
    (partition,) = broker["logDirs"][0]["partitions"]
    assert (partition["partition"], partition["isFuture"]) == (f"{topic}-0", False)
    quorum = tool(f"{TOOLS}.MetadataQuorumCommand", *tools.server, "describe", "--status")
    assert re.search(r"LeaderId:\s+1\n", quorum)


@pytest.mark.parametrize("codec", CODECS)
def test_dump_log_reads_our_segments(codec: str, meeting: Meeting) -> None:
    topic = meeting.create(segment_bytes=str(1 << 20), index_interval_bytes="1000")
    producer = Producer(
        {
            "bootstrap.servers": meeting.server.bootstrap,
            "compression.type": codec,
            "enable.idempotence": True,
            "batch.size": 100_000,
        }
    )
    chance = random.Random(codec)
    for n in range(400):
        # half compressible, so that three segments come of every codec
        value = chance.randbytes(6000) + f"value {n} ".encode() * 100
        producer.produce(topic, value, f"key-{n}", timestamp=1_700_000_000_000 + n)
    assert producer.flush(30) == 0
    folder = meeting.server.data / f"{topic}-0"
    segments = sorted(folder.glob("*.log"))
    assert len(segments) >= 3
    files = [*segments, *sorted(folder.glob("*.index")), *sorted(folder.glob("*.timeindex"))]
    dumped = tool(
        f"{TOOLS}.DumpLogSegments",
        *("--deep-iteration", "--files", ",".join(str(path) for path in files)),
    )
    offsets = [int(n) for n in re.findall(r"^\| offset: (\d+)", dumped, re.MULTILINE)]
    assert offsets == list(range(400))
    assert f"compresscodec: {codec}" in dumped.lower()
    for complaint in ("isvalid: false", "invalid", "mismatch", "non-consecutive", "out of order"):
        assert complaint not in dumped.lower()


def test_dump_log_reads_our_producer_snapshots(own_meeting: Meeting) -> None:
    topic = own_meeting.create()
    own_meeting.run(REFERENCE, "produce", topic, records=[{"value": "v"}], idempotent=True)
    own_meeting.server.stop()
    (snapshot,) = (own_meeting.server.data / f"{topic}-0").glob("*.snapshot")
    dumped = tool(f"{TOOLS}.DumpLogSegments", "--files", str(snapshot))
    assert re.search(r"producerId: \d+ producerEpoch: 0 .*lastSequence: 0 lastOffset: 0", dumped)

"""``raftkafka`` against a running broker."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.conftest import Meeting
from tests.support.commands import Done, command, output, run

VALUES = [f"v{n}" for n in range(10)]
FAST = ("-X", "enable.idempotence=false")
"""Without it librdkafka takes half a second for its producer id."""


class Line:
    """The command line, with the broker's address filled in."""

    def __init__(self, meeting: Meeting) -> None:
        meeting.recorder.label = ""  # what our own client uses is no matter of compatibility
        self.bootstrap = meeting.server.bootstrap
        self.env = {"RAFTKAFKA_BOOTSTRAP": self.bootstrap}

    def run(self, *words: str, given: str | bytes = "") -> Done:
        return run("raftkafka", *words, given=given, env=self.env)

    def output(self, *words: str, given: str | bytes = "") -> str:
        return output("raftkafka", *words, given=given, env=self.env)

    def json(self, *words: str) -> dict[str, Any]:
        """Return the one object that a command shows."""
        shown: dict[str, Any] = json.loads(self.output(*words, "--format", "json"))
        return shown


@pytest.fixture
def line(meeting: Meeting) -> Line:
    return Line(meeting)


@pytest.fixture
def topic(line: Line) -> str:
    name = f"cli-{uuid4().hex[:8]}"
    line.output("topic", "create", name, "--partitions", "2")
    return name


def test_a_topics_life(line: Line) -> None:
    name = f"life-{uuid4().hex[:8]}"
    create = ("topic", "create", name, "-p", "2", "-c", "retention.ms=60000")
    assert line.output(*create, "--dry-run") == f"Would create topic {name}.\n"
    assert name not in line.output("topic", "list").splitlines()
    assert line.output(*create) == f"Created topic {name}.\n"
    assert line.output(*create, "--if-not-exists").startswith("Nothing to do")
    assert name in line.output("topic", "list").splitlines()
    line.output("topic", "alter", name, "-p", "3", "-c", "cleanup.policy=compact")
    rows = [row.split("\t") for row in line.output("topic", "describe", name).splitlines()]
    assert [row[:3] for row in rows] == [[name, str(n), "1"] for n in range(3)]
    described = json.loads(line.output("config", "describe", "topic", name, "--format", "json"))
    assert {each["key"]: each["value"] for each in described} == {
        "cleanup.policy": "compact",
        "retention.ms": "60000",
    }
    assert line.output("topic", "delete", name) == f"Deleted {name}.\n"
    assert line.output("topic", "delete", name, "--if-exists") == "Nothing to delete.\n"
    failed = line.run("topic", "delete", name, "--format", "json")
    assert failed.code == 1
    error = json.loads(failed.err)["error"]
    assert error["code"] == "UNKNOWN_TOPIC_OR_PARTITION"
    assert name in error["message"]


def test_an_unknown_key_gets_a_suggestion(line: Line, topic: str) -> None:
    created = line.run("topic", "create", f"{topic}-x", "-c", "retention.m=1")
    assert created.err == (
        "error: Unknown topic config name: retention.m; did you mean retention.ms?\n"
    )
    altered = line.run("config", "alter", "topic", topic, "cleanup.polici=compact")
    assert "did you mean cleanup.policy?" in altered.err


def test_configs_of_brokers(line: Line) -> None:
    set_it = line.json("config", "alter", "brokers", "log.retention.ms=86400000")
    assert set_it == {"set": {"log.retention.ms": "86400000"}, "deleted": [], "dry_run": False}
    described = line.output("config", "describe", "brokers")
    assert "log.retention.ms\t86400000\tDYNAMIC_DEFAULT_BROKER_CONFIG" in described
    line.output("config", "alter", "brokers", "--delete", "log.retention.ms")
    assert "log.retention.ms" not in line.output("config", "describe", "brokers")
    shown = line.output("config", "describe", "broker", "1", "--key", "num.partitions")
    assert shown.split("\t")[:2] == ["num.partitions", "1"]


def test_the_cluster(line: Line, topic: str, meeting: Meeting) -> None:
    described = line.json("cluster", "describe")
    assert line.output("cluster", "id").strip() == described["cluster_id"]
    assert described["brokers"][0]["broker"] == described["controller"] == 1
    rows = line.output("cluster", "log-dirs", "--topic", topic).splitlines()
    folder = str(meeting.server.data)
    assert [row.split("\t") for row in rows] == [
        ["1", folder, "online", topic, str(n), "0"] for n in range(2)
    ]


def test_lines_come_back(line: Line, topic: str) -> None:
    line.output("produce", topic, "-p", "1", given="\n".join(VALUES) + "\n")
    assert line.output("consume", topic).splitlines() == VALUES
    assert line.output("consume", topic, "-p", "0") == ""
    assert line.output("consume", topic, "-o", "7").splitlines() == VALUES[7:]
    assert line.output("consume", topic, "-o", "-2").splitlines() == VALUES[-2:]
    assert line.output("consume", topic, "-o", "end") == ""
    assert line.output("consume", topic, "-n", "3").splitlines() == VALUES[:3]
    assert line.output("consume", topic, "-n", "0") == ""


def test_keys_headers_and_nulls_come_back_as_text(line: Line, topic: str) -> None:
    text = "h:1,i:NIL\tk1|v1\n\tNIL|no key\n\tk2|NIL\n"
    form = ("-K", "|", "--headers", "--null", "NIL")
    line.output("produce", topic, *FAST, "-p", "0", *form, given=text)
    assert line.output("consume", topic, *form) == text


def test_any_record_comes_back_as_json(line: Line, topic: str) -> None:
    records: list[dict[str, object]] = [
        {"key": None, "value": "a\nb\t"},
        {"key": {"base64": "/wA="}, "value": {"base64": "gIE="}},
        {"key": "", "value": "", "headers": [["h", "x"], ["h", None], ["i", {"base64": "/w=="}]]},
        {"key": "tombstone", "value": None, "timestamp": 1_650_000_000_123},
    ]
    given = "".join(json.dumps(record) + "\n" for record in records)
    line.output("produce", topic, *FAST, "-p", "1", "--format", "json", given=given)
    first = line.output("consume", topic, "--format", "json")
    shown = [json.loads(row) for row in first.splitlines()]
    for record, read in zip(records, shown, strict=True):
        assert read == read | record
    line.output("topic", "create", f"{topic}-copy", "--partitions", "2")
    copy = ("produce", f"{topic}-copy", *FAST, "--format", "json", "--keep-partitions")
    line.output(*copy, given=first)
    again = line.output("consume", f"{topic}-copy", "--format", "json")
    assert again == first.replace(f'"{topic}"', f'"{topic}-copy"')


def test_reading_starts_at_a_time(line: Line, topic: str) -> None:
    old = {"value": "old", "timestamp": 1_600_000_000_000}
    new = {"value": "new", "timestamp": round(time.time() * 1000)}
    given = f"{json.dumps(old)}\n{json.dumps(new)}\n"
    line.output("produce", topic, *FAST, "-p", "0", "--format", "json", given=given)
    assert line.output("consume", topic, "-o", "@1600000000001") == "new\n"
    assert line.output("consume", topic, "-o", "@-1h") == "new\n"
    assert line.output("consume", topic, "-o", "@2020-01-01") == "old\nnew\n"


def test_keys_go_where_java_sends_them(line: Line, meeting: Meeting) -> None:
    topic = meeting.create(partitions=5)
    line.output(
        "produce", topic, *FAST, "-K", ":", given="".join(f"key-{n}:{n}\n" for n in range(6))
    )
    shown = line.output("consume", topic, "--format", "json").splitlines()
    partitions = {read["key"]: read["partition"] for read in map(json.loads, shown)}
    assert partitions == {f"key-{n}": murmur2_partition(f"key-{n}".encode(), 5) for n in range(6)}


def test_following_goes_on_and_finds_new_partitions(line: Line, topic: str) -> None:
    follower = subprocess.Popen(
        command("raftkafka", "consume", topic, "-f", "--bootstrap-server", line.bootstrap),
        stdout=subprocess.PIPE,
    )
    assert follower.stdout is not None
    line.output("produce", topic, *FAST, given="first\n")
    assert follower.stdout.readline() == b"first\n"
    line.output("topic", "alter", topic, "-p", "3")
    line.output("produce", topic, *FAST, "-p", "2", given="later\n")
    assert follower.stdout.readline() == b"later\n"
    follower.send_signal(signal.SIGINT)
    assert follower.wait(20) == 130
    follower.stdout.close()


def test_what_cannot_be_read_or_sent_is_one_line(line: Line, topic: str) -> None:
    missing = line.run("consume", f"{topic}-nosuch")
    assert missing.code == 1
    assert missing.err.startswith(f"error: topic '{topic}-nosuch' does not exist; create it: ")
    assert line.run("consume", topic, "-p", "7").err == (
        f"error: topic '{topic}' has no partition 7\n"
    )
    large = line.run("produce", topic, "-X", "max.request.size=3000000", given="x" * 2_000_000)
    assert large.code == 1
    assert "1 messages were not delivered" in large.err
    hinted = line.run("produce", topic, "-X", "max.block.ms=7", "-X", "no.such.key=1", given="v\n")
    assert (hinted.code, hinted.err) == (0, "hint: no effect here: max.block.ms, no.such.key\n")


def test_brokers_come_from_a_property_file_only_where_no_option_names_them(
    line: Line, topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "client.properties"
    file.write_text(f"bootstrap.servers={line.bootstrap}\nauto.offset.reset=earliest\n")
    assert run("raftkafka", "consume", topic, "--config", str(file)).code == 0
    file.write_text("bootstrap.servers=127.0.0.1:1\n")
    assert line.run("consume", topic, "--config", str(file)).code == 0
    refused = run("raftkafka", "consume", topic, "--config", str(file))
    assert refused.err.startswith("error: no broker at 127.0.0.1:1; ")


def test_the_brokers_files_can_be_read(line: Line, topic: str, meeting: Meeting) -> None:
    values = ["the same again"] * 50
    send = ("produce", topic, *FAST, "-p", "0", "--compression", "lz4", "-X", "linger.ms=200")
    line.output(*send, given="\n".join(values) + "\n")
    path = next((meeting.server.data / f"{topic}-0").glob("*.log"))
    dumped = line.output("log", "dump", "--records", str(path))
    assert "compresscodec: lz4" in dumped
    assert "isvalid: true" in dumped
    payloads = [row.partition(" payload: ")[2] for row in dumped.splitlines()]
    assert [payload for payload in payloads if payload] == values


def murmur2_partition(key: bytes, partitions: int) -> int:
    """Return where Java's producer sends a key. Source: Kafka ``Utils.murmur2``."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(key)) & mask
    whole = len(key) - len(key) % 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % partitions

"""What Kafka's tutorials say, old and new, typed as it stands into a home that we wrote.

The broker listens on a port of the test's own instead of 9092; nothing else differs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftkafka.cli import run_file
from tests.support.broker import free_port
from tests.support.wire import is_serving, until

NO_ZOOKEEPER = "raftkafka needs no ZooKeeper: start the broker, and go on.\n"
SCRIPTS = sysconfig.get_path("scripts")
DEADLINE_S = 60.0


class Shell:
    """A shell in a Kafka home; ``$PORT`` and 9092 are the broker's port."""

    def __init__(self, home: Path, runtime: Path) -> None:
        self.home = home
        self.port = free_port()
        # Both places of run files: the tools must not find, let alone stop, other brokers.
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime)}
        self.err = ""

    def start(self, line: str) -> subprocess.Popen[bytes]:
        """Run a line behind, in a process group of its own."""
        return subprocess.Popen(
            ["bash", "-c", line.replace("9092", str(self.port))],
            cwd=self.home,
            env=self.env,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, line: str, given: str = "") -> str:
        """Run a line that has to succeed; return what it wrote to stdout.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(
            ["bash", "-c", line.replace("9092", str(self.port))],
            cwd=self.home,
            env=self.env,
            input=given,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        self.err = done.stderr
        assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def wait_until_serving(self) -> None:
        until(lambda: is_serving(self.port), "serving")

    def brokers(self) -> list[run_file.RunningBroker]:
        return run_file.running()


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    runtime = tmp_path / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr(tempfile, "tempdir", str(runtime))
    home = tmp_path / "kafka"
    subprocess.run([f"{SCRIPTS}/raftkafka", "home", str(home)], check=True, capture_output=True)
    shell = Shell(home, runtime)
    config = home / "config" / "server.properties"
    listener = f"listeners=PLAINTEXT://127.0.0.1:{shell.port}\n"
    config.write_text(f"{config.read_text()}\n{listener}")
    yield shell
    for broker in shell.brokers():
        assert broker.home == str(home / "data"), "a stranger's broker"
        os.kill(broker.pid, signal.SIGKILL)


def test_the_old_quickstart_with_zookeeper(shell: Shell) -> None:
    assert shell.run("bin/zookeeper-server-start.sh config/zookeeper.properties") == NO_ZOOKEEPER
    server = shell.start(
        "nohup ./bin/kafka-server-start.sh config/server.properties > /dev/null 2>&1 &"
    )
    server.wait()
    create = "bin/kafka-topics.sh --create --zookeeper localhost:2181 --replication-factor 1"
    address = f"127.0.0.1:{shell.port}"
    shell.wait_until_serving()
    until(lambda: bool(shell.brokers()), "its run file")
    assert shell.run(f"{create} --partitions 1 --topic test") == "Created topic test.\n"
    assert shell.err == f"`--zookeeper` ignored; using {address}\n"
    assert shell.run("bin/kafka-topics.sh --list --zookeeper localhost:2181") == "test\n"
    shown = shell.run("bin/kafka-topics.sh --describe --zookeeper localhost:2181 --topic test")
    assert "\tPartitionCount: 1\t" in shown
    alter = "bin/kafka-topics.sh --alter --zookeeper localhost:2181 --topic test --partitions 4"
    assert shell.run(alter) == ""
    produce = "bin/kafka-console-producer.sh --broker-list localhost:9092 --topic test"
    assert shell.run(produce, given="This is a message\nThis is another message\n") == ""
    messages = ["This is a message", "This is another message"]
    for where in ("--zookeeper localhost:2181", "--bootstrap-server localhost:9092"):
        consume = f"bin/kafka-console-consumer.sh {where} --topic test --from-beginning"
        shown = shell.run(f"{consume} --max-messages 2")
        assert sorted(shown.splitlines()) == messages
    delete = "bin/kafka-topics.sh --zookeeper localhost:2181/kafka --delete --topic test"
    assert shell.run(delete) == ""
    assert shell.run("bin/kafka-topics.sh --list --zookeeper localhost:2181") == "\n"
    assert shell.run("bin/kafka-server-stop.sh") == ""
    assert not is_serving(shell.port)
    assert shell.run("bin/zookeeper-server-stop.sh") == NO_ZOOKEEPER


def test_todays_quickstart_from_path(shell: Shell) -> None:
    shell.env["PATH"] = f"{SCRIPTS}:{shell.env['PATH']}"
    identify = 'KAFKA_CLUSTER_ID="$(kafka-storage.sh random-uuid)"'
    form = "kafka-storage.sh format --standalone -t $KAFKA_CLUSTER_ID -c config/server.properties"
    made = shell.run(f"{identify} && {form} && echo $KAFKA_CLUSTER_ID").splitlines()[-1]
    assert shell.run("kafka-server-start.sh -daemon ./config/server.properties") == ""
    assert is_serving(shell.port), "-daemon returns when it serves"
    (broker,) = shell.brokers()
    assert broker.home == str(shell.home / "data")
    log = shell.home / "logs" / "kafkaServer.out"
    assert log.exists()
    server = "--bootstrap-server localhost:9092"
    assert shell.run(f"kafka-cluster cluster-id {server}") == f"Cluster ID: {made}\n"
    shell.run(f"kafka-topics.sh --create --topic quickstart-events {server}")
    produce = f"kafka-console-producer --topic quickstart-events {server}"
    shell.run(produce, given="first\nsecond\n")
    consume = f"kafka-console-consumer --topic quickstart-events --from-beginning {server}"
    assert shell.run(f"{consume} --max-messages 2").splitlines() == ["first", "second"]
    shell.run(f"kafka-server-stop --node-id={broker.node_id}")
    assert shell.brokers() == []


def test_properties_of_old_clients(shell: Shell) -> None:
    shell.run("bin/kafka-server-start.sh -daemon config/server.properties")
    (shell.home / "old-producer.properties").write_text(
        f"metadata.broker.list=localhost:{shell.port}\n"
        "producer.type=sync\nrequest.required.acks=1\ncompression.codec=1\n"
        "serializer.class=kafka.serializer.StringEncoder\nqueue.enqueue.timeout.ms=-1\n"
    )
    (shell.home / "old-consumer.properties").write_text(
        "zookeeper.connect=localhost:2181\nzookeeper.connection.timeout.ms=6000\n"
        "group.id=test-consumer-group\nauto.offset.reset=smallest\nconsumer.timeout.ms=1500\n"
    )
    shell.run(
        "bin/kafka-console-producer.sh --topic t --producer.config old-producer.properties",
        given="old\n",
    )
    assert shell.err == "hint: no effect here: queue.enqueue.timeout.ms\n"
    shown = shell.run(
        "bin/kafka-console-consumer.sh --topic t --consumer.config old-consumer.properties"
    )
    assert shown == "old\n", "smallest is from the beginning"
    assert shell.err.splitlines() == [
        f"`--zookeeper` ignored; using 127.0.0.1:{shell.port}",
        "hint: no effect here: group.id, zookeeper.connection.timeout.ms",
        "Processed a total of 1 messages",
    ]
    shell.run("bin/kafka-server-stop.sh")


def test_a_daemon_that_cannot_start_says_why(shell: Shell) -> None:
    line = "bin/kafka-server-start.sh -daemon config/server.properties --override num.partitions=x"
    done = subprocess.run(
        ["bash", "-c", line], cwd=shell.home, env=shell.env, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"num.partitions" in done.stderr

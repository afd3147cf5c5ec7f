"""Other people's clients, each behind a program that takes a command and writes JSON lines.

The programs use their client as its manual says and leave every setting that the
command does not name at the client's default.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import JAVA_LIBS, LOG4J, ROOT

HERE = Path(__file__).parent
ENVS = ROOT / ".envs"
OLD = str(ENVS / "old-clients" / "bin" / "python")
NODE = ENVS / "node"
ALL_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
RUN_DEADLINE_S = 100.0

Line = dict[str, Any]


@dataclass(frozen=True)
class Client:
    """One client, how to run it, and what it can do."""

    name: str
    command: tuple[str, ...]
    needs: str | None = None
    codecs: tuple[str, ...] = ALL_CODECS
    consumes: bool = True
    administers: bool = True
    reports_offsets: bool = True
    sets_timestamps: bool = True
    hashes_like_java: bool = True
    round_robin: bool = False
    custom_partitioner: bool = True
    idempotent_by_default: bool = False
    idempotent: bool = True
    retries_by_default: bool = True
    unacknowledged: bool = True
    before_python: tuple[int, int] | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        return NODE if self.needs == "node" else ROOT


def python(program: str, interpreter: str = sys.executable) -> tuple[str, ...]:
    return (interpreter, str(HERE / "python" / f"{program}.py"))


def node(program: str) -> tuple[str, ...]:
    runtime = ENVS / "node-runtime" / "bin" / "node"
    return (str(runtime), "--no-warnings", str(HERE / "node" / f"{program}.mjs"))


JAVA = (
    *("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *(f"-Dlog4j2.configurationFile={LOG4J}", "-Dlevel=OFF"),
    *("-cp", f"{ENVS / 'java' / 'classes'}:{JAVA_LIBS}/*"),
)

CLIENTS = (
    Client("confluent-kafka", python("confluent"), hashes_like_java=False),
    Client(
        "confluent-kafka 2.3",
        python("confluent", OLD),
        hashes_like_java=False,
        before_python=(3, 13),
    ),
    Client("kafka-python", python("kafka_python"), idempotent_by_default=True),
    Client(
        "kafka-python 2.0",
        python("kafka_python", OLD),
        idempotent=False,
        retries_by_default=False,
        unacknowledged=False,  # 2.0.6 never sends with acks=0, to Apache Kafka neither
    ),
    Client("aiokafka", python("aio")),
    Client(
        "kcat",
        python("kcat"),
        needs="kcat",
        administers=False,
        reports_offsets=False,
        sets_timestamps=False,
        hashes_like_java=False,
        custom_partitioner=False,
    ),
    Client(
        "kafkajs",
        node("kafkajs"),
        needs="node",
        codecs=("none", "gzip"),
        consumes=False,
        round_robin=True,
    ),
    Client(
        "@platformatic/kafka",
        node("platformatic"),
        needs="node",
        hashes_like_java=False,
        round_robin=True,
    ),
    Client(
        "franz-go",
        (str(ENVS / "go" / "client"),),
        needs="go",
        round_robin=True,
        idempotent_by_default=True,
    ),
    Client(
        "Java",
        (*JAVA, "Client"),
        needs="java",
        round_robin=True,
        idempotent_by_default=True,
    ),
)
REFERENCE = CLIENTS[0]
"""Reads back what clients wrote that cannot read without a group, and writes for readers."""


def params(*, where: str | None = None) -> list[Any]:
    """Return the clients for ``parametrize``, only those whose attribute ``where`` is true."""
    chosen = [client for client in CLIENTS if where is None or getattr(client, where)]
    return [pytest.param(client, id=client.name, marks=marks_of(client)) for client in chosen]


def marks_of(client: Client) -> list[pytest.MarkDecorator]:
    """Return what a client's tests need, and why they cannot run if they cannot."""
    marks = [pytest.mark.needs(client.needs)] if client.needs else []
    if client.before_python and sys.version_info[:2] >= client.before_python:
        version = ".".join(str(part) for part in client.before_python)
        marks.append(pytest.mark.left_out(f"{client.name} has no wheel for Python {version}"))
    return marks


class Running:
    """A client program at work; ``lines`` grows as it reports."""

    def __init__(self, client: Client, command: Mapping[str, object]) -> None:
        self.client = client
        self.lines: list[Line] = []
        self._process = subprocess.Popen(
            [*client.command, json.dumps(command)],
            cwd=client.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_lines, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_lines(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:  # one by one: the test looks on
                self.lines.append(json.loads(line))

    def _read_errors(self) -> None:
        assert self._process.stderr
        with self._process.stderr as lines:
            self._errors.extend(lines)

    def wait(self, deadline_s: float = RUN_DEADLINE_S) -> list[Line]:
        """Return all lines once the program ended well."""
        try:
            code = self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for reader in self._readers:
            reader.join()
        errors = "".join(self._errors)[-3000:]
        assert code == 0, f"{self.client} ended with {code}: {self.lines[-3:]} {errors}"
        return self.lines


def run(client: Client, command: Mapping[str, object]) -> list[Line]:
    """Run one command to its end."""
    return Running(client, command).wait()

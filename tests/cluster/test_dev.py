"""``raftkafka dev``: one command, a cluster, one line per broker, and down on Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftkafka.client.address import Address
from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster
from tests.support.broker import free_port
from tests.support.wire import LOOPBACK, is_serving, until

DEADLINE_S = 30.0


class Dev:
    """The command, in a process group of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        command = (sys.executable, "-I", "-m", "raftkafka", "dev")
        options = ("--port", str(self.port), "--data", str(folder / "dev"))
        self.process = subprocess.Popen(
            [*command, *options, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def lines_until_ready(self) -> list[str]:
        """Return what it prints up to the line that says that all is ready, or its end."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line.strip())
            if line.startswith("ready"):
                break
        return lines

    def end(self) -> None:
        """Let none of its processes be left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Dev]:
    """Three brokers."""
    dev = Dev(tmp_path)
    yield dev
    dev.end()


def test_one_command_is_a_cluster(running: Dev) -> None:
    lines = running.lines_until_ready()
    ports = [running.port + n for n in range(3)]
    assert lines[:3] == [
        f"broker {n} serves clients at localhost:{port}" for n, port in enumerate(ports, 1)
    ]
    assert lines[3].startswith("ready in ")
    assert f"topic create first --bootstrap-server localhost:{ports[0]}" in lines[3]
    for port in ports:
        with Client([Address(LOOPBACK, port)]) as client:
            assert [it.node_id for it in describe_cluster(client).brokers] == [1, 2, 3]
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(DEADLINE_S) == 0
    assert not any(is_serving(port) for port in ports)


def test_no_broker_outlives_the_command(running: Dev) -> None:
    running.lines_until_ready()
    running.process.kill()
    running.process.wait(DEADLINE_S)
    ports = [running.port + n for n in range(3)]
    until(lambda: not any(is_serving(port) for port in ports), "all brokers gone")


def test_a_port_that_is_taken_ends_all_with_one_line(running: Dev, tmp_path: Path) -> None:
    running.lines_until_ready()
    second = Dev(tmp_path / "second", "--port", str(running.port))
    try:
        (line,) = second.lines_until_ready()
        assert "taken; give other ports by --port" in line
        assert second.process.wait(DEADLINE_S) == 6
    finally:
        second.end()
    assert is_serving(running.port)


def test_a_folder_that_is_anothers_is_one_line(running: Dev, tmp_path: Path) -> None:
    running.lines_until_ready()
    (tmp_path / "second").mkdir()
    second = Dev(tmp_path / "second", "--data", str(tmp_path / "dev"))
    try:
        (line,) = second.lines_until_ready()
        assert "is in use by another process" in line
        assert "another folder by --data" in line
        assert second.process.wait(DEADLINE_S) == 5
    finally:
        second.end()
    running.process.send_signal(signal.SIGINT)
    running.process.wait(DEADLINE_S)
    more = Dev(tmp_path / "second", "--data", str(tmp_path / "dev"), "--brokers", "5")
    try:
        (line,) = more.lines_until_ready()
        assert "voters do not change" in line
        assert "give --brokers as before, or another folder by --data" in line
        assert more.process.wait(DEADLINE_S) == 3
    finally:
        more.end()


def test_a_key_that_nobody_knows_is_told_once(tmp_path: Path) -> None:
    dev = Dev(tmp_path, "--override", "num.partition=3")
    try:
        lines = dev.lines_until_ready()
        (hint,) = (line for line in lines if line.startswith("hint: "))
        assert "did you mean num.partitions?" in hint
    finally:
        dev.end()

"""The broker as a process: how it ends, with which exit code, and what it says then."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftkafka.log.checkpoints import CLEAN_SHUTDOWN
from tests.support.batches import batch
from tests.support.broker import Server
from tests.support.requests import (
    create_topic,
    parse_produced,
    produce_request,
    read_log,
    request_response,
)
from tests.support.wire import LOOPBACK, is_serving, until

WRONG_CONFIG, FOREIGN_FOLDER, DAMAGED_DISK, FOLDER_IN_USE, ADDRESS_IN_USE = 2, 3, 4, 5, 6


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A broker that is gone at the end."""
    server = Server(tmp_path)
    yield server
    if server.is_running:
        server.kill()


def plain_lines(text: str) -> list[str]:
    """Return what is no event: lines that are not JSON."""
    lines: list[str] = []
    for line in text.splitlines():
        try:
            json.loads(line)
        except ValueError:
            lines.append(line)
    return lines


def end_of_start(server: Server) -> tuple[int, str]:
    """Start a broker that cannot; return its exit code and the one line that it says."""
    before = len(server.log_text())
    server.spawn()
    try:
        code = server.wait()
    finally:
        if server.is_running:
            server.kill()
    (line,) = plain_lines(server.log_text()[before:])
    return code, line


def produced(server: Server, value: bytes) -> int:
    """Produce a record and return its offset."""
    answer = parse_produced(request_response(server.port, produce_request("t", 0, batch([value]))))
    assert answer.error == 0
    return answer.base_offset


def test_a_wrong_configuration(tmp_path: Path) -> None:
    code, line = end_of_start(Server(tmp_path, {"num.partitions": "many"}))
    assert code == WRONG_CONFIG
    assert "num.partitions" in line


def test_events_of_the_log(tmp_path: Path) -> None:
    """JSON lines; of level info and above; an exception with all that is known of it."""
    script = """
import structlog
from raftkafka.cli.serve import configure_logs
configure_logs()
log = structlog.get_logger()
log.debug("detail")
log.info("event", number=1)
try:
    1 / 0
except ZeroDivisionError as error:
    log.error("broken", exc_info=error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    event, broken = (json.loads(line) for line in done.stderr.splitlines())
    assert (event["event"], event["level"], event["number"]) == ("event", "info", 1)
    assert (broken["event"], broken["level"]) == ("broken", "error")
    assert "ZeroDivisionError: division by zero" in broken["exception"]


def test_folders_of_others_and_folders_in_use(server: Server, tmp_path: Path) -> None:
    server.start()
    create_topic(server.port, "t")
    assert produced(server, b"kept") == 0

    second = Server(tmp_path / "second", {"log.dirs": str(server.data)})
    code, line = end_of_start(second)
    assert (code, str(server.data) in line) == (FOLDER_IN_USE, True)

    second = Server(tmp_path / "third", {"listeners": f"PLAINTEXT://{LOOPBACK}:{server.port}"})
    code, line = end_of_start(second)
    assert (code, str(server.port) in line) == (ADDRESS_IN_USE, True)
    assert server.stop() == 0

    second = Server(tmp_path / "fourth", {"log.dirs": str(server.data), "node.id": "2"})
    code, line = end_of_start(second)
    assert (code, "node.id=1" in line) == (FOREIGN_FOLDER, True)

    meta = server.data / "meta.properties"
    own = meta.read_text()
    lines = [line for line in own.splitlines() if not line.startswith("cluster.id")]
    meta.write_text("\n".join([*lines, "cluster.id=AAAAAAAAAAAAAAAAAAAAAA"]) + "\n")
    code, line = end_of_start(server)
    assert (code, "AAAAAAAAAAAAAAAAAAAAAA" in line) == (FOREIGN_FOLDER, True)

    meta.unlink()
    before = len(server.log_text())
    server.start()
    assert "folder_named" in server.log_text()[before:]
    assert server.stop() == 0
    assert sorted(cluster_and_node(meta.read_text())) == sorted(cluster_and_node(own))
    server.start()
    assert read_log(server.port, "t", 0) == [(0, b"kept")]
    server.assert_log_is_clean()


def cluster_and_node(properties: str) -> list[str]:
    return [line for line in properties.splitlines() if line.startswith(("cluster.id", "node.id"))]


def test_damaged_disks(server: Server) -> None:
    server.start()
    create_topic(server.port, "t")
    assert server.stop() == 0
    meta = server.data / "meta.properties"
    own = meta.read_bytes()
    meta.write_bytes(b"\xff\0 nonsense")
    code, line = end_of_start(server)
    assert (code, "meta.properties" in line) == (DAMAGED_DISK, True)

    meta.write_bytes(own)
    (journal,) = (server.data / "__raftkafka_metadata").glob("*.journal")
    content = bytearray(journal.read_bytes())
    content[len(content.rstrip(b"\0")) // 2] ^= 0xFF
    journal.write_bytes(content)
    code, line = end_of_start(server)
    assert (code, "__raftkafka_metadata" in line) == (DAMAGED_DISK, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(server: Server, number: signal.Signals) -> None:
    server.start()
    create_topic(server.port, "t")
    assert produced(server, b"v") == 0
    idle = socket.create_connection((LOOPBACK, server.port))
    before_s = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - before_s < 5
    assert idle.recv(1) == b""
    idle.close()
    assert (server.data / CLEAN_SHUTDOWN).exists()
    assert not is_serving(server.port)
    server.assert_log_is_clean()


def test_senseless_frames_cost_no_memory(server: Server) -> None:
    server.start()
    largest = 100 * 1024 * 1024
    grown_bytes = 0
    for _ in range(3):
        before_bytes = server.rss_bytes
        for size in (-1, -(2**31), 2**31 - 1, largest + 1, largest, 0):
            with socket.create_connection((LOOPBACK, server.port), 5) as connection:
                connection.sendall(size.to_bytes(4, signed=True) + b"\0\3\0\1\0\0\0\1\xff\xff")
                if size != largest:
                    connection.settimeout(1)
                    assert connection.recv(1) == b"", "closed within a second"
                else:
                    assert is_serving(server.port), "the rest may yet come"
        grown_bytes = server.rss_bytes - before_bytes
    assert grown_bytes < 1 << 20, "the first rounds load code"
    server.assert_log_is_clean()


def test_a_flood_of_connections_leaves_descriptors_for_the_logs(server: Server) -> None:
    server.start()
    create_topic(server.port, "t")
    descriptors = 120
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (descriptors, descriptors))
    flood: list[socket.socket] = []
    for _ in range(3):
        flood += [socket.create_connection((LOOPBACK, server.port), 5) for _ in range(40)]
        until(lambda: all_taken(server), "taken or refused")
    assert server.open_files <= descriptors
    for connection in flood[:20]:
        connection.close()
    until(lambda: is_serving(server.port), "served again")
    assert produced(server, b"v") == 0
    assert server.log_text().count("connection_refused") <= 5
    for connection in flood:
        connection.close()
    server.assert_log_is_clean()


def all_taken(server: Server) -> bool:
    """Whether no connection waits in the queue of the listener."""
    for line in Path(f"/proc/{server.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        port, state = int(fields[1].split(":")[1], 16), fields[3]
        if port == server.port and state == "0A":
            return fields[4].endswith(":00000000")
    return False

"""``raftkafka home``, and the tools that need no broker."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from raftkafka.cli import run_file
from raftkafka.cli.home import tool_names
from raftkafka.cli.main import run
from raftkafka.cli.shims import server_start, server_stop, storage, zookeeper
from raftkafka.config import load
from raftkafka.types import parse_uuid

ROOT = Path(__file__).parents[3]
CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAQ"


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(["home", str(tmp_path / "kafka")]) == 0
    capsys.readouterr()
    return tmp_path / "kafka"


def call(main: object, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["tool", *arguments])
    assert callable(main)
    code: object = main()
    assert isinstance(code, int)
    return code


def test_every_tool_is_there_under_both_names() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    names = {name for name in scripts if name != "raftkafka"}
    assert {f"{name}.sh" for name in names if not name.endswith(".sh")} <= names
    assert all(scripts[name] == scripts[name.removesuffix(".sh")] for name in names)
    assert set(tool_names()) == {name for name in names if not name.endswith(".sh")}, (
        "the environment is older than pyproject.toml: pip install -e . again"
    )


def test_a_home_has_a_script_for_every_tool(home: Path) -> None:
    scripts = {path.name for path in (home / "bin").glob("*.sh")}
    assert scripts == {f"{name}.sh" for name in tool_names()}
    batch_files = {path.name for path in (home / "bin" / "windows").iterdir()}
    assert batch_files == {f"{name}.bat" for name in tool_names()}
    for script in (home / "bin").glob("*.sh"):
        assert os.access(script, os.X_OK)
        subprocess.run(["sh", "-n", script], check=True)


def test_the_scripts_run_the_installed_commands(home: Path) -> None:
    script = home / "bin" / "zkServer.sh"
    shown = subprocess.run([script, "status"], capture_output=True, text=True, check=True).stdout
    assert shown == "raftkafka needs no ZooKeeper: start the broker, and go on.\n"


def test_the_servers_file_keeps_its_data_in_the_home(home: Path) -> None:
    loaded = load(home / "config" / "server.properties")
    assert loaded.config.node_id == 0
    assert loaded.config.log_dirs == (str(home / "data"),)
    assert loaded.hints == [], "our own file gives no reason for one"


def test_a_changed_configuration_survives_the_next_time(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config" / "server.properties").write_text("broker.id=7\n")
    (home / "bin" / "kafka-topics.sh").write_text("old")
    (home / "config" / "producer.properties").unlink()
    assert run(["home", str(home)]) == 0
    assert "Kept: server.properties, zookeeper.properties" in capsys.readouterr().out
    assert (home / "config" / "server.properties").read_text() == "broker.id=7\n"
    assert "bootstrap.servers" in (home / "config" / "producer.properties").read_text()
    assert "exec" in (home / "bin" / "kafka-topics.sh").read_text()


def test_a_home_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["home", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("error: cannot write ")


@pytest.mark.parametrize("command", zookeeper.ZKSERVER_COMMANDS)
def test_zookeeper_is_not_needed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(zookeeper.zkserver, command, monkeypatch=monkeypatch) == 0
    assert call(zookeeper.main, "config/zookeeper.properties", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == f"{zookeeper.NOT_NEEDED}\n" * 2


def test_zkserver_knows_no_other_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(zookeeper.zkserver, "dance", monkeypatch=monkeypatch) == 1


def test_random_uuids_are_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(storage.main, "random-uuid", monkeypatch=monkeypatch) == 0
    text = capsys.readouterr().out.strip()
    assert len(parse_uuid(text)) == 16
    draws = iter([b"\xf8" + bytes(15), bytes(16)])

    def draw(_size: int) -> bytes:
        return next(draws)

    monkeypatch.setattr(secrets, "token_bytes", draw)
    assert storage.random_uuid() == "A" * 22, "one that starts with a dash looks like an option"


def test_storage_is_formatted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    config = tmp_path / "server.properties"
    config.write_text(f"node.id=5\nlog.dirs={data}\n")
    options = ("-t", CLUSTER_ID, "-c", str(config))

    assert call(storage.main, "info", "-c", str(config), monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().out == f"Found problems:\n  {data} does not exist\n\n"

    assert call(storage.main, "format", *options, "--standalone", monkeypatch=monkeypatch) == 0
    written = capsys.readouterr()
    assert written.out == f"Formatting data directory {data} with metadata.version 4.3-IV0.\n"
    assert "not needed" in written.err

    assert call(storage.main, "info", "-c", str(config), monkeypatch=monkeypatch) == 0
    info = capsys.readouterr().out
    assert info.startswith(f"Found log directories:\n  {data}\n\nFound metadata: {{")
    assert re.search(rf"\{{cluster.id={CLUSTER_ID}, directory.id=\S{{22}}, node.id=5, ", info)

    assert call(storage.main, "format", *options, monkeypatch=monkeypatch) == 1
    assert "is already formatted. Use --ignore-formatted" in capsys.readouterr().err
    assert call(storage.main, "format", *options, "-g", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "All of the log directories are already formatted.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "too few arguments"),
        (["formt"], "invalid choice: 'formt'; did you mean format?"),
        (["format"], 'Missing required argument "[config]"'),
        (["info", "-c", "nosuch.properties"], "nosuch.properties: No such file"),
    ],
)
def test_storage_says_what_is_wrong(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(storage.main, *arguments, monkeypatch=monkeypatch) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "USAGE: kafka-server-start"),
        (["-daemon"], "USAGE: kafka-server-start"),
        (["nosuch.properties"], "nosuch.properties is no file"),
        (["f", "--overide", "a=b"], "--overide is not a recognized option"),
        (["f", "--override"], "Option override requires an argument"),
    ],
)
def test_a_server_needs_a_file(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(server_start.main, *arguments, monkeypatch=monkeypatch) == 1
    assert message in capsys.readouterr().err


def test_there_may_be_no_server_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    assert call(server_stop.main, monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().out == "No kafka server to stop\n"
    run_file.write(node_id=1, listeners=[], home="/data")
    assert call(server_stop.main, "--node-id", "2", monkeypatch=monkeypatch) == 1
    monkeypatch.setenv("SIGNAL", "NOSUCH")
    assert call(server_stop.main, "--node-id=1", monkeypatch=monkeypatch) == 1
    assert "there is no such signal" in capsys.readouterr().err

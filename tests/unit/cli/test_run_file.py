"""Run files: found while their process runs, and never a stranger's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from raftkafka.cli import run_file


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path


def leave() -> Path:
    path = run_file.write(node_id=3, listeners=["PLAINTEXT://localhost:19092"], home="data")
    assert path is not None
    return path


def test_a_running_broker_is_found_until_it_takes_its_file_back() -> None:
    path = leave()
    (broker,) = run_file.running()
    assert (broker.pid, broker.node_id) == (os.getpid(), 3)
    assert broker.listeners == ("PLAINTEXT://localhost:19092",)
    assert broker.home == os.path.abspath("data")
    run_file.remove(path)
    run_file.remove(path)
    assert run_file.running() == []


def test_a_file_whose_process_is_gone_is_stale() -> None:
    path = leave()
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": process.pid}))
    stale = path.rename(path.with_name("stale.json"))
    assert run_file.running() == []
    leave()
    assert not stale.exists(), "the next broker sweeps"


def test_a_pid_that_was_used_again_is_stale() -> None:
    path = leave()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": "1"}))
    assert run_file.running() == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x"}', "\0"])
def test_a_damaged_file_counts_for_nothing(content: str) -> None:
    leave().write_text(content)
    assert run_file.running() == []


def test_a_folder_that_others_can_write_to_is_not_trusted(runtime: Path) -> None:
    leave()
    (runtime / "raftkafka").chmod(0o777)
    assert run_file.running() == [], "anyone could have put a pid there for us to signal"
    assert run_file.write(node_id=4, listeners=[], home="data") is None


def test_a_broker_does_without_where_no_file_can_be(runtime: Path) -> None:
    (runtime / "raftkafka").write_text("in the way")
    assert run_file.write(node_id=3, listeners=[], home="data") is None
    run_file.remove(None)


def test_without_a_runtime_folder_the_file_is_below_the_temporary_one(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    (runtime / "tmp").mkdir()
    path = leave()
    assert path.parent == runtime / "tmp" / f"raftkafka-{os.getuid()}"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert len(run_file.running()) == 1, "a tool with another environment finds it too"

"""What ``pip install .`` gives: three packages, ``raftkafka``, Kafka's tools by both names."""

from __future__ import annotations

import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import pytest
from hatchling.build import build_wheel

ROOT = Path(__file__).parents[2]
TOOLS = (
    "kafka-server-start",
    "kafka-server-stop",
    "kafka-topics",
    "kafka-console-producer",
    "kafka-console-consumer",
    "kafka-configs",
    "kafka-get-offsets",
    "kafka-leader-election",
    "kafka-log-dirs",
    "kafka-metadata-quorum",
    "kafka-reassign-partitions",
    "kafka-delete-records",
    "kafka-dump-log",
    "kafka-cluster",
    "kafka-broker-api-versions",
    "kafka-storage",
    "kafka-producer-perf-test",
    "kafka-consumer-perf-test",
    "zookeeper-server-start",
    "zookeeper-server-stop",
    "zkServer",
)


def test_wheel_holds_the_packages_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path))) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
    packages = {top for top in tops if not top.endswith(".dist-info")}
    assert packages == {"raftkafka", "metadata", "replication"}


def test_commands_exist_under_both_names() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"raftkafka", *TOOLS, *(f"{name}.sh" for name in TOOLS)}
    for target in scripts.values():
        module, _, function = target.partition(":")
        assert callable(getattr(import_module(module), function)), target

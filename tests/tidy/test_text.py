"""What no tracked file may hold: unfinished work, addresses of registries, paths of one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNFINISHED = "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"))
HOSTS = (
    "pypi" + ".org",
    "python" + "hosted",
    "registry" + ".npmjs",
    "proxy" + ".golang",
    r"repo1?\." + "maven",
    "deb" + ".debian",
    "static" + ".crates",
)
MACHINE = "|".join(("/wo" + "rk/", "/fa" + "rm/", "/ro" + "ot/"))
EXCUSES = r"#\s*(noqa|type: ignore|pyright: ignore|pragma: no cover)"
THIS = Path(__file__).relative_to(ROOT).as_posix()
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CONTRIBUTING.md",
    "raftkafka",
    "metadata",
    "replication",
    "ops",
    "tests",
    "docs",
    "typings",
}


def tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    names = [name for name in listing.stdout.split("\0") if name and name != THIS]
    return [name for name in names if (ROOT / name).is_file()]


def lines_with(pattern: str, *, suffix: str = "") -> list[str]:
    expression = re.compile(pattern)
    found: list[str] = []
    for name in tracked():
        if not name.endswith(suffix):
            continue
        text = (ROOT / name).read_bytes()
        if b"\0" in text:
            continue
        for number, line in enumerate(text.decode().splitlines(), 1):
            if expression.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    return found


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(rf"\b({UNFINISHED})\b", id="unfinished work"),
        pytest.param("|".join(HOSTS), id="address of a registry"),
        pytest.param(MACHINE, id="path of one machine"),
    ],
)
def test_no_tracked_file_holds(pattern: str) -> None:
    assert lines_with(pattern) == []


def test_a_check_is_switched_off_only_with_the_reason_beside_it() -> None:
    bare = [line for line in lines_with(EXCUSES, suffix=".py") if not has_reason(line)]
    assert bare == []


def has_reason(line: str) -> bool:
    """Whether words follow the marker and its rule names: ``# noqa: S110 - the peer is gone``."""
    comment = re.sub(EXCUSES, "", line[line.index("#") :])
    comment = re.sub(r"^[:\[][\w\-, \]]*?(?= - |$|\s{2,}|  #)", "", comment)
    return len(re.findall(r"[a-z]{2,}", comment)) >= 2


def test_top_level_holds_nothing_else() -> None:
    names = {name.partition("/")[0] for name in tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_shell_scripts_parse() -> None:
    scripts = [
        path
        for path in (ROOT / name for name in tracked() if name.startswith(("ops/", ".ci/")))
        if path.read_bytes().startswith(b"#!/usr/bin/env bash") or path.suffix == ".sh"
    ]
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n", str(script)], check=True)

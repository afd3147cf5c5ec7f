"""The commands in README and docs do what they say.

Blocks fenced as ``sh`` and ``python`` are run, one after the other, against one broker; a ``text``
block after one is what it prints. Other lines that begin with a command of ours must at least
name commands and options that exist.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from raftkafka.cli.main import raftkafka
from tests.support.broker import ROOT, MakeServer

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DEFAULT_ADDRESS = "localhost:9092"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
COMMAND = re.compile(r"^    ((?:raftkafka|ops/\w+|\.venv/bin/\S+)(?: .*)?)$", re.M)
LINKS = re.compile(r"\]\(([^)#:]+)\)")
RUN_DEADLINE_S = 60.0


class Block(NamedTuple):
    """One piece of a page that is run, and what it prints, if the page says so."""

    language: str
    code: str
    output: str | None


def blocks(page: Path) -> Iterator[Block]:
    for found in BLOCK.finditer(page.read_text()):
        yield Block(found[1], found[2], found[3])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [p for p in PAGES if list(blocks(p))], ids=name_of)
def test_blocks_run_and_print_what_the_page_says(page: Path, make_server: MakeServer) -> None:
    server = make_server()
    server.start()
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(server.folder),
        "RAFTKAFKA_BOOTSTRAP": server.bootstrap,
    }
    for block in blocks(page):
        code = block.code.replace(DEFAULT_ADDRESS, server.bootstrap)
        if block.language == "sh":
            command = ["bash", "-euo", "pipefail", "-c", code]
        else:
            command = [sys.executable, "-c", code]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=RUN_DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, f"{block.code}\n{done.stdout}{done.stderr}"
        if block.output is not None:
            assert done.stdout == block.output, block.code


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for found in COMMAND.finditer(page.read_text()):
            yield name_of(page), found[1]


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_commands_exist(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] != "raftkafka":
        program = words[0].rpartition("/")[2]
        locked = f"\n{program}==" in (ROOT / "ops/requirements/check.txt").read_text()
        assert (ROOT / words[0]).exists() or locked, page
        return
    command: click.Command = raftkafka
    context = click.Context(command)
    rest = words[1:]
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, f"{page}: no command {name}"
        command = found
        context = click.Context(command, context, info_name=name)
    known = {option for parameter in command.get_params(context) for option in parameter.opts}
    for word in rest:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, f"{page}: {word} of {line}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINKS.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []

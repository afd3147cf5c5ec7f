"""Every module is small, says what it is for, and a core touches neither clock nor I/O."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPURE = frozenset(
    {"trio", "socket", "os", "time", "random", "threading", "asyncio", "pysyncobj", "secrets"}
)
SHELLS = (
    "raftkafka/server/",
    "raftkafka/cli/",
    "raftkafka/client/",
    "raftkafka/broker.py",
    "raftkafka/__main__.py",
)
MAY_IMPORT = {"metadata/raft/": frozenset({"pysyncobj"})}
MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
PACKAGES = [p for d in ("raftkafka", "metadata", "replication") for p in (ROOT / d).rglob("*.py")]
MODULES = sorted([*PACKAGES, *(ROOT / "ops").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
"""Tests too: what is written for one reader is written for the next."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_shell(name: str) -> bool:
    """Whether a module of the product may wait, ask the time or touch the system."""
    return name.removesuffix(".py").endswith("_driver") or name.startswith(SHELLS)


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_is_small_and_says_what_it_is_for(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "every module says what it is for"
    assert len(source.splitlines()) <= MODULE_LINES_MAX, "two modules in one?"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("path", [p for p in PACKAGES if not is_shell(name_of(p))], ids=name_of)
def test_core_is_pure(path: Path) -> None:
    name = name_of(path)
    allowed = [names for folder, names in MAY_IMPORT.items() if name.startswith(folder)]
    impure = IMPURE.difference(*allowed)
    found = {module.partition(".")[0] for module in imported(ast.parse(path.read_text()))}
    assert not impure & found, f"{name} is a core: no I/O, no clock, no randomness"


@pytest.mark.parametrize("path", [p for p in PACKAGES if not is_shell(name_of(p))], ids=name_of)
def test_core_imports_no_driver(path: Path) -> None:
    drivers = [m for m in imported(ast.parse(path.read_text())) if m.endswith("_driver")]
    assert not drivers, f"imports point down: {drivers}"

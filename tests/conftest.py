"""Options and selection: what the default run leaves out, and how it says so."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.broker import MakeServer, Server

ROOT = Path(__file__).parents[1]
LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="long forms, root and other toolchains too")
    parser.addoption(
        "--peer",
        choices=("raftkafka", "kafka"),
        default="raftkafka",
        help="the broker of tests/clients; kafka (Apache Kafka, with --all) proves the tests",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()
    for line in (
        "needs(*toolchains): runs with --all, where ops/test made these toolchains in .envs/",
        "long: runs with --all",
        "left_out(reason): cannot run here",
        "alone: measures time or loads the machine, so nothing else runs beside it",
    ):
        config.addinivalue_line("markers", line)


def reason_to_leave_out(item: pytest.Item) -> str | None:
    """Return why an item does not run here, or None."""
    if impossible := item.get_closest_marker("left_out"):
        return f"tests: {impossible.args[0]}"
    wants_all = bool(item.config.getoption("--all"))
    if item.get_closest_marker("long") and not wants_all:
        return "long forms of tests; they run with ops/test --all"
    for marker in item.iter_markers("needs"):
        for toolchain in marker.args:
            if not wants_all:
                return f"tests that need {toolchain}; they run with ops/test --all"
            folder = ROOT / ".envs" / toolchain
            if not (folder / "ready").exists():
                reason = folder / "left-out"
                known = reason.read_text().strip() if reason.exists() else "run ops/test --all"
                return f"tests that need {toolchain}: {known}"
    return None


@pytest.hookimpl(tryfirst=True)  # before -m, so that every pass over the tests counts the same
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = config.stash[LEFT_OUT]
    chosen: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        reason = reason_to_leave_out(item)
        if reason is None:
            chosen.append(item)
        else:
            left_out[reason] += 1
            dropped.append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = chosen


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave the counts where ops/test prints them from; parallel workers leave equal lines."""
    path = os.environ.get("RAFTKAFKA_LEFT_OUT")
    left_out = session.config.stash[LEFT_OUT]
    if path and left_out:
        with Path(path).open("a") as lines:
            lines.write("".join(f"{count} {reason}\n" for reason, count in left_out.items()))


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Make brokers in folders of their own; none outlives the test, and all end without a trace."""
    servers: list[Server] = []

    def make(config: Mapping[str, str] | None = None) -> Server:
        servers.append(Server(tmp_path / f"broker-{len(servers)}", config))
        return servers[-1]

    yield make
    for server in servers:
        if server.is_running:
            server.kill()
        server.assert_log_is_clean()

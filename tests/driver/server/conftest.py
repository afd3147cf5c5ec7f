"""The drivers under test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.whole_broker import DRIVERS, SOCKETS, Driver, MemoryDriver


@pytest.fixture(params=SOCKETS)
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    """Both drivers on loopback, one after the other."""
    return DRIVERS[request.param](tmp_path)


@pytest.fixture
def memory(tmp_path: Path) -> MemoryDriver:
    """The network in memory, for tests on virtual time: they take ``autojump_clock`` too."""
    return MemoryDriver(tmp_path)

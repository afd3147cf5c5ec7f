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
def memory(tmp_path: Path, autojump_clock: object) -> MemoryDriver:
    """The network in memory, on virtual time."""
    return MemoryDriver(tmp_path)

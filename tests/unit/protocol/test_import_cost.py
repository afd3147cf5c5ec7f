"""All tables together load within their budget, so that a broker starts fast."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BUDGET_MS = 20
"""Aimed at, and met on an idle machine; printed by the test (``-s``)."""

REFUSED_MS = 40
"""A machine under load is slower, but not twice at its best of several runs."""

CODE = """
import contextlib, enum, struct, time, typing
start = time.process_time()
from raftkafka.protocol import apis, frames
for key in apis.APIS:
    apis.request_class(key)
import raftkafka.protocol.messages.consumer_protocol
print((time.process_time() - start) * 1000)
"""


@pytest.mark.alone
def test_import_of_all_tables(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", CODE]
    runs_ms = [
        float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
        for _ in range(6)
    ]
    print(f"all tables: {min(runs_ms):.1f} ms of CPU at best, budget {BUDGET_MS}")
    assert min(runs_ms) < REFUSED_MS

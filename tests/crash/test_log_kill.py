"""kill -9 of a process that appends to log directories: all that it wrote is there, in order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000


@pytest.mark.parametrize(
    "kills",
    [pytest.param(25, id="25 kills"), pytest.param(150, id="150 kills", marks=pytest.mark.long)],
)
def test_what_was_written_survives_kill_9(kills: int, tmp_path: Path) -> None:
    print(f"RAFTKAFKA_SEED={SEED}")
    program = [sys.executable, "-m", "tests.support.kill_log_dirs"]
    run = subprocess.run(
        [*program, str(tmp_path), str(SEED), str(kills)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{kills} kills" in run.stdout
    assert "partition_damaged" not in run.stderr
    assert "log_dir_offline" not in run.stderr

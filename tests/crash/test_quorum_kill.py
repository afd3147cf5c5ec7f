"""kill -9 of a lone voter in the middle of proposals: what it acknowledged holds, once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000
KILLS = 24


def test_acknowledged_proposals_survive_kill_at_random_instants(tmp_path: Path) -> None:
    """Overrides 4, 5 and 12."""
    print(f"RAFTKAFKA_SEED={SEED}")
    random = Random(SEED)
    acknowledged: set[int] = set()
    first = 0
    for life in range(KILLS + 1):
        had, lately = one_life(tmp_path / "meta", first, random.uniform(0.0, 0.08))
        assert len(had) == len(set(had)), "applied twice"
        assert acknowledged <= set(had), f"lost {sorted(acknowledged - set(had))} in life {life}"
        acknowledged |= lately
        first = max([first, *had, *lately]) + 100
    assert len(acknowledged) > 10 * KILLS
    assert (tmp_path / "meta" / "snapshot").exists()


def one_life(folder: Path, first: int, seconds: float) -> tuple[list[int], set[int]]:
    """Run a voter, kill it after a while; return what it had at start and what it acknowledged."""
    command = [sys.executable, "-m", "tests.crash.quorum_process", str(folder), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, *had = process.stdout.readline().split()
        assert word == "had"
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        lines = process.stdout.read().splitlines()
        timer.join()
    # A last line cut short by the kill was said all the same, but its number is unsure.
    whole = [line for line in lines if line.startswith("acknowledged ")]
    return [int(number) for number in had], {int(line.split()[1]) for line in whole[:-1]}

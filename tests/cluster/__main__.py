"""Kills controllers as often as one likes: ``python -m tests.cluster --kills 50``."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from random import Random

from tests.cluster.controller_kills import kill_controllers
from tests.support.cluster import Cluster


def main() -> None:
    """Run it, and print how long the cluster was without a controller."""
    parser = argparse.ArgumentParser(prog="tests.cluster", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--voters", type=int, default=3, choices=(3, 5))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), voters=options.voters)
        try:
            print(kill_controllers(cluster, options.kills, Random(options.seed)))
        finally:
            cluster.end()


if __name__ == "__main__":
    main()

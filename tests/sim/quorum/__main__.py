"""Run schedules: ``python -m tests.sim.quorum --seeds 1-100 [--voters N] [--seconds S]``."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from dataclasses import asdict

from tests.sim.quorum.regressions import Case, keep, shrink
from tests.sim.quorum.schedule import Schedule


def main() -> int:
    """Return how many seeds failed, at most 100."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-20", help="one seed, or FIRST-LAST")
    parser.add_argument("--voters", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0, help="virtual seconds of faults")
    parser.add_argument("--shrink", action="store_true", help="reduce and keep what fails")
    parser.add_argument("--twice", action="store_true", help="demand equal traces")
    options = parser.parse_args()
    first, _, last = str(options.seeds).partition("-")
    failed: list[int] = []
    total: Counter[str] = Counter()
    started = time.perf_counter()
    seeds = range(int(first), int(last or first) + 1)
    for seed in seeds:
        try:
            result = Schedule(seed, options.voters, options.seconds).run()
            if options.twice:
                again = Schedule(seed, options.voters, options.seconds).run()
                assert again == result, "another trace in the second run"
        except Exception:  # every kind of failure is a finding; the seed tells where
            failed.append(seed)
            print(f"seed {seed} failed:", file=sys.stderr)
            traceback.print_exc()
            if options.shrink:
                case = shrink(Case(seed, options.voters, options.seconds))
                print(f"kept as {keep(case)}", file=sys.stderr)
            continue
        total.update(asdict(result.counts))
        total.update(faults=result.faults, applied=result.applied, terms=result.term)
    wall_s = time.perf_counter() - started
    print(f"{len(seeds)} seeds, {len(failed)} failed {failed}, {wall_s:.1f} s")
    print(", ".join(f"{name} {count}" for name, count in total.items()))
    return min(len(failed), 100)


if __name__ == "__main__":
    sys.exit(main())

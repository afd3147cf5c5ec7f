"""Schedules that failed once: shrunk, and kept as files that the tests run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.sim.quorum.schedule import Schedule

FOLDER = Path(__file__).parent / "regressions"


@dataclass(frozen=True, slots=True)
class Case:
    """A schedule, by what it is drawn from."""

    seed: int
    voters: int
    seconds: float
    skip: tuple[int, ...] = ()
    """Numbers of the faults that do not happen."""

    def run(self) -> int:
        """Run it; return how many faults it drew. Raises whatever does not hold."""
        schedule = self.schedule()
        schedule.run()
        return schedule.faults

    def schedule(self) -> Schedule:
        """Return it, ready to run."""
        return Schedule(self.seed, self.voters, self.seconds, frozenset(self.skip))


def fails(case: Case) -> bool:
    """Whether a property does not hold in it."""
    try:
        case.run()
    except Exception:  # of whatever kind
        return True
    return False


def shrink(case: Case, still_fails: Callable[[Case], bool] = fails) -> Case:
    """Leave out as many faults as can be, in ever smaller groups, while it still fails."""
    schedule = case.schedule()
    with suppress(Exception):  # the failure that is looked for
        schedule.run()
    faults = list(range(1, schedule.faults + 1))
    size = max(len(faults) // 2, 1)
    while True:
        for start in range(0, len(faults), size):
            group = set(faults[start : start + size])
            smaller = Case(
                case.seed, case.voters, case.seconds, tuple(sorted({*case.skip, *group}))
            )
            if smaller != case and still_fails(smaller):
                case = smaller
        if size == 1:
            return case
        size //= 2


def keep(case: Case) -> Path:
    """Write a case where the tests find it."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{case.voters}-voters-seed-{case.seed}.json"
    path.write_text(json.dumps(asdict(case)) + "\n")
    return path


def kept() -> list[Case]:
    """Return all cases that were kept."""
    return [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def _read(path: Path) -> Case:
    content = json.loads(path.read_text())
    return Case(content["seed"], content["voters"], content["seconds"], tuple(content["skip"]))

"""Measuring side by side: each row on one target and then the other, several times."""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from raftkafka.client.errors import ClientError
from tests.bench.generators import GeneratorFailed
from tests.bench.rows import Against, Bench, Better, Figure, Row
from tests.bench.targets import NotMeasured, Target


@dataclass
class Measured:
    """One figure of one row: all values of both sides, pair by pair."""

    row: str
    figure: Figure
    ours: list[float] = field(default_factory=list[float])
    peer: list[float] = field(default_factory=list[float])

    @property
    def ours_median(self) -> float | None:
        """Of all values."""
        return statistics.median(self.ours) if self.ours else None

    @property
    def peer_median(self) -> float | None:
        """Of all values."""
        return statistics.median(self.peer) if self.peer else None

    @property
    def ratio(self) -> float | None:
        """Ours by the peer's: the median over the pairs, for the machine's speed drifts."""
        ratios = [ours / peer for ours, peer in zip(self.ours, self.peer, strict=False) if peer]
        return statistics.median(ratios) if ratios else None

    @property
    def verdict(self) -> str:
        """Where it stands: "goal", "floor", "below", or "" if nothing is asked or known."""
        figure = self.figure
        value = self.ratio if figure.against is Against.RATIO else self.ours_median
        if value is None or figure.floor is None:
            return ""
        if figure.goal is not None and reaches(value, figure.goal, figure.better):
            return "goal"
        return "floor" if reaches(value, figure.floor, figure.better) else "below"


def reaches(value: float, wanted: float, better: Better) -> bool:
    """Whether a value is as good as one wanted."""
    return value >= wanted if better is Better.HIGHER else value <= wanted


@dataclass
class Outcome:
    """All that was measured, and what went wrong meanwhile."""

    measured: list[Measured] = field(default_factory=list[Measured])
    failures: list[str] = field(default_factory=list[str])
    loop_held_ms: dict[str, float] = field(default_factory=dict[str, float])
    """By row: how long our loop was held, where it was longer than ever before in the run."""


def select(rows: Sequence[Row], pattern: str | None, *, with_long: bool) -> list[Row]:
    """Return the rows whose name the pattern is found in; long ones only if asked for."""
    wanted = re.compile(pattern or "", re.IGNORECASE)
    return [row for row in rows if wanted.search(row.name) and (with_long or not row.is_long)]


def measure(row: Row, bench: Bench, targets: Sequence[Target], pairs: int, into: Outcome) -> None:
    """Run a row on each target in turn, ``pairs`` times; the first target is ours.

    A row that fails on a target is not tried on it again; what failed is noted.
    """
    figures = {figure.name: Measured(row.name, figure) for figure in row.figures}
    into.measured += figures.values()
    able = list(targets)
    for _ in range(1 if row.is_long or row.runs_once else pairs):
        for target in tuple(able):
            begin = time.monotonic()
            try:
                values = row.run(replace(bench, target=target))
            except NotMeasured as reason:
                able.remove(target)
                say(f"{row.name}: {target.name}: not measured, {reason}")
                continue
            except (ClientError, GeneratorFailed, OSError, RuntimeError) as error:
                able.remove(target)
                into.failures.append(f"{row.name}: {target.name}: {error}{target.last_words()}")
                say(into.failures[-1])
                continue
            keep(figures, values, is_ours=target is targets[0])
            took_s = time.monotonic() - begin
            say(f"{row.name}: {target.name}: {words(values)} ({took_s:.0f} s)")
            if target.is_ours and (held_ms := target.loop_held_ms()):
                into.loop_held_ms[row.name] = max(held_ms, into.loop_held_ms.get(row.name, 0.0))


def keep(figures: Mapping[str, Measured], values: Mapping[str, float], *, is_ours: bool) -> None:
    """Add one run's values."""
    for name, value in values.items():
        measured = figures[name]
        (measured.ours if is_ours else measured.peer).append(value)


def words(values: Mapping[str, float]) -> str:
    """Return the values of one run in a line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)

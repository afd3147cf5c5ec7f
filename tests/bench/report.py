"""The table on the terminal, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.measure import Measured, Outcome
from tests.bench.rows import Better

STYLES = {"below": "bold red", "floor": "yellow", "goal": "green", "": ""}


def print_table(outcome: Outcome, *, with_peer: bool) -> None:
    """Write all figures; with a peer also its, and the ratio."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("ROW")
    table.add_column("FIGURE")
    table.add_column("UNIT")
    table.add_column("OURS", justify="right")
    if with_peer:
        table.add_column("PEER", justify="right")
        table.add_column("RATIO", justify="right")
    table.add_column("REACHES")
    row = ""
    for measured in outcome.measured:
        arrow = "↑" if measured.figure.better is Better.HIGHER else "↓"
        cells = [
            measured.row if measured.row != row else "",
            f"{measured.figure.name} {arrow}",
            measured.figure.unit,
            number(measured.ours_median),
        ]
        if with_peer:
            cells += [number(measured.peer_median), number(measured.ratio)]
        verdict = measured.verdict
        table.add_row(*cells, f"[{STYLES[verdict]}]{verdict}" if verdict else "")
        row = measured.row
    console = Console(highlight=False, width=None if os.isatty(1) else 110)
    console.print(table)
    for name, held_ms in outcome.loop_held_ms.items():
        console.print(f"A step held our loop for {held_ms:.0f} ms: {name}")
    for failure in outcome.failures:
        console.print(f"Failed: {failure}", markup=False)


def number(value: float | None) -> str:
    """Return three digits that count, or a dash."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write_json(path: Path, outcome: Outcome, options: dict[str, object]) -> None:
    """Write everything that is known, each single value too."""
    document = {
        "options": options,
        "machine": {
            "cpus": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "figures": [as_json(measured) for measured in outcome.measured],
        "loop_held_ms": outcome.loop_held_ms,
        "failures": outcome.failures,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def as_json(measured: Measured) -> dict[str, object]:
    """Return one figure as an object."""
    figure = measured.figure
    return {
        "row": measured.row,
        "figure": figure.name,
        "unit": figure.unit,
        "better": figure.better.value,
        "ours": measured.ours,
        "peer": measured.peer,
        "ours_median": measured.ours_median,
        "peer_median": measured.peer_median,
        "ratio": measured.ratio,
        "floor": figure.floor,
        "goal": figure.goal,
        "against": figure.against.value,
        "reaches": measured.verdict,
    }

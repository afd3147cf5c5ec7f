"""The benchmark itself, in a few seconds: it says nothing about speed, only that it works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import ROWS, main
from tests.bench.measure import Measured
from tests.bench.rows import Against, Better, Figure
from tests.support.broker import Server

QUICK = ["--quick", "--no-warm-up", "--pairs=1", "--partitions=2"]
ROWS_TRIED = "^connect|^producer, 200 B$|wire fetch, 200 KB|50x8|1,000/s|topic list"
ROWS_ALONE = "empty|old data|^10 part"
ROWS_OF_THE_QUORUM = "^quorum: (commits|CreateTopics|a snapshot)"


@pytest.mark.needs("cc")
def test_rows_side_by_side(tmp_path: Path) -> None:
    peer = Server(tmp_path / "peer")
    peer.start()
    try:
        found = run(tmp_path, ROWS_TRIED, f"--against={peer.bootstrap}")
    finally:
        peer.stop()
    for figure in found["figures"]:
        assert figure["ours"], figure
        if figure["row"] != "topic list":
            assert figure["peer"], figure
            assert figure["ratio"], figure


@pytest.mark.needs("cc")
def test_rows_that_start_brokers_of_their_own(tmp_path: Path) -> None:
    for figure in run(tmp_path, ROWS_ALONE)["figures"]:
        assert figure["ours"], figure


@pytest.mark.needs("cc")
def test_rows_of_the_quorum(tmp_path: Path) -> None:
    for figure in run(tmp_path, ROWS_OF_THE_QUORUM)["figures"]:
        assert figure["ours"], figure


def run(folder: Path, rows: str, *options: str) -> dict[str, list[dict[str, object]]]:
    """Return what the tool wrote."""
    path = folder / "bench.json"
    places = [f"--dir={folder}", f"--json={path}", "--seconds=0.1", f"--rows={rows}"]
    assert main([*QUICK, *places, *options]) == 0
    found: dict[str, list[dict[str, object]]] = json.loads(path.read_text())
    assert found["failures"] == []
    assert list(folder.glob("bench-*")) == [], "it cleans up"
    return found


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("better", "ours", "verdict"),
    [
        (Better.HIGHER, [2.0], "goal"),
        (Better.HIGHER, [1.1], "floor"),
        (Better.HIGHER, [0.5], "below"),
        (Better.LOWER, [0.5], "goal"),
        (Better.LOWER, [2.0], "below"),
    ],
)
def test_verdict_on_a_ratio(better: Better, ours: list[float], verdict: str) -> None:
    goal = 1.5 if better is Better.HIGHER else 0.7
    measured = Measured("row", Figure("x", "ms", better, 1.0, goal), ours, [1.0])
    assert measured.verdict == verdict


def test_verdict_on_a_value_needs_no_peer() -> None:
    figure = Figure("x", "s", Better.LOWER, 0.45, 0.35, Against.VALUE)
    assert Measured("row", figure, [0.4]).verdict == "floor"
    assert Measured("row", figure).verdict == ""


def test_ratio_is_the_median_over_the_pairs() -> None:
    """The machine's speed drifts: what was measured next to each other is compared."""
    figure = Figure("x", "ms", Better.LOWER)
    assert Measured("row", figure, [1.0, 10.0, 100.0], [2.0, 20.0, 200.0]).ratio == 0.5

"""Clusters that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster

MakeCluster = Callable[..., Cluster]


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    """Make clusters that do not run yet; none of their processes outlives the test."""
    made: list[Cluster] = []

    def make(**options: Any) -> Cluster:  # noqa: ANN401 - as of Cluster itself
        made.append(Cluster(tmp_path / f"cluster-{len(made)}", **options))
        return made[-1]

    yield make
    for cluster in made:
        cluster.end()

"""kill -9 of the controller in the middle of topic creations: acknowledged ones hold everywhere."""

from __future__ import annotations

import os
import time
from random import Random

import pytest

from tests.cluster.conftest import MakeCluster
from tests.cluster.controller_kills import kill_controllers

SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000


@pytest.mark.parametrize(
    "kills",
    [pytest.param(3, id="3 kills"), pytest.param(12, id="12 kills", marks=pytest.mark.long)],
)
def test_acknowledged_creations_survive_kills_of_the_controller(
    kills: int, make_cluster: MakeCluster
) -> None:
    print(f"RAFTKAFKA_SEED={SEED}")
    print(kill_controllers(make_cluster(), kills, Random(SEED)))

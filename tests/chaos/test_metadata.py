"""The network is cut and processes die while clients create and delete topics through any broker.

No acknowledged change is lost, all answers fit one order, no node acknowledges what a majority
cannot have, every broker ends with the same metadata, and all is well soon after healing.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.metadata_run import MetadataRun
from tests.chaos.schedule import Fault, Process, Schedule, Shape

pytestmark = [pytest.mark.needs("network_namespaces"), pytest.mark.alone]

SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000
THREE = {
    "halves, and the controller isolated": (
        Fault(Shape.HALVES, hold_s=2),
        Fault(Shape.CONTROLLER_ISOLATED, hold_s=3),
    ),
    "one way": (
        Fault(Shape.CONTROLLER_DEAF, hold_s=2.5),
        Fault(Shape.CONTROLLER_MUTE, hold_s=2.5),
        Fault(Shape.ONE_WAY, hold_s=2),
    ),
    "clients cut from a broker, swizzle": (
        Fault(Shape.CLIENTS_CUT_FROM_BROKER, hold_s=1.5),
        Fault(Shape.SWIZZLE, hold_s=3),
    ),
    "kill -9 and stand-still": (
        Fault(Shape.WHOLE, Process.KILL_CONTROLLER, hold_s=1.5),
        Fault(Shape.WHOLE, Process.PAUSE_CONTROLLER, hold_s=2.5),
        Fault(Shape.FOLLOWER_ISOLATED, Process.KILL_ALL, hold_s=0.5),
    ),
}
FIVE = {
    "ring, bridge": (Fault(Shape.RING, hold_s=3), Fault(Shape.BRIDGE, hold_s=2.5)),
}


@pytest.mark.parametrize(
    ("nodes", "faults"),
    [pytest.param(3, faults, id=name) for name, faults in THREE.items()]
    + [pytest.param(5, faults, id=name) for name, faults in FIVE.items()],
)
def test_metadata_holds(nodes: int, faults: tuple[Fault, ...], tmp_path: Path) -> None:
    seeded = tuple(replace(fault, seed=SEED + number) for number, fault in enumerate(faults))
    print(MetadataRun(tmp_path, Schedule(SEED, nodes, seeded)).run())


@pytest.mark.long
def test_metadata_holds_under_drawn_faults(tmp_path: Path) -> None:
    print(MetadataRun(tmp_path, Schedule.draw(SEED, seconds=60)).run())

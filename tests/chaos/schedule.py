"""What is going to happen to a cluster, drawn from a seed and written down before the start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from random import Random

from tests.chaos import shapes
from tests.chaos.shapes import Cut

HOLD_S = (2.0, 6.0)
REST_S = (0.5, 4.0)
PROCESS_SHARE = 0.3
"""Of cuts that a process fault comes on top of."""


class Shape(Enum):
    """How the network is cut. The controller is who leads when the cut begins."""

    WHOLE = "whole"
    HALVES = "halves"
    CONTROLLER_ISOLATED = "controller isolated"
    FOLLOWER_ISOLATED = "follower isolated"
    CONTROLLER_DEAF = "controller deaf"
    CONTROLLER_MUTE = "controller mute"
    ONE_WAY = "one way"
    BRIDGE = "bridge"
    RING = "ring"
    CLIENTS_CUT_FROM_BROKER = "clients cut from broker"
    SWIZZLE = "swizzle"


class Process(Enum):
    """What happens to processes meanwhile; all is undone with the cut."""

    NONE = "none"
    KILL_CONTROLLER = "kill the controller"
    KILL_ONE = "kill one"
    KILL_ALL = "kill all"
    PAUSE_CONTROLLER = "pause the controller"
    PAUSE_ONE = "pause one"


@dataclass(frozen=True, slots=True)
class Fault:
    """One cut, or process fault, or both.

    Args:
        shape: of the network.
        process: what happens to processes.
        hold_s: how long it lasts.
        rest_s: how long all is well before it.
        seed: draws what the shape leaves open.
    """

    shape: Shape
    process: Process = Process.NONE
    hold_s: float = 4.0
    rest_s: float = 0.5
    seed: int = 0

    def cuts(self, nodes: Sequence[int], clients: Sequence[int], controller: int) -> list[Cut]:
        """Return the cuts, one after the other; together they last ``hold_s``."""
        random = Random(self.seed)
        other = random.choice([node for node in nodes if node != controller])
        match self.shape:
            case Shape.WHOLE:
                return [shapes.WHOLE]
            case Shape.HALVES:
                return [shapes.halves(nodes, random)]
            case Shape.CONTROLLER_ISOLATED:
                return [shapes.isolated(controller, nodes)]
            case Shape.FOLLOWER_ISOLATED:
                return [shapes.isolated(other, nodes)]
            case Shape.CONTROLLER_DEAF:
                return [shapes.deaf(controller, nodes)]
            case Shape.CONTROLLER_MUTE:
                return [shapes.mute(controller, nodes)]
            case Shape.ONE_WAY:
                return [shapes.random_one_way(nodes, random)]
            case Shape.BRIDGE:
                return [shapes.bridged(nodes, random)]
            case Shape.RING:
                return [shapes.ring(nodes, random)]
            case Shape.CLIENTS_CUT_FROM_BROKER:
                away = random.sample(clients, random.randint(1, len(clients)))
                return [shapes.without_broker(away, random.choice(nodes))]
            case Shape.SWIZZLE:
                return shapes.swizzle(nodes, random)

    def victims(self, nodes: Sequence[int], controller: int) -> list[int]:
        """Return the nodes that the process fault meets."""
        match self.process:
            case Process.NONE:
                return []
            case Process.KILL_CONTROLLER | Process.PAUSE_CONTROLLER:
                return [controller]
            case Process.KILL_ONE | Process.PAUSE_ONE:
                return [Random(self.seed + 1).choice(nodes)]
            case Process.KILL_ALL:
                return list(nodes)

    @property
    def kills(self) -> bool:
        """Whether its victims die, and are started again."""
        return self.process in {Process.KILL_CONTROLLER, Process.KILL_ONE, Process.KILL_ALL}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run: how many nodes, and the faults in order."""

    seed: int
    nodes: int
    faults: tuple[Fault, ...]

    @staticmethod
    def draw(seed: int, *, seconds: float) -> Schedule:
        """Draw faults for about so many seconds, for three nodes or five."""
        random = Random(seed)
        nodes = random.choice([3, 3, 5])
        kinds = [kind for kind in Shape if nodes == 5 or kind not in {Shape.RING, Shape.BRIDGE}]
        faults: list[Fault] = []
        left_s = seconds
        while left_s > 0:
            fault = _draw_fault(random, kinds)
            left_s -= fault.hold_s + fault.rest_s
            faults.append(fault)
        return Schedule(seed, nodes, tuple(faults))

    @property
    def seconds(self) -> float:
        """How long the faults take in all."""
        return sum(fault.hold_s + fault.rest_s for fault in self.faults)

    def write(self, path: Path) -> None:
        """Write it down, one fault a line."""
        lines = [json.dumps({"seed": self.seed, "nodes": self.nodes})]
        for fault in self.faults:
            texts = {"shape": fault.shape.value, "process": fault.process.value}
            lines.append(json.dumps(asdict(fault) | texts))
        path.write_text("\n".join(lines) + "\n")


def _draw_fault(random: Random, kinds: Sequence[Shape]) -> Fault:
    shape = random.choice(kinds)
    with_process = shape is Shape.WHOLE or random.random() < PROCESS_SHARE
    process = random.choice([it for it in Process if it is not Process.NONE])
    return Fault(
        shape,
        process if with_process else Process.NONE,
        round(random.uniform(*HOLD_S), 2),
        round(random.uniform(*REST_S), 2),
        random.randrange(1_000_000),
    )

"""A lone voter dies before every single disk operation of a run; what it acknowledged holds."""

from __future__ import annotations

from random import Random

import pytest

from metadata.errors import UnknownOutcome
from tests.sim.quorum.node import EventDisk, Killed
from tests.unit.raft.bench import Bench, Node

COMMANDS = 60
SEEDS = 3


class MortalDisk(EventDisk):
    """Lets so many operations through; the process does not live to begin the next one."""

    operations_left = 1 << 60

    def check(self, operation: str, path: str) -> None:
        """Count an operation that changes or syncs something."""
        if operation not in ("open", "read", "list"):
            if self.operations_left == 0:
                raise Killed
            self.operations_left -= 1
        super().check(operation, path)


class MortalBench(Bench):
    """One voter that takes a snapshot now and then."""

    disk_type = MortalDisk

    def __init__(self) -> None:
        super().__init__(1, snapshot_every_bytes=3000)

    @property
    def disk(self) -> MortalDisk:
        disk = self[1].disk
        assert isinstance(disk, MortalDisk)
        return disk


def elect(node: Node) -> None:
    node.core.excuse(-2e9)
    node.step()


def live(node: Node, first: int) -> None:
    """Lead, and propose the commands from ``first`` on; ``node.outcomes`` tells how far it came."""
    elect(node)
    for number in range(first, COMMANDS):
        node.propose(b"%06d" % number * 25)


def operations_of_a_whole_run() -> int:
    bench = MortalBench()
    before = bench.disk.operations_left
    live(bench[1], 0)
    assert bench[1].journal.base_index > 40, "snapshots were taken"
    assert bench.disk.exists("/meta/000000000003.journal"), "segments were rolled"
    return before - bench.disk.operations_left


OPERATIONS = operations_of_a_whole_run()


@pytest.mark.parametrize("power_loss", [False, True], ids=["kill", "power loss"])
@pytest.mark.parametrize("torn", range(SEEDS))
def test_what_was_acknowledged_survives_death_before_any_operation(
    torn: int, power_loss: bool
) -> None:
    """Overrides 4 and 5: at every write, sync, rename and removal of a run."""
    for operations in range(OPERATIONS):
        bench = MortalBench()
        node = bench[1]
        bench.disk.operations_left = operations
        with pytest.raises(Killed):
            live(node, 0)
        bench.disk.random = Random(torn * 1000 + operations)
        acknowledged = check_outcomes(node)
        node.restart(power_loss=power_loss)
        elect(node)
        survived = check_history(node, at_least=acknowledged)
        node.outcomes.clear()
        live(node, survived)
        node.restart(power_loss=True)
        elect(node)
        assert check_history(node, at_least=COMMANDS) == COMMANDS


def check_outcomes(node: Node) -> int:
    assert not [outcome for outcome in node.outcomes if isinstance(outcome, UnknownOutcome)]
    return len(node.outcomes)


def check_history(node: Node, at_least: int) -> int:
    """Demand the commands in order, none twice, and no acknowledged one missing."""
    assert node.core.leader_term is not None
    history = [int(command[:6]) for command in node.machine.applied]
    assert history == list(range(len(history)))
    assert len(history) >= at_least
    return len(history)

"""A run: clients change topics while the network is cut and processes die, then all is judged.

    python -m tests.chaos.metadata_run --seeds 1-20 --seconds 60

draws a schedule from each seed and keeps what a failed run leaves. Needs root, ip and nft.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from traceback import print_exc

from tests.chaos.brokers import LabBroker, LabCluster, Told, TopicTold
from tests.chaos.lab import Lab
from tests.chaos.linearizability import violations
from tests.chaos.namespaces import CannotBuild
from tests.chaos.operations import Kind, Operation, Outcome, write_history
from tests.chaos.schedule import Fault, Schedule
from tests.chaos.shapes import Cut, able_to_commit
from tests.chaos.topic_clients import Names, TopicClient
from tests.support.wire import until

CLIENTS = 4
TRACEBACK = "Traceback (most recent call last)"
LIVENESS_S = 30.0
"""After healing, through every broker."""
STEP_DOWN_S = 5.0
"""An election time-out, and a machine that is busy."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time of faults, on the clock of the run, and through whom changes could be committed."""

    able: frozenset[int]
    began_s: float
    ended_s: float


@dataclass(slots=True)
class Report:
    """What a run saw, in figures."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    errors: Counter[str] = field(default_factory=Counter[str])
    topics: int = 0
    dropped_frames: int = 0
    worst_liveness_s: float = 0.0
    step_downs_s: list[float] = field(default_factory=list[float])
    outages_s: list[float] = field(default_factory=list[float])
    epoch: int = 0

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        step_downs = ", ".join(f"{seconds:.2f}" for seconds in self.step_downs_s) or "none"
        outages = ", ".join(f"{seconds:.2f}" for seconds in self.outages_s) or "none"
        return (
            f"operations: {outcomes}; {self.topics} topics at the end; epoch {self.epoch}; "
            f"{self.dropped_frames} frames lost; through every broker again at most "
            f"{self.worst_liveness_s:.2f} s after healing; step-downs after (s): {step_downs}; "
            f"first change in each fault that allows one after (s): {outages}; "
            f"errors: {dict(self.errors.most_common(8))}"
        )


class MetadataRun:
    """One schedule on a fresh cluster.

    Args:
        folder: for seed, schedule, history and what the brokers leave.
        schedule: what happens.
        rto_max_ms: see ``Lab``.
    """

    def __init__(self, folder: Path, schedule: Schedule, *, rto_max_ms: int | None = 1000) -> None:
        self.report = Report()
        self._folder = folder
        self._schedule = schedule
        self._rto_max_ms = rto_max_ms
        self._nodes = tuple(range(1, schedule.nodes + 1))
        self._clients: list[TopicClient] = []
        self._reads: list[Operation] = []
        self._windows: list[Window] = []
        self._start_s = time.monotonic()

    def run(self) -> Report:
        """Do all of it.

        Raises:
            AssertionError, TimeoutError: a rule is broken; the folder is named in the message.
            CannotBuild: this machine lacks something for the lab.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._schedule.write(self._folder / "schedule.jsonl")
        self._note(f"RAFTKAFKA_SEED={self._schedule.seed}; schedule and logs: {self._folder}")
        try:
            self._run()
            self._judge()
        except BaseException as error:
            error.add_note(f"seed {self._schedule.seed}; all that is left: {self._folder}")
            raise
        finally:
            write_history(self._folder / "history.jsonl", self._history())
        return self.report

    def _run(self) -> None:
        with ExitStack() as ends:
            clients = tuple(range(1, CLIENTS + 1))
            lab = Lab(len(self._nodes), CLIENTS, rto_max_ms=self._rto_max_ms)
            self._lab = ends.enter_context(lab)
            self._cluster = ends.enter_context(LabCluster(self._lab, self._folder))
            self._cluster.start()
            self._start_s = time.monotonic()
            self._start_clients(clients)
            try:
                for fault in self._schedule.faults:
                    self._await_liveness()
                    time.sleep(fault.rest_s)
                    self._inflict(fault, clients)
                self._await_liveness()
            finally:
                for client in self._clients:
                    client.ask_to_stop()
            self._join_clients()
            self._await_agreement()
            self._cluster.stop()
            self.report.dropped_frames = self._lab.dropped()

    def _now_s(self) -> float:
        return time.monotonic() - self._start_s

    def _note(self, event: str) -> None:
        line = f"[{self._now_s():.3f}] {event}"
        print(line)
        with (self._folder / "events.txt").open("a") as events:
            events.write(line + "\n")

    def _start_clients(self, numbers: tuple[int, ...]) -> None:
        random = Random(self._schedule.seed)
        names = Names()
        for number in numbers:
            own = Random(random.getrandbits(32))
            client = TopicClient(self._lab, number, self._nodes, names, own, self._now_s)
            self._clients.append(client)
            client.start()

    def _failed(self) -> bool:
        return any(client.failure is not None for client in self._clients)

    # Faults.

    def _inflict(self, fault: Fault, clients: tuple[int, ...]) -> None:
        """Cut and hurt for as long as the fault lasts, then undo it, whatever happens."""
        controller = self._cluster.controller_id()
        cuts = fault.cuts(self._nodes, clients, controller)
        victims = [self._cluster.brokers[n] for n in fault.victims(self._nodes, controller)]
        down = frozenset(broker.node_id for broker in victims)
        ends_s = self._now_s() + fault.hold_s
        self._note(f"{fault} controller {controller}, cuts {_shown(cuts)}")
        try:
            for number, cut in enumerate(cuts, 1):
                self._lab.cut(cut)
                if number == 1:
                    self._hurt(fault, victims)
                began_s = self._now_s()
                able = able_to_commit(cut, self._nodes, down)
                if number == 1 and controller not in able | down:
                    self._watch_step_down(controller, began_s)
                left_s = (ends_s - self._now_s()) / (1 + len(cuts) - number)
                time.sleep(max(0.0, left_s))
                self._windows.append(Window(able, began_s, self._now_s()))
        finally:
            self._lab.heal()
            self._undo(fault, victims)
        self._note("healed")

    @staticmethod
    def _hurt(fault: Fault, victims: list[LabBroker]) -> None:
        for broker in victims:
            if fault.kills:
                broker.kill()
            else:
                broker.pause()

    @staticmethod
    def _undo(fault: Fault, victims: list[LabBroker]) -> None:
        for broker in victims:
            if not fault.kills:
                broker.resume()
            elif not broker.is_running:
                broker.spawn()

    def _watch_step_down(self, controller: int, began_s: float) -> None:
        """Wait until a controller that reaches no majority knows that it is none any more.

        Raises:
            TimeoutError: it does not step down.
        """
        broker = self._cluster.brokers[controller]

        def stepped_down() -> bool:
            try:
                return not broker.quorum().is_controller
            except OSError:
                return False

        until(stepped_down, "the cut off controller steps down", STEP_DOWN_S)
        self.report.step_downs_s.append(self._now_s() - began_s)

    def _await_liveness(self) -> None:
        """Wait until changes are acknowledged through every broker."""
        since_s = self._now_s()

        def through_all() -> bool:
            self._cluster.assert_none_died()
            acknowledged = (client.acknowledged_since(since_s) for client in self._clients)
            return self._failed() or len(set[int]().union(*acknowledged)) == len(self._nodes)

        until(through_all, "changes are acknowledged through every broker", LIVENESS_S)
        took_s = self._now_s() - since_s
        self.report.worst_liveness_s = max(self.report.worst_liveness_s, took_s)
        if self._failed():
            self._join_clients()

    def _join_clients(self) -> None:
        for client in self._clients:
            client.ask_to_stop()
        for client in self._clients:
            client.join()

    # The end.

    def _await_agreement(self) -> None:
        """Wait until all brokers tell the same topics and offset; note what they tell as read.

        Raises:
            AssertionError: they do not come to agree; with what each tells.
        """
        called_s = self._now_s()
        agreed: list[Told] = []

        def agree() -> bool:
            agreed[:] = self._cluster.told()
            return len(set(agreed)) == 1 and len(agreed) == len(self._nodes)

        with suppress(TimeoutError):
            until(agree, "all brokers tell the same", LIVENESS_S)
        assert agree(), f"brokers differ in the end:\n{_differences(agreed)}"
        topics = {topic.name: topic.topic_id for topic in agreed[0].topics}
        self.report.topics, self.report.epoch = len(topics), agreed[0].epoch
        touched = {one.topic for one in self._history()}
        for name in sorted(touched | topics.keys()):
            read = (Kind.READ, name, called_s, self._now_s(), Outcome.DONE, topics.get(name))
            self._reads.append(Operation(0, 0, *read))

    def _history(self) -> list[Operation]:
        operations = [one for client in self._clients for one in client.operations]
        return operations + self._reads

    def _judge(self) -> None:
        history = self._history()
        changes = history[: -len(self._reads)] if self._reads else history
        self.report.outcomes.update(one.outcome.value for one in changes)
        self.report.errors.update(one.error for one in changes if one.error)
        self.report.outages_s += self._outages(changes)
        found = [str(violation) for violation in violations(history)]
        found += self._acknowledged_without_majority(changes)
        found += [line for client in self._clients for line in client.stale_reads]
        assert not found, "\n".join(found[:10])
        for broker in self._cluster.brokers.values():
            before, traceback, after = broker.log_text().partition(TRACEBACK)
            assert not traceback, (
                f"node {broker.node_id}: {before[-1000:]}{TRACEBACK}{after[:5000]}"
            )

    def _outages(self, changes: list[Operation]) -> Iterator[float]:
        """Yield, for each fault that leaves a majority, how long nothing was acknowledged."""
        for window in self._windows:
            if window.able:
                inside = (
                    one.returned_s
                    for one in changes
                    if one.outcome is Outcome.DONE and one.called_s >= window.began_s
                )
                yield min([window.ended_s, *inside]) - window.began_s

    def _acknowledged_without_majority(self, changes: list[Operation]) -> list[str]:
        """Return what was asked of nodes that could not commit, and acknowledged nevertheless."""
        return [
            f"acknowledged by a node without a majority: {one}"
            for window in self._windows
            for one in changes
            if one.outcome is Outcome.DONE
            and window.began_s <= one.called_s
            and one.returned_s <= window.ended_s
            and one.node not in window.able
        ]


def _differences(told: list[Told]) -> str:
    if not told:
        return "nobody answers"
    common = frozenset[TopicTold].intersection(*(one.topics for one in told))
    return "\n".join(
        f"epoch {one.epoch}, offset {one.high_watermark}, only here: "
        f"{sorted(one.topics - common)[:10]}"
        for one in told
    )


def _shown(cuts: list[Cut]) -> str:
    return "; ".join(
        " ".join(f"{sender}>{receiver}" for sender, receiver in sorted(cut)) for cut in cuts
    )


def main() -> int:
    """Return how many seeds failed, at most 100."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-5", help="one seed, or FIRST-LAST")
    parser.add_argument("--seconds", type=float, default=60.0, help="of faults, for each seed")
    parser.add_argument("--folder", type=Path, default=Path("build/chaos"))
    options = parser.parse_args()
    first, _, last = str(options.seeds).partition("-")
    failed: list[int] = []
    for seed in range(int(first), int(last or first) + 1):
        schedule = Schedule.draw(seed, seconds=options.seconds)
        folder = options.folder / f"seed-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        # Half of the runs wait for TCP as long as any other machine would.
        rto_max_ms = 1000 if seed % 2 else None
        try:
            print(MetadataRun(folder, schedule, rto_max_ms=rto_max_ms).run())
        except CannotBuild as error:
            parser.error(str(error))
        except Exception:  # every kind of failure is a finding; the folder tells more
            failed.append(seed)
            print_exc()
        else:
            shutil.rmtree(folder)
    print(f"failed seeds: {failed or 'none'}")
    return min(len(failed), 100)


if __name__ == "__main__":
    sys.exit(main())

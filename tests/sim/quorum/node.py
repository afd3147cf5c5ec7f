"""One process from start to crash: the production pump on events, and a disk that outlives it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from errno import EIO
from functools import partial

from metadata.errors import ApplyFailed
from metadata.raft.core import RaftCore, SaveSnapshot
from metadata.raft.folder import QuorumFolder, Recovered
from metadata.raft.messages import Message
from metadata.raft.pump import Pump, Work
from metadata.raft.settings import RaftSettings
from tests.sim.memory_disk import MemoryDisk
from tests.sim.quorum.checks import Checks
from tests.sim.quorum.machine import Machine, Refused
from tests.sim.quorum.world import World

FOLDER = "/meta"
SEGMENT_BYTES = 16 << 10


class Killed(Exception):
    """The process ended in the middle of its work."""


class EventDisk(MemoryDisk):
    """Blocking calls are made inside events; their delay is in between."""

    killed_before: str | None = None
    """Operation that the process did not live to begin."""

    def assert_in_thread(self) -> None:
        """There are no threads here."""

    def check(self, operation: str, path: str) -> None:
        """Die or fail where the schedule wants it."""
        if operation == self.killed_before:
            raise Killed
        super().check(operation, path)


@dataclass(slots=True)
class Delays:
    """How slow this node's disk is."""

    shortest_s: float = 0.0005
    longest_s: float = 0.01


class Life:
    """Opens the folder, then does steps until it is crashed."""

    def __init__(
        self,
        world: World,
        checks: Checks,
        settings: RaftSettings,
        disk: EventDisk,
        delays: Delays,
        send: Callable[[int, Message], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._world = world
        self._on_failure = on_failure
        self._checks = checks
        self._disk = disk
        self._delays = delays
        self._steps: Generator[Work, None, None] | None = None
        self._in_flight: list[Work] = []
        self._timer = float("inf")
        self._paused = False
        self._awake_since = world.now
        self.is_dead = False
        self.node_id = settings.node_id
        self.machine = Machine(settings.node_id, checks, self._on_leader)
        self._folder = QuorumFolder(disk, FOLDER, settings, SEGMENT_BYTES)
        recovered: Recovered = self._folder.open(world.random.randbytes(16))
        self.core = RaftCore(
            settings,
            recovered.identity.directory_id,
            recovered.journal,
            recovered.snapshot,
            self.machine,
            world.random,
            world.now,
        )
        self.directory_id = recovered.identity.directory_id
        journal = recovered.journal
        checks.on_start(self.directory_id, journal.getCurrentTerm(), journal.getVotedForNodeId())
        self.restored_at_start = self.machine.restored
        self.pump = Pump(self.core, self._folder, send, lambda: world.now)
        self.wake()

    # Outside events.

    def deliver(self, source: int, message: Message) -> None:
        """Take a message."""
        self.pump.deliver(source, message)
        self.wake()

    def wake(self) -> None:
        """Something changed: do a step now, or after the one that runs."""
        if self._steps is None and not self.is_dead and not self._paused:
            self._steps = self.pump.step()
            self._go_on()

    def pause(self, seconds: float) -> None:
        """Stop the process for a while; messages wait in its sockets."""
        if not self._paused:
            self._paused = True
            self._world.after(seconds, self._resume)

    @property
    def awake_s(self) -> float:
        """How long it has been running without a pause."""
        return 0.0 if self._paused else self._world.now - self._awake_since

    def _resume(self) -> None:
        self._paused = False
        self._awake_since = self._world.now
        if self.is_dead:
            return
        late_s = self._world.now - self.core.next_deadline()
        if late_s > 0:
            self.core.excuse(late_s + self.core.settings.heartbeat_s)
        self.wake()

    def crash(self, *, power_loss: bool) -> EventDisk:
        """Die now; return the disk that the next life finds."""
        self.is_dead = True
        for work in self._in_flight:
            self._leave_half_done(work)
        return self._disk.after_power_loss() if power_loss else self._disk.after_kill()

    def _leave_half_done(self, work: Work) -> None:
        """Let the disk have all, nothing, or an unsynced part of what was being written."""
        random = self._world.random
        ending = random.choice(["not begun", "done", "killed", "killed", "failed"])
        if ending == "not begun":
            return
        if ending == "killed":
            self._disk.killed_before = random.choice(["sync", "rename", "sync_folder", "remove"])
        elif ending == "failed":
            self._disk.fail(random.choice(["write", "sync", "sync_folder"]), FOLDER, EIO)
        with suppress(OSError, Killed):
            work()
        self._disk.killed_before = None
        self._disk.heal()

    # Steps.

    def _go_on(self) -> None:
        """Carry on with the step up to its next blocking work, or to its end."""
        assert self._steps is not None
        try:
            work = next(self._steps, None)
        except ApplyFailed as failure:
            if not isinstance(failure.__cause__, Refused):
                raise  # a property does not hold
            self._on_failure()
            return
        if work is not None:
            self._later(work, self._go_on)
            return
        self._steps = None
        self._checks.on_term(self.node_id, self.core.term)  # durable by now
        for save in self.pump.take_saves():
            self._world.after(self._delay(), partial(self._save, save))
        if self.pump.is_due:
            self._world.after(0.0, self.wake)
        else:
            self._set_timer()

    def _set_timer(self) -> None:
        deadline = max(self.core.next_deadline(), self._world.now)
        if deadline < self._timer or self._timer <= self._world.now:
            self._timer = deadline
            if deadline != float("inf"):
                self._world.at(deadline, partial(self._fire, deadline))

    def _fire(self, deadline: float) -> None:
        if self._timer == deadline:
            self._timer = float("inf")
            self.wake()

    def _later(self, work: Work, then: Callable[[], None]) -> None:
        self._in_flight.append(work)
        self._world.after(self._delay(), partial(self._finish, work, then))

    def _finish(self, work: Work, then: Callable[[], None]) -> None:
        if self.is_dead:
            return
        self._in_flight.remove(work)
        work()
        if self._paused:
            self._world.after(0.05, partial(self._finish_paused, then))
        else:
            then()

    def _finish_paused(self, then: Callable[[], None]) -> None:
        if self._paused:
            self._world.after(0.05, partial(self._finish_paused, then))
        elif not self.is_dead:
            then()

    def _save(self, save: SaveSnapshot) -> None:
        if self.is_dead:
            return
        chunks = list(save.chunks)
        sizes: list[int] = []

        def work() -> None:
            folder = self._folder
            size = folder.save_snapshot(
                save.last_index, save.term, save.sessions, save.seats, chunks
            )
            sizes.append(size)

        def saved() -> None:
            self.pump.saved(save.last_index, sizes[0])
            self.wake()

        self._later(work, saved)

    def _delay(self) -> float:
        return self._world.random.uniform(self._delays.shortest_s, self._delays.longest_s)

    def _on_leader(self, term: int | None) -> None:
        if term is not None:
            self._world.note("leads", self.node_id, term)
            self._checks.on_leader(self.node_id, term)

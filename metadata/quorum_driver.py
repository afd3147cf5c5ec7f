"""One node of the metadata quorum on trio: pumps messages, time, disk and proposals."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol

import structlog
import trio

from metadata.errors import NotController, UnknownOutcome
from metadata.raft.commands import RequestId
from metadata.raft.core import RaftCore, SaveSnapshot
from metadata.raft.folder import SEGMENT_BYTES, QuorumFolder
from metadata.raft.messages import Message
from metadata.raft.pump import Pump
from metadata.raft.settings import RaftSettings
from metadata.raft.status import RaftStatus
from metadata.raft.upstream import Role
from metadata.state_machine import StateMachine
from raftkafka.disk import Disk
from raftkafka.errors import DamagedDisk
from raftkafka.types import Randomness

DIRECTORY_ID_BYTES = 16
LATE_S = 0.05

log = structlog.get_logger(__name__)


class Transport(Protocol):
    """The way to the other nodes; messages to a node that is not connected are dropped."""

    def send(self, node_id: int, message: Message) -> None:
        """Queue a message."""
        ...


class NoPeers:
    """The transport of a lone voter."""

    def send(self, node_id: int, message: Message) -> None:
        """Refuse: there is nobody to send to."""
        raise AssertionError(f"a message to node {node_id}: {message}")


class QuorumConfig(NamedTuple):
    """What the quorum takes of the broker's configuration."""

    folder: str
    raft: RaftSettings
    segment_bytes: int = SEGMENT_BYTES


class Quorum:
    """The replicated log of metadata commands, and this node's part in it.

    Proposals are appended synchronously, in the order of their calls; all that wait while
    the disk is busy share its next write.
    """

    def __init__(
        self,
        config: QuorumConfig,
        disk: Disk,
        random: Randomness,
        machine: StateMachine,
        transport: Transport | None = None,
    ) -> None:
        self._config = config
        self._disk = disk
        self._random = random
        self._machine = machine
        self._transport = transport or NoPeers()
        self._folder = QuorumFolder(disk, config.folder, config.raft, config.segment_bytes)
        self._core: RaftCore | None = None
        self._pump: Pump | None = None
        self._directory_id: bytes | None = None
        self._failure: Exception | None = None
        self._wake = trio.Event()
        self._role = Role.FOLLOWER
        self._role_changed = trio.Event()
        self._told_shut_out = False

    # What it knows.

    @property
    def term(self) -> int:
        """Newest Raft term seen: Kafka's leader epoch of the metadata quorum."""
        return 0 if self._core is None else self._core.term

    @property
    def is_leader(self) -> bool:
        """Whether proposals are accepted here: this node leads and has applied all before."""
        return self._core is not None and self._core.leader_term is not None

    @property
    def leader_id(self) -> int | None:
        """The node that leads, as far as known."""
        return None if self._core is None else self._core.leader_id

    @property
    def directory_id(self) -> bytes:
        """Names this node's folder, from when ``run`` has started."""
        assert self._directory_id is not None
        return self._directory_id

    def status(self) -> RaftStatus:
        """Return the voters' and observers' positions, for DescribeQuorum."""
        return self._running().status(trio.current_time())

    # What is asked of it.

    async def propose(self, command: bytes, term: int, request: RequestId | None = None) -> int:
        """Append a command that was built in ``term``, and wait until it is applied here.

        It is appended before this first waits, so calls keep their order. With a request
        id, a command that was applied before is not applied again; its index is returned.

        Returns:
            The index that the command was committed at.

        Raises:
            NotController: this node does not lead in that term; nothing was appended.
            UnknownOutcome: leadership was lost meanwhile; it may or may not get committed.
        """
        answer = _Answer()
        self._running().propose(trio.current_time(), command, term, answer.set, request)
        self._wake.set()
        return await answer.wait()

    async def read_barrier(self) -> int:
        """Wait until everything acknowledged before this call is applied here.

        Returns:
            The index that a linearizable read may be made at, or later.

        Raises:
            NotController: this node does not lead.
        """
        answer = _Answer()
        self._running().read(trio.current_time(), answer.set)
        self._wake.set()
        return await answer.wait()

    async def transfer_leadership(self) -> None:
        """Have a follower take over, and return when this node does not lead any more.

        Waits for a follower that holds everything, for as long as it leads: bound it by a
        time-out.
        """
        core = self._running()
        while core.role is Role.LEADER:
            core.transfer_leadership(trio.current_time())
            self._wake.set()
            with trio.move_on_after(core.settings.heartbeat_s):
                await self._role_changed.wait()

    async def readmit(self, voter: int) -> int:
        """Give a voter with a new folder its vote back, once it has caught up.

        Returns:
            The index that it was committed at.

        Raises:
            NotController: this node does not lead.
            NotReadmitted: not now; the text says why.
            UnknownOutcome: leadership was lost meanwhile.
        """
        answer = _Answer()
        self._running().readmit(trio.current_time(), voter, answer.set)
        self._wake.set()
        return await answer.wait()

    def deliver(self, source: int, message: Message) -> None:
        """Take a message from a peer; lost if this node does not run."""
        if self._pump is not None:
            self._pump.deliver(source, message)
            self._wake.set()

    def connected(self, node_id: int, directory_id: bytes, *, observer: bool = False) -> None:
        """A channel to a node is open; its handshake told the id of the node's folder."""
        if self._core is not None and self._pump is not None:
            self._pump.forget(node_id)
            now = trio.current_time()
            self._core.connected(now, node_id, directory_id, observer=observer)
            self._wake.set()

    def disconnected(self, node_id: int, *, observer: bool = False) -> None:
        """The channel to a node is closed; that may be because this node stops."""
        if self._core is not None:
            self._core.disconnected(trio.current_time(), node_id, observer=observer)
            self._wake.set()

    # The pump.

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open the folder and take part until cancelled.

        Started once the journal is open; a lone voter, once it leads and has applied all.

        Raises:
            ForeignDataFolder, DataFolderInUse, DamagedDisk: the folder cannot be used.
            ApplyFailed: the state machine refused a committed command.
        """
        try:
            self._core = core = await self._open()
            pump = Pump(core, self._folder, self._transport.send, trio.current_time)
            self._pump = pump
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump_until_failure, pump, nursery, task_status)
            if self._failure is not None:
                raise self._failure
        except OSError as error:
            folder = self._config.folder
            raise DamagedDisk(f"{folder}: the metadata disk failed: {error}") from error
        finally:
            if self._core is not None:
                self._core.close()
                self._core = self._pump = None
            self._folder.close()

    async def _open(self) -> RaftCore:
        fresh_directory_id = self._random.randbytes(DIRECTORY_ID_BYTES)
        recovered = await self._disk.run(partial(self._folder.open, fresh_directory_id))
        if recovered.torn is not None:
            log.warning(
                "a torn write at the end of the metadata journal was cut", at=recovered.torn
            )
        self._directory_id = recovered.identity.directory_id
        return RaftCore(
            self._config.raft,
            recovered.identity.directory_id,
            recovered.journal,
            recovered.snapshot,
            self._machine,
            self._random,
            trio.current_time(),
        )

    async def _pump_until_failure(
        self, pump: Pump, nursery: trio.Nursery, task_status: trio.TaskStatus[None]
    ) -> None:
        # Carried around the nursery, which would wrap it in a group.
        try:
            await self._run_steps(pump, nursery, task_status)
        except Exception as error:
            self._failure = error
            nursery.cancel_scope.cancel()

    async def _run_steps(
        self, pump: Pump, nursery: trio.Nursery, task_status: trio.TaskStatus[None]
    ) -> None:
        started = False
        while True:
            if not started and (self.is_leader or not self._config.raft.is_alone):
                task_status.started()
                started = True
            await self._wait(pump)
            for work in pump.step():
                await self._disk.run(work)
            self._notice_changes()
            for save in pump.take_saves():
                nursery.start_soon(self._save, pump, save)
            if self._failure is not None:
                raise self._failure

    def _notice_changes(self) -> None:
        core = self._running()
        if core.role is not self._role:
            self._role = core.role
            changed, self._role_changed = self._role_changed, trio.Event()
            changed.set()
        if core.is_shut_out and not self._told_shut_out:
            node_id = core.settings.node_id
            log.warning(
                "this voter has no vote: the quorum knows it with another metadata folder",
                node_id=node_id,
                folder=self._config.folder,
                type=f"raftkafka quorum readmit {node_id}",
                otherwise="or put the former folder back",
            )
        self._told_shut_out = core.is_shut_out

    async def _wait(self, pump: Pump) -> None:
        core = self._running()
        if pump.is_due or self._wake.is_set():
            await trio.lowlevel.checkpoint()
        else:
            deadline = core.next_deadline()
            with trio.move_on_at(deadline):
                await self._wake.wait()
            late_s = trio.current_time() - deadline
            if late_s > LATE_S:
                # Others were not heard of because nobody listened. Whoever is alive is
                # heard of within a heartbeat, now that the inboxes are drained.
                core.excuse(late_s + self._config.raft.heartbeat_s)
        self._wake = trio.Event()

    async def _save(self, pump: Pump, job: SaveSnapshot) -> None:
        try:
            chunks: list[bytes] = []
            for chunk in job.chunks:
                chunks.append(chunk)
                await trio.lowlevel.checkpoint()
            books = job.sessions, job.seats
            save = partial(self._folder.save_snapshot, job.last_index, job.term, *books, chunks)
            pump.saved(job.last_index, await self._disk.run(save))
        except Exception as error:
            self._failure = error
        self._wake.set()

    def _running(self) -> RaftCore:
        if self._core is None:
            raise NotController("the quorum is not running here")
        return self._core


class _Answer:
    """What a proposal or a read waits for."""

    def __init__(self) -> None:
        self._event = trio.Event()
        self._outcome: int | UnknownOutcome | None = None

    def set(self, outcome: int | UnknownOutcome | None) -> None:
        self._outcome = outcome
        self._event.set()

    async def wait(self) -> int:
        await self._event.wait()
        if isinstance(self._outcome, UnknownOutcome):
            raise self._outcome
        if self._outcome is None:
            raise NotController("leadership was lost")
        return self._outcome

"""The quorum's driver on trio: one voter over both disks, and three over a channel of messages."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from metadata.errors import ApplyFailed, NotController, UnknownOutcome
from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.commands import RequestId
from metadata.raft.messages import Message
from metadata.raft.settings import RaftSettings
from raftkafka.disk import Disk
from raftkafka.disk_driver import OsDisk
from raftkafka.errors import DamagedDisk, DataFolderInUse, ForeignDataFolder
from tests.sim.memory_disk import MemoryDisk

T = TypeVar("T")
ALONE = RaftSettings(1, frozenset({1}), snapshot_every_bytes=20_000, retained_entries=5)


class Machine:
    """Keeps what was applied; its snapshot is drawn in chunks, later."""

    def __init__(self) -> None:
        self.applied: list[bytes] = []
        self.term: int | None = None
        self.error: Exception | None = None
        self._changed = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something about this machine is so."""
        with trio.fail_after(20):
            while not condition():
                await self._changed.wait()

    def _note_change(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Keep a command."""
        del index, term
        if self.error is not None:
            raise self.error
        self.applied.append(command)
        self._note_change()

    def snapshot(self) -> Iterator[bytes]:
        """Return the commands of now, one chunk each."""
        return iter([command + b"\n" for command in self.applied])

    def restore(self, snapshot: bytes) -> None:
        """Take all commands."""
        self.applied = snapshot.split(b"\n")[:-1]
        self._note_change()

    def on_leader(self, term: int | None) -> None:
        """Keep the term."""
        self.term = term
        self._note_change()


class Voter:
    """A quorum and the machine that it drives."""

    def __init__(self, disk: Disk, folder: str, settings: RaftSettings = ALONE) -> None:
        self.machine = Machine()
        self.quorum = Quorum(QuorumConfig(folder, settings), disk, Random(1), self.machine)

    async def propose(self, command: bytes) -> int:
        """Propose in the term that the machine was told."""
        assert self.machine.term is not None
        return await self.quorum.propose(command, self.machine.term)


@asynccontextmanager
async def running(quorum: Quorum) -> AsyncGenerator[None]:
    """Run a quorum for the length of a block."""
    async with trio.open_nursery() as nursery:
        await nursery.start(quorum.run)
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture(params=["os", "memory"])
def disk(request: pytest.FixtureRequest) -> Disk:
    return OsDisk() if request.param == "os" else MemoryDisk(Random(1))


@pytest.fixture
def folder(disk: Disk, tmp_path: Path) -> str:
    disk.mkdir(str(tmp_path))
    return f"{tmp_path}/meta"


async def test_a_lone_voter_starts_as_leader_and_commits(disk: Disk, folder: str) -> None:
    voter = Voter(disk, folder)
    async with running(voter.quorum):
        assert voter.quorum.is_leader
        assert (voter.quorum.leader_id, voter.quorum.term, voter.machine.term) == (1, 1, 1)
        assert await voter.propose(b"a") == 2
        assert voter.machine.applied == [b"a"], "applied before the answer"
        assert await voter.propose(b"b") == 3
        assert await voter.quorum.read_barrier() == 3
    assert not voter.quorum.is_leader


async def test_a_restart_brings_everything_back_before_it_has_started(
    disk: Disk, folder: str
) -> None:
    first = Voter(disk, folder)
    async with running(first.quorum):
        for number in range(500):
            await first.propose(b"%d" % number)
        directory_id = first.quorum.directory_id
    assert disk.exists(f"{folder}/snapshot")
    second = Voter(disk, folder)
    async with running(second.quorum):
        assert second.machine.applied == [b"%d" % number for number in range(500)]
        assert second.machine.term == 2
        assert second.quorum.directory_id == directory_id


async def test_proposals_are_appended_in_the_order_of_their_calls(disk: Disk, folder: str) -> None:
    voter = Voter(disk, folder)
    async with running(voter.quorum), trio.open_nursery() as nursery:
        indexes: dict[int, int] = {}

        async def propose(number: int) -> None:
            indexes[number] = await voter.propose(b"%d" % number)

        for number in range(200):
            nursery.start_soon(propose, number)
        await wait_all_tasks_blocked()
    assert sorted(indexes.values()) == list(range(2, 202))
    assert voter.machine.applied == sorted(
        voter.machine.applied, key=lambda command: indexes[int(command)]
    )


class CountingDisk(MemoryDisk):
    """Counts what is run off the loop."""

    runs = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Count."""
        self.runs += 1
        return await super().run(work)


async def test_proposals_that_wait_share_a_write(autojump_clock: MockClock) -> None:
    disk = CountingDisk(Random(1))
    voter = Voter(disk, "/meta", replace(ALONE, snapshot_every_bytes=1 << 30))
    async with running(voter.quorum):
        before = disk.runs
        async with trio.open_nursery() as nursery:
            for number in range(1000):
                nursery.start_soon(voter.propose, b"%d" % number)
        assert disk.runs - before <= 3
    assert len(voter.machine.applied) == 1000


async def test_a_lone_leader_sleeps_until_it_is_needed(autojump_clock: MockClock) -> None:
    """No heartbeats, no ticks: an hour passes in no step at all."""
    disk = CountingDisk(Random(1))
    voter = Voter(disk, "/meta")
    steps = 0

    class Counter(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            nonlocal steps
            steps += 1

    async with running(voter.quorum):
        await trio.sleep(1)
        counter = Counter()
        trio.lowlevel.add_instrument(counter)
        await trio.sleep(3600)
        trio.lowlevel.remove_instrument(counter)
    assert steps <= 2, "this test's own"


async def test_an_answer_waits_for_the_disk(autojump_clock: MockClock) -> None:
    """Override 4: with a disk that takes a second, so does a commit."""
    disk = MemoryDisk(Random(1))
    voter = Voter(disk, "/meta")
    async with running(voter.quorum):
        disk.delay_max_s = 1000.0
        started = trio.current_time()
        await voter.propose(b"x")
        assert trio.current_time() - started > 1
        disk.delay_max_s = 0.001


async def test_a_failing_disk_ends_the_quorum_and_answers_nobody_falsely(
    autojump_clock: MockClock,
) -> None:
    """Override 4: what could not be written is unknown; the disk is not tried again."""
    disk = MemoryDisk(Random(1))
    voter = Voter(disk, "/meta")
    outcomes: list[Exception] = []

    async def propose() -> None:
        try:
            await voter.propose(b"x")
        except UnknownOutcome as error:
            outcomes.append(error)

    async with trio.open_nursery() as nursery:
        ended = trio.Event()

        async def run(task_status: trio.TaskStatus[None]) -> None:
            with pytest.raises(DamagedDisk, match=r"the metadata disk failed: .*Input/output"):
                await voter.quorum.run(task_status=task_status)
            ended.set()

        await nursery.start(run)
        disk.fail("sync", "/meta", errno.EIO)
        nursery.start_soon(propose)
        await ended.wait()
    assert len(outcomes) == 1
    assert voter.machine.applied == []
    with pytest.raises(NotController):
        await voter.quorum.propose(b"y", 1)


async def test_a_failing_apply_ends_the_quorum_with_the_record(autojump_clock: MockClock) -> None:
    """Override 10: the error arrives bare, not in a group."""
    voter = Voter(MemoryDisk(Random(1)), "/meta")
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[None]) -> None:
            with pytest.raises(ApplyFailed, match=r"entry 2 of term 1 failed: KeyError\('t'\)"):
                await voter.quorum.run(task_status=task_status)

        await nursery.start(run)
        voter.machine.error = KeyError("t")
        with pytest.raises(UnknownOutcome):
            await voter.propose(b"x")


async def test_a_failing_snapshot_ends_the_quorum(autojump_clock: MockClock) -> None:
    disk = MemoryDisk(Random(1))
    voter = Voter(disk, "/meta")
    async with trio.open_nursery() as nursery:
        ended = trio.Event()

        async def run(task_status: trio.TaskStatus[None]) -> None:
            with pytest.raises(DamagedDisk, match="No space left on device"):
                await voter.quorum.run(task_status=task_status)
            ended.set()

        await nursery.start(run)
        disk.fail("write", "/meta/snapshot", errno.ENOSPC)
        with suppress(UnknownOutcome, NotController):
            while True:
                await voter.propose(b"x" * 1000)
        await ended.wait()


async def test_commits_go_on_while_a_snapshot_is_drawn(autojump_clock: MockClock) -> None:
    disk = MemoryDisk(Random(1), delay_max_s=0.5)
    first = Voter(disk, "/meta")
    async with running(first.quorum):
        for number in range(300):
            await first.propose(b"%d" % number)
        await trio.sleep(60)
    disk = disk.after_kill()
    assert disk.exists("/meta/snapshot")
    second = Voter(disk, "/meta")
    async with running(second.quorum):
        assert second.machine.applied == first.machine.applied


async def test_channels_that_open_and_close_beside_a_stopped_quorum_are_no_error(
    disk: Disk, folder: str
) -> None:
    """A node that stops ends its quorum and its channels in whatever order."""
    quorum = Voter(disk, folder).quorum
    async with running(quorum):
        pass
    quorum.connected(2, b"2" * 16)
    quorum.disconnected(2)


async def test_the_folder_of_another_node_is_refused(disk: Disk, folder: str) -> None:
    async with running(Voter(disk, folder).quorum):
        pass
    other = Voter(disk, folder, replace(ALONE, node_id=2, voters=frozenset({2})))
    with pytest.raises(ForeignDataFolder, match=r"set node\.id=1"):
        await other.quorum.run()


async def test_the_folder_has_one_user(disk: Disk, folder: str) -> None:
    async with running(Voter(disk, folder).quorum):
        with pytest.raises(DataFolderInUse):
            await Voter(disk, folder).quorum.run()


async def test_another_terms_command_is_refused(disk: Disk, folder: str) -> None:
    voter = Voter(disk, folder)
    with pytest.raises(NotController):
        await voter.quorum.propose(b"x", 1)
    async with running(voter.quorum):
        with pytest.raises(NotController):
            await voter.quorum.propose(b"x", 2)
        assert await voter.quorum.propose(b"x", 1, RequestId(1, 0)) == 2
        assert await voter.quorum.propose(b"x", 1, RequestId(1, 0)) == 2
    assert voter.machine.applied == [b"x"]


async def test_status_tells_offsets_as_kafka_counts_them(disk: Disk, folder: str) -> None:
    voter = Voter(disk, folder)
    async with running(voter.quorum):
        await voter.propose(b"x")
        status = voter.quorum.status()
    assert (status.leader_id, status.leader_epoch, status.high_watermark) == (1, 1, 3)
    (replica,) = status.voters
    assert (replica.node_id, replica.log_end_offset) == (1, 3)
    assert (replica.last_fetch_age_s, replica.last_caught_up_age_s) == (0.0, 0.0)
    assert status.observers == ()


class Channels:
    """Carries messages between quorums, with a delay, until it is cut."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.voters: dict[int, Voter] = {}
        self.cut: set[int] = set()

    def transport(self, source: int) -> Port:
        """Return the end of a node."""
        return Port(self, source)

    async def carry(self, source: int, target: int, message: Message) -> None:
        """Deliver a message a millisecond later."""
        await trio.sleep(0.001)
        if not {source, target} & self.cut:
            self.voters[target].quorum.deliver(source, message)


class Port:
    """A node's transport."""

    def __init__(self, channels: Channels, source: int) -> None:
        self._channels = channels
        self._source = source

    def send(self, node_id: int, message: Message) -> None:
        """Put a message on its way."""
        self._channels.nursery.start_soon(self._channels.carry, self._source, node_id, message)


async def led(voters: list[Voter]) -> Voter:
    """Wait until one of them leads."""
    leaders: list[Voter] = []
    async with trio.open_nursery() as nursery:

        async def wait(voter: Voter) -> None:
            await voter.machine.until(lambda: voter.machine.term is not None)
            leaders.append(voter)
            nursery.cancel_scope.cancel()

        for voter in voters:
            nursery.start_soon(wait, voter)
    return leaders[0]


async def test_three_voters_elect_commit_and_replace_a_lost_leader(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        channels = Channels(nursery)
        for node_id in (1, 2, 3):
            settings = RaftSettings(node_id, frozenset({1, 2, 3}))
            voter = channels.voters[node_id] = Voter(MemoryDisk(Random(node_id)), "/meta")
            config = QuorumConfig("/meta", settings)
            disk, port = MemoryDisk(Random(node_id)), channels.transport(node_id)
            voter.quorum = Quorum(config, disk, Random(node_id), voter.machine, port)
            await nursery.start(voter.quorum.run)
        for here, voter in channels.voters.items():
            for there in channels.voters:
                if there != here:
                    directory_id = channels.voters[there].quorum.directory_id
                    voter.quorum.connected(there, directory_id)
        voters = list(channels.voters.values())
        started = trio.current_time()
        first = await led(voters)
        assert trio.current_time() - started < 0.1, "fresh journals wait for no time-out"
        assert await first.propose(b"a") == 2
        lost = next(node for node, voter in channels.voters.items() if voter is first)
        channels.cut.add(lost)
        second = await led([voter for voter in voters if voter is not first])
        index = await second.propose(b"b")
        assert await second.quorum.read_barrier() >= index
        await first.machine.until(lambda: first.machine.term is None)
        channels.cut.clear()
        await first.machine.until(lambda: first.machine.applied == [b"a", b"b"])
        await trio.sleep(2 * ALONE.heartbeat_s)  # virtual: the answers arrive
        status = second.quorum.status()
        assert {replica.log_end_offset for replica in status.voters} == {status.high_watermark}
        await second.quorum.transfer_leadership()
        third = await led([voter for voter in voters if voter is not second])
        assert third.quorum.term > status.leader_epoch
        nursery.cancel_scope.cancel()

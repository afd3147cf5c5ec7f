"""Decisions of the active controller on trio: one at a time, each on all that was appended before.

Many can be on their way to being committed at once. A decision holds once its last entry is
committed; until then nobody is answered, and only committed entries are published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

import structlog
import trio

from metadata.asks import Ask
from metadata.controller.batches import cut_into_batches
from metadata.controller.decision import Decision, Situation
from metadata.controller.heartbeats import Heartbeats
from metadata.controller.office import Office
from metadata.errors import NotController, UnknownOutcome
from metadata.publisher import Publisher
from metadata.records import ClusterRecord, ControllerRecord, Record
from raftkafka.config import BrokerConfig
from raftkafka.types import Randomness, uuid_text

ENTRIES_AHEAD = 2
"""Entries of one decision that are on their way at once."""

log = structlog.get_logger(__name__)

A = TypeVar("A")


class Proposer(Protocol):
    """The quorum, as far as decisions need it."""

    async def propose(self, command: bytes, term: int) -> int:
        """Append a command before waiting for the first time; return its index once applied here.

        Raises:
            NotController: nothing was appended, nor will be in this term.
            UnknownOutcome: this node leads no longer, and does not know.
        """
        ...


class Decided(NamedTuple, Generic[A]):
    """An answer that holds, and the log index that it rests on."""

    answer: A
    offset: int


class Deciding:
    """Takes office in each term that this node leads, and decides while it is there.

    Args:
        node_id: this node.
        config: its configuration, with the defaults for new topics.
        random: where ids and starts of placements are drawn.
        publisher: holds the published image.
        heartbeats: tells which brokers live, while this node is in office.
        cluster_id: the cluster's id, should this node be the one that founds it.
    """

    def __init__(
        self,
        node_id: int,
        config: BrokerConfig,
        random: Randomness,
        publisher: Publisher,
        heartbeats: Heartbeats,
        cluster_id: str | None,
    ) -> None:
        self._node_id = node_id
        self._config = config
        self._random = random
        self._publisher = publisher
        self._heartbeats = heartbeats
        self._cluster_id = cluster_id
        self._term: int | None = None
        self._term_changed = trio.Event()
        self._office: Office | None = None
        self._in_office = trio.Event()
        self._deciding = trio.Lock()
        self._last_proposal: _Proposal
        self._quorum: Proposer
        self._proposals: trio.Nursery | None = None

    @property
    def term(self) -> int | None:
        """The term that this node is in office for, as the active controller."""
        return None if self._office is None else self._office.term

    def on_leader(self, term: int | None) -> None:
        """Take office in a term, or leave it; what was appended, but not committed, is gone."""
        if self._office is not None:
            self._office = None
            self._heartbeats.leave_office()
        if self._in_office.is_set():
            self._in_office = trio.Event()
        self._term = term
        self._term_changed.set()

    def committed(self, term: int, command: bytes) -> bool:
        """A command was committed and published; return whether it was decided on here."""
        if self._office is None or self._office.term != term:
            return False
        self._office.committed(command, self._publisher.image)
        return True

    async def take(self, ask: Ask[A]) -> Decided[A]:
        """Decide on an ask, if this node is the active controller; see ``decide``."""
        ask.note(self._heartbeats, trio.current_time())
        return await self.decide(ask.decide, wait_for_office=False)

    async def decide(
        self, decide: Callable[[Situation], Decision[A]], *, wait_for_office: bool
    ) -> Decided[A]:
        """Decide, and return once that is committed.

        Args:
            decide: draws the decision from the newest appended image.
            wait_for_office: whether to wait until this node is the active controller.

        Raises:
            NotController: nothing of it was appended, nor will be.
            UnknownOutcome: it may be committed, wholly or in part, or not.
            KafkaError: what ``decide`` raised.
        """
        office = await self._enter_office(wait=wait_for_office)
        own: list[_Proposal] = []
        try:
            try:
                decision = decide(self._situation(office))
                # Once begun, a decision is appended whole, whoever still waits for it.
                with trio.CancelScope(shield=True):
                    await self._append(office, decision.records, own)
                last = self._last_proposal
            finally:
                self._deciding.release()
            # Without records of its own, it still rests on what is not committed yet.
            return Decided(decision.answer, await last.wait())
        except (NotController, UnknownOutcome) as error:
            text = error.message or ""
            if not own or own[0].was_not_appended:
                raise NotController(text) from error
            raise UnknownOutcome(text) from error

    def _situation(self, office: Office) -> Situation:
        return Situation(office.image, self._config, self._random, self._heartbeats)

    async def _append(
        self, office: Office, records: Iterable[Record], own: list[_Proposal]
    ) -> None:
        """Propose the entries of one decision, making the next while others are committed.

        Few are on their way at once: all that are committed together are applied together.
        """
        for batch in cut_into_batches(records):
            if len(own) >= ENTRIES_AHEAD and not await own[-ENTRIES_AHEAD].succeeded():
                return  # so has the last one failed, or will
            own.append(await self._propose(office, batch))

    async def _enter_office(self, *, wait: bool) -> Office:
        """Return when this node is the active controller, and nobody else decides."""
        while True:
            if wait:
                await self._in_office.wait()
            await self._deciding.acquire()
            if self._office is not None and self._in_office.is_set():
                return self._office
            self._deciding.release()
            if not wait:
                raise NotController("this node is not the active controller")

    # Terms of office.

    async def run(
        self,
        quorum: Proposer,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take office in each term that this node leads, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._quorum = quorum
            self._proposals = nursery
            task_status.started()
            try:
                await self._take_offices()
            finally:
                self._proposals = None

    async def _take_offices(self) -> None:
        while True:
            await self._term_changed.wait()
            self._term_changed = trio.Event()
            async with self._deciding:
                if self._term is not None:
                    await self._take_office(self._term)

    async def _take_office(self, term: int) -> None:
        published = self._publisher.image
        records: list[Record] = [ControllerRecord(self._node_id, term)]
        if published.cluster_id is None:
            founded = self._cluster_id or uuid_text(self._random.randbytes(16))
            records.insert(0, ClusterRecord(founded))
        self._office = Office(term, published)
        self._heartbeats.take_office(published, trio.current_time())
        await self._propose(self._office, records)
        if self._term == term:
            self._in_office.set()
            log.info("controller_active", node_id=self._node_id, term=term)

    async def _propose(self, office: Office, records: list[Record]) -> _Proposal:
        """Build on the records, and send them on their way to being committed."""
        if self._proposals is None:
            raise NotController("the controller has stopped")
        proposal = self._last_proposal = _Proposal(office.append(records), office.term)
        # The new task runs up to its first wait, which is behind the append, before this goes on.
        await self._proposals.start(self._carry, proposal)
        return proposal

    async def _carry(self, proposal: _Proposal, *, task_status: trio.TaskStatus[None]) -> None:
        # A task of its own: a proposal is not taken back when its client stops waiting.
        task_status.started()
        outcome: int | NotController | UnknownOutcome = UnknownOutcome("the controller stopped")
        try:
            outcome = await self._quorum.propose(proposal.command, proposal.term)
        except (NotController, UnknownOutcome) as error:
            outcome = error
        finally:
            proposal.end(outcome)


class _Proposal:
    """A batch on its way, and what became of it."""

    def __init__(self, command: bytes, term: int) -> None:
        self.command = command
        self.term = term
        self._ended = trio.Event()
        self._outcome: int | NotController | UnknownOutcome = -1

    @property
    def was_not_appended(self) -> bool:
        return isinstance(self._outcome, NotController)

    def end(self, outcome: int | NotController | UnknownOutcome) -> None:
        self._outcome = outcome
        self._ended.set()

    async def succeeded(self) -> bool:
        """Wait until it is known, and return whether it was committed."""
        await self._ended.wait()
        return isinstance(self._outcome, int)

    async def wait(self) -> int:
        """Return its index once it is committed.

        Raises:
            NotController: it was not appended.
            UnknownOutcome: nobody knows.
        """
        await self._ended.wait()
        outcome = self._outcome
        if isinstance(outcome, NotController):
            raise NotController(outcome.message or "")
        if isinstance(outcome, UnknownOutcome):
            raise UnknownOutcome(outcome.message or "")
        return outcome

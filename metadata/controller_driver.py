"""The controller of this node on trio: decides while it leads the quorum, publishes always."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol, TypeVar

import structlog
import trio

from metadata.controller.batches import cut_into_batches
from metadata.controller.brokers import BrokerRegistration, register_broker, unfence_broker
from metadata.controller.decision import Decision, Situation
from metadata.controller.office import Office
from metadata.controller.producer_ids import allocate_producer_ids
from metadata.controller.requests import DECIDERS
from metadata.delta import Delta
from metadata.errors import NotController, UnknownOutcome
from metadata.image import MetadataImage
from metadata.publisher import Publisher, Subscriber
from metadata.records import ClusterRecord, ControllerRecord, Record
from raftkafka.config import BrokerConfig
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.schema import Request, Response
from raftkafka.types import Randomness, uuid_text

ENTRIES_AHEAD = 2
"""Entries of one decision that are on their way at once."""

NAMES_LOGGED = 10

log = structlog.get_logger(__name__)

A = TypeVar("A")


class Proposer(Protocol):
    """The quorum, as far as the controller needs it."""

    async def propose(self, command: bytes, term: int) -> int:
        """Append a command before waiting for the first time; return when it is applied here.

        Raises:
            NotController: nothing was appended, nor will be in this term.
            UnknownOutcome: this node leads no longer, and does not know.
        """
        ...


class Controller:
    """This node's state machine of the quorum, its published image, and its way to decisions.

    Handlers read ``image``, which no turn sees change half-way, and ask for changes by
    ``submit``. Decisions are made one at a time and in order, each on all that was appended
    before; many can be on their way to being committed.

    Args:
        node_id: this node.
        config: its configuration, with the defaults for new topics.
        random: where ids and starts of placements are drawn.
        cluster_id: the cluster's id, should this node be the one that founds it.
    """

    def __init__(
        self,
        node_id: int,
        config: BrokerConfig,
        random: Randomness,
        *,
        cluster_id: str | None = None,
    ) -> None:
        self._node_id = node_id
        self._config = config
        self._random = random
        self._cluster_id = cluster_id
        self._publisher = Publisher()
        self._producer_ids: Iterator[int] = iter(())
        self._drawing_ids = trio.Lock()
        self._term: int | None = None
        self._term_changed = trio.Event()
        self._office: Office | None = None
        self._in_office = trio.Event()
        self._deciding = trio.Lock()
        self._last_proposal: _Proposal
        self._quorum: Proposer
        self._proposals: trio.Nursery | None = None

    # What everybody sees.

    @property
    def image(self) -> MetadataImage:
        """The newest published metadata."""
        return self._publisher.image

    @property
    def is_active(self) -> bool:
        """Whether this node is the active controller."""
        return self._office is not None

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call ``subscriber(delta)`` right after each committed batch, in order."""
        self._publisher.subscribe(subscriber)

    # The quorum's state machine.

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Take a committed command: publish what it changes."""
        delta = self._publisher.apply(index, command)
        if self._office is not None and self._office.term == term:
            self._office.committed(command, self.image)
            _log_step(delta)  # only here: a start replays steps that were told before

    def snapshot(self) -> Iterator[bytes]:
        """Return the published image, in chunks that stay valid while others follow."""
        return self._publisher.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Take over a snapshot."""
        self._publisher.restore(snapshot)

    def on_leader(self, term: int | None) -> None:
        """Take office in a term, or leave it; what was appended, but not committed, is gone."""
        self._office = None
        if self._in_office.is_set():
            self._in_office = trio.Event()
        self._term = term
        self._term_changed.set()

    # Decisions.

    async def submit(self, request: Request, *, deadline_s: float) -> Response:
        """Have a request decided, and return the answer once it is committed.

        Args:
            request: of an API in ``metadata.controller.requests.DECIDERS``.
            deadline_s: how long it may take in all.

        Raises:
            KafkaError: REQUEST_TIMED_OUT or NOT_CONTROLLER; the request may still take effect.
        """
        decide = DECIDERS[ApiKey(request.api_key)]
        return await self._decide(lambda situation: decide(situation, request), deadline_s)

    async def register_broker(self, registration: BrokerRegistration, *, deadline_s: float) -> int:
        """Register a broker process; return its epoch.

        Raises:
            KafkaError: INVALID_REGISTRATION, or as ``submit``.
        """
        decide = partial(register_broker, registration=registration)
        await self._decide(decide, deadline_s)
        return self.image.brokers[registration.broker_id].broker_epoch

    async def unfence_broker(self, broker_id: int, broker_epoch: int, *, deadline_s: float) -> None:
        """Let a registered broker take part, if it does not already.

        Raises:
            KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED, or as ``submit``.
        """
        decide = partial(unfence_broker, broker_id=broker_id, broker_epoch=broker_epoch)
        await self._decide(decide, deadline_s)

    async def next_producer_id(self, *, deadline_s: float) -> int:
        """Return a producer id that nobody ever had. This broker has to be registered.

        Raises:
            KafkaError: as ``submit``.
        """
        async with self._drawing_ids:
            for producer_id in self._producer_ids:
                return producer_id
            broker = self.image.brokers[self._node_id]
            decide = partial(
                allocate_producer_ids,
                broker_id=broker.broker_id,
                broker_epoch=broker.broker_epoch,
            )
            self._producer_ids = iter(await self._decide(decide, deadline_s))
            return next(self._producer_ids)

    async def _decide(self, decide: Callable[[Situation], Decision[A]], deadline_s: float) -> A:
        try:
            with trio.fail_after(deadline_s):
                office = await self._enter_office()
                try:
                    decision = decide(Situation(office.image, self._config, self._random))
                    # Once begun, a decision is appended whole, whoever still waits for it.
                    with trio.CancelScope(shield=True):
                        await self._append(office, decision.records)
                    last = self._last_proposal
                finally:
                    self._deciding.release()
                # Without records of its own, it still rests on what is not committed yet.
                await last.wait()
        except trio.TooSlowError as error:
            text = f"the controller did not commit this within {deadline_s:g} s"
            raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, text) from error
        return decision.answer

    async def _append(self, office: Office, records: Iterable[Record]) -> None:
        """Propose the entries of one decision, making the next while others are committed.

        Few are on their way at once: all that are committed together are applied together.
        """
        ahead: deque[_Proposal] = deque()
        for batch in cut_into_batches(records):
            if len(ahead) == ENTRIES_AHEAD:
                await ahead.popleft().wait()
            ahead.append(await self._propose(office, batch))

    async def _enter_office(self) -> Office:
        """Wait until this node is the active controller, and nobody else decides."""
        while True:
            await self._in_office.wait()
            await self._deciding.acquire()
            if self._office is not None:
                return self._office
            self._deciding.release()

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
        records: list[Record] = [ControllerRecord(self._node_id, term)]
        if self.image.cluster_id is None:
            founded = self._cluster_id or uuid_text(self._random.randbytes(16))
            records.insert(0, ClusterRecord(founded))
        self._office = Office(term, self.image)
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
        outcome: KafkaError | None = UnknownOutcome("the controller stopped")
        try:
            await self._quorum.propose(proposal.command, proposal.term)
            outcome = None
        except (NotController, UnknownOutcome) as error:
            outcome = error
        finally:
            proposal.end(outcome)


def _log_step(delta: Delta) -> None:
    """Say what an operator wants to find later, in one line each however large the step."""
    for event, names in (
        ("topics_created", [topic.name for topic in delta.topics_created]),
        ("topics_deleted", [topic.name for topic in delta.topics_deleted]),
        ("configs_changed", [f"{kind}:{name}" for kind, name in sorted(delta.configs_changed)]),
    ):
        if names:
            log.info(event, count=len(names), names=names[:NAMES_LOGGED])
    if delta.unclean_elections:
        names = [f"{topic}-{number}" for topic, _, number in sorted(delta.unclean_elections)]
        log.warning("unclean_leader_elections", count=len(names), partitions=names[:NAMES_LOGGED])


class _Proposal:
    """A batch on its way, and what became of it."""

    def __init__(self, command: bytes, term: int) -> None:
        self.command = command
        self.term = term
        self._ended = trio.Event()
        self._error: KafkaError | None = None

    def end(self, error: KafkaError | None) -> None:
        self._error = error
        self._ended.set()

    async def wait(self) -> None:
        """Return once it is committed.

        Raises:
            KafkaError: NOT_CONTROLLER, it was not appended; REQUEST_TIMED_OUT, nobody knows.
        """
        await self._ended.wait()
        if self._error is not None:
            raise KafkaError(self._error.code, self._error.message or "")

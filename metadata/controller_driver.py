"""The controller as this node has it: the published image, and the way to decisions.

Every node publishes what the quorum committed. Decisions are made by the node that leads: here
(``Deciding``), or elsewhere, and then they are asked for over a channel (``Forwarding``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog
import trio

from metadata.asks import AdminAsk, Ask, ProducerIdsAsk, RegisterAsk
from metadata.controller.brokers import BrokerRegistration, unfence_broker
from metadata.controller.decision import Decision, Situation
from metadata.controller.heartbeats import Heartbeats
from metadata.deciding_driver import Decided, Deciding, Proposer
from metadata.delta import Delta
from metadata.image import MetadataImage
from metadata.publisher import Publisher, Subscriber
from raftkafka.config import BrokerConfig
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.schema import Request, Response
from raftkafka.types import Randomness

if TYPE_CHECKING:  # a lone node goes without
    from metadata.forwarding_driver import Forwarding

NAMES_LOGGED = 10

log = structlog.get_logger(__name__)

A = TypeVar("A")


class Controller:
    """This node's state machine of the quorum, its published image, and its way to decisions.

    Handlers read ``image``, which no turn sees change half-way, and ask for changes by
    ``submit``; whoever was answered sees the change in ``image``, wherever it was decided.

    Args:
        node_id: this node.
        config: its configuration, with the defaults for new topics.
        random: where ids and starts of placements are drawn.
        cluster_id: the cluster's id, should this node be the one that founds it.
        forwarding: the way to the active controller where that may be another node.
    """

    def __init__(
        self,
        node_id: int,
        config: BrokerConfig,
        random: Randomness,
        *,
        cluster_id: str | None = None,
        forwarding: Forwarding | None = None,
    ) -> None:
        self._node_id = node_id
        self._publisher = Publisher()
        self.heartbeats = Heartbeats(node_id, config.broker_session_timeout_ms / 1000)
        """Which brokers live, while this node is the active controller."""
        self._deciding = Deciding(
            node_id, config, random, self._publisher, self.heartbeats, cluster_id
        )
        self._forwarding = forwarding
        if forwarding is not None:
            forwarding.serve(self._deciding)
        self._published = trio.Event()
        self._producer_ids: Iterator[int] = iter(())
        self._drawing_ids = trio.Lock()

    # What everybody sees.

    @property
    def image(self) -> MetadataImage:
        """The newest published metadata."""
        return self._publisher.image

    @property
    def is_active(self) -> bool:
        """Whether this node is the active controller."""
        return self._deciding.term is not None

    @property
    def term(self) -> int | None:
        """The term that this node is the active controller for."""
        return self._deciding.term

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call ``subscriber(delta)`` right after each committed batch, in order."""
        self._publisher.subscribe(subscriber)

    async def reached(self, offset: int) -> None:
        """Return when the published image is as of this log index, or later."""
        while self.image.offset < offset:
            await self._published.wait()

    # The quorum's state machine.

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Take a committed command: publish what it changes."""
        delta = self._publisher.apply(index, command)
        self.heartbeats.published(self.image, trio.current_time())
        if self._deciding.committed(term, command):
            _log_step(delta)  # only here: a start replays steps that were told before
        self._on_published()

    def snapshot(self) -> Iterator[bytes]:
        """Return the published image, in chunks that stay valid while others follow."""
        return self._publisher.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Take over a snapshot."""
        self._publisher.restore(snapshot)
        self.heartbeats.published(self.image, trio.current_time())
        self._on_published()

    def on_leader(self, term: int | None) -> None:
        """Take office in a term, or leave it; what was appended, but not committed, is gone."""
        self._deciding.on_leader(term)

    def _on_published(self) -> None:
        if self._published.statistics().tasks_waiting:
            self._published.set()
            self._published = trio.Event()

    # Decisions.

    async def submit(self, request: Request, *, deadline_s: float) -> Response:
        """Have a request decided, and return the answer once it is committed.

        Args:
            request: of an API in ``metadata.controller.requests.DECIDERS``.
            deadline_s: how long it may take in all.

        Raises:
            KafkaError: REQUEST_TIMED_OUT, it may still take effect; or it is refused.
        """
        return await self.ask(AdminAsk(request), deadline_s=deadline_s)

    async def register_broker(self, registration: BrokerRegistration, *, deadline_s: float) -> int:
        """Register a broker process; return its epoch.

        Raises:
            KafkaError: INVALID_REGISTRATION, DUPLICATE_BROKER_REGISTRATION, or as ``submit``.
        """
        await self.ask(RegisterAsk(registration), deadline_s=deadline_s)
        broker = self.image.brokers.get(registration.broker_id)
        if broker is None or broker.incarnation_id != registration.incarnation_id:
            text = "it is registered, but this node's metadata does not show it yet"
            raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, text)
        return broker.broker_epoch

    async def unfence_broker(self, broker_id: int, broker_epoch: int, *, deadline_s: float) -> None:
        """Let a lone node's broker take part, if it does not already.

        Raises:
            KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED, or as ``submit``.
        """
        decide = partial(unfence_broker, broker_id=broker_id, broker_epoch=broker_epoch)
        await self.decide(decide, deadline_s=deadline_s)

    async def next_producer_id(self, *, deadline_s: float) -> int:
        """Return a producer id that nobody ever had. This broker has to be registered.

        Raises:
            KafkaError: as ``submit``.
        """
        async with self._drawing_ids:
            for producer_id in self._producer_ids:
                return producer_id
            broker = self.image.brokers[self._node_id]
            ask = ProducerIdsAsk(broker.broker_id, broker.broker_epoch)
            block: range = await self.ask(ask, deadline_s=deadline_s)
            self._producer_ids = iter(block)
            return next(self._producer_ids)

    async def ask(self, ask: Ask[A], *, deadline_s: float) -> A:
        """Have the active controller decide; this node's image shows it when this returns.

        Raises:
            KafkaError: as ``submit``, or what the decision is refused with.
        """
        forwarding = self._forwarding
        if forwarding is None:
            return (await self.decide(ask.decide, deadline_s=deadline_s)).answer
        deadline = trio.current_time() + deadline_s
        decided = await _within(deadline_s, lambda: forwarding.ask(ask, deadline))
        with trio.move_on_at(deadline):  # it holds anyway
            await self.reached(decided.offset)
        return decided.answer

    async def decide(
        self, decide: Callable[[Situation], Decision[A]], *, deadline_s: float
    ) -> Decided[A]:
        """Decide here, as the active controller; a lone node waits until it is that.

        Raises:
            KafkaError: as ``submit``, or what the decision is refused with; NOT_CONTROLLER.
        """
        deciding, wait = self._deciding, self._forwarding is None
        return await _within(deadline_s, lambda: deciding.decide(decide, wait_for_office=wait))

    async def run(
        self,
        quorum: Proposer,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take office in each term that this node leads, until cancelled."""
        await self._deciding.run(quorum, task_status=task_status)


async def _within(deadline_s: float, act: Callable[[], Awaitable[Decided[A]]]) -> Decided[A]:
    try:
        with trio.fail_after(deadline_s):
            return await act()
    except trio.TooSlowError as error:
        text = f"the controller did not commit this within {deadline_s:g} s"
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, text) from error


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

"""The way to the active controller where that may be another node.

What certainly did not reach it, or what it certainly did not do, is tried again with whoever
leads then. A lost answer is an unknown outcome: only what does no harm twice is asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, TypeVar, cast

import trio

from metadata.asks import ASKS, Ask
from metadata.cluster.identity import PeerIdentity
from metadata.cluster.peers_driver import Handler, PeerGone
from metadata.deciding_driver import Decided, Deciding
from metadata.errors import UnknownOutcome
from raftkafka.errors import ErrorCode, KafkaError

RETRY_S = 0.01
"""Between tries while nobody leads, or the leader cannot be reached."""

A = TypeVar("A")


class Channels(Protocol):
    """The peers, as far as asking and answering needs them."""

    handlers: dict[str, Handler]

    async def call(
        self, node_id: int, method: str, arguments: list[object], *, deadline_s: float
    ) -> object:
        """Ask a node, and return its answer.

        Raises:
            PeerGone: the question did not leave, or no answer came.
            KafkaError: it refuses.
        """
        ...


class Forwarding:
    """Asks the leader of the quorum, and answers others while this node is it.

    Args:
        node_id: this node.
        channels: to the other nodes.
        leader_id: tells who leads, as far as this node knows.
    """

    def __init__(
        self, node_id: int, channels: Channels, leader_id: Callable[[], int | None]
    ) -> None:
        self._node_id = node_id
        self._channels = channels
        self._leader_id = leader_id
        self._deciding: Deciding

    def serve(self, deciding: Deciding) -> None:
        """Decide here what is asked while this node is the active controller."""
        self._deciding = deciding
        for method, kind in ASKS.items():
            self._channels.handlers[method] = partial(self._answer, kind)

    async def ask(self, ask: Ask[A], deadline: float) -> Decided[A]:
        """Have the active controller decide.

        Args:
            ask: what it is to decide.
            deadline: on trio's clock; the caller ends the wait, this tells the controller.

        Raises:
            KafkaError: REQUEST_TIMED_OUT, nobody knows what became of it; or it is refused.
        """
        return await self.at_leader(
            ask.method,
            ask.to_cbor(),
            partial(self._deciding.take, ask),
            partial(_decided, ask),
            deadline,
            repeatable=ask.repeatable,
        )

    async def at_leader(
        self,
        method: str,
        arguments: list[object],
        local: Callable[[], Awaitable[A]],
        read: Callable[[object], A],
        deadline: float,
        *,
        repeatable: bool,
    ) -> A:
        """Return the leader's answer: what ``local`` returns, if this node is it.

        Args:
            method: that another leader is asked by.
            arguments: for it.
            local: answers here.
            read: reads another leader's answer.
            deadline: as of ``ask``.
            repeatable: whether it does no harm to ask twice.

        Raises:
            KafkaError: as ``ask``; NOT_CONTROLLER from the leader is taken as not done.
        """
        while True:
            leader_id = self._leader_id()
            try:
                if leader_id == self._node_id:
                    return await local()
                deadline_s = deadline - trio.current_time()
                if leader_id is not None and deadline_s > 0:  # the caller ends the wait
                    return read(
                        await self._channels.call(
                            leader_id, method, arguments, deadline_s=deadline_s
                        )
                    )
            except PeerGone as gone:
                if gone.sent and not repeatable:
                    raise UnknownOutcome("the controller is gone before it answered") from gone
            except KafkaError as error:
                unknown = error.code == ErrorCode.REQUEST_TIMED_OUT
                if error.code != ErrorCode.NOT_CONTROLLER and not (unknown and repeatable):
                    raise
            await trio.sleep(RETRY_S)

    async def _answer(
        self, kind: type[Ask[Any]], sender: PeerIdentity, arguments: list[object]
    ) -> object:
        ask = kind.from_cbor(sender.node_id, arguments)
        decided = await self._deciding.take(ask)
        return [ask.answer_to_cbor(decided.answer), decided.offset]


def _decided(ask: Ask[A], content: object) -> Decided[A]:
    answer, offset = cast("tuple[object, int]", content)
    return Decided(ask.answer_from_cbor(answer), offset)

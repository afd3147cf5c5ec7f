"""Requests and their answers, and the quorum's messages, over one channel to a peer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog
import trio

from metadata.cluster.channel_driver import Channel
from metadata.cluster.identity import PeerIdentity
from metadata.cluster.sealing import FRAME_BYTES_MAX
from metadata.cluster.wire import (
    Alive,
    Answered,
    Failed,
    NotTaken,
    Question,
    answer_body,
    error_body,
    not_taken_body,
    question_body,
    raft_body,
    read,
)
from metadata.raft.messages import Message
from raftkafka.errors import ErrorCode, FatalError, KafkaError

AT_WORK_MAX = 256
"""Requests of one peer that are worked on at a time; further ones are not taken."""

Handler = Callable[[PeerIdentity, list[object]], Awaitable[object]]
"""Answers a peer's request: a value that CBOR carries, or a ``KafkaError`` raised."""

OnMessage = Callable[[int, Message], None]

log = structlog.get_logger(__name__)


class PeerGone(Exception):
    """No answer came. ``sent`` is False if the peer certainly did not begin with the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Link:
    """One channel while it is open.

    Args:
        channel: authenticated, not yet running.
        handlers: by the names of the methods.
        on_message: takes messages of the quorum, in their order.
    """

    def __init__(
        self, channel: Channel, handlers: Mapping[str, Handler], on_message: OnMessage
    ) -> None:
        self.channel = channel
        self.peer = channel.peer
        self._handlers = handlers
        self._on_message = on_message
        self._calls: dict[int, _Call] = {}
        self._newest = 0
        self._at_work = 0
        self._is_over = False
        self._nursery: trio.Nursery | None = None

    def send(self, message: Message) -> None:
        """Queue a message of the quorum; it is dropped if too much waits: Raft sends again."""
        if not self.channel.is_full:
            self.channel.queue(raft_body(message))

    async def call(self, method: str, arguments: list[object], deadline_s: float) -> object:
        """Ask the peer, and wait for its answer.

        Raises:
            PeerGone: there is none.
            KafkaError: the peer refuses, or the request is too large.
        """
        self._newest += 1
        body = question_body(self._newest, method, arguments)
        if len(body) > FRAME_BYTES_MAX:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "the request is too large to be passed on")
        frame = self.channel.queue(body)
        if self._is_over or frame is None:
            raise PeerGone(f"too much waits for node {self.peer.node_id}", sent=False)
        call = self._calls[self._newest] = _Call(frame)
        number = self._newest
        try:
            with trio.move_on_after(deadline_s):
                return await call.answer()
        finally:
            self._calls.pop(number, None)
        # Even if it still waits in the queue: it may leave later.
        raise PeerGone(f"node {self.peer.node_id} did not answer in {deadline_s:.3f} s", sent=True)

    # ------------------------------------------------------------------ its life

    async def run(self) -> str:
        """Serve the channel until it is over.

        Returns:
            Why it is.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            why = await self.channel.run(self._take)
            nursery.cancel_scope.cancel()
        return why

    def end(self) -> None:
        """Nothing comes any more: whoever waits for an answer is told."""
        self._is_over = True
        for call in self._calls.values():
            sent = self.channel.was_taken(call.frame)
            text = f"the connection to node {self.peer.node_id} is gone"
            call.set(PeerGone(text, sent=sent))

    def _take(self, body: bytes) -> None:
        if self._is_over:
            return
        match read(body):
            case Question() as question:
                self._take_question(question)
            case Answered(number, value):
                self._settle(number, value)
            case Failed(number, error):
                self._settle(number, error)
            case NotTaken(number):
                text = f"node {self.peer.node_id} has too much to do"
                self._settle(number, PeerGone(text, sent=False))
            case Alive():
                pass
            case message:
                self._on_message(self.peer.node_id, message)

    def _settle(self, number: int, outcome: object) -> None:
        call = self._calls.get(number)
        if call is not None:  # else nobody waits any more
            call.set(outcome)

    def _take_question(self, question: Question) -> None:
        assert self._nursery is not None
        if self._at_work >= AT_WORK_MAX:
            return self._tell(not_taken_body(question.number))
        self._at_work += 1
        self._nursery.start_soon(self._work, question)

    async def _work(self, question: Question) -> None:
        try:
            self._tell(await self._answer(question))
        finally:
            self._at_work -= 1

    async def _answer(self, question: Question) -> bytes:
        handler = self._handlers.get(question.method)
        try:
            if handler is None:
                text = f"node does not know the method {question.method!r}"
                raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, text)
            body = answer_body(question.number, await handler(self.peer, question.arguments))
        except KafkaError as error:
            return error_body(question.number, error)
        except (FatalError, AssertionError):
            raise
        except Exception as error:
            log.exception("request_failed", method=question.method, node_id=self.peer.node_id)
            unknown = KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, repr(error))
            return error_body(question.number, unknown)
        if len(body) > FRAME_BYTES_MAX:
            large = KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "the answer is too large")
            return error_body(question.number, large)
        return body

    def _tell(self, body: bytes) -> None:
        if self.channel.queue(body) is None:
            self.channel.close("the peer does not take its answers")


class _Call:
    """A request that waits for its answer."""

    def __init__(self, frame: int) -> None:
        self.frame = frame
        self._done = trio.Event()
        self._outcome: object = None

    def set(self, outcome: object) -> None:
        if not self._done.is_set():
            self._outcome = outcome
            self._done.set()

    async def answer(self) -> object:
        await self._done.wait()
        if isinstance(self._outcome, PeerGone | KafkaError):
            raise self._outcome
        return self._outcome

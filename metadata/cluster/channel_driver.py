"""One authenticated channel between two nodes, on a stream of trio's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

from metadata.cluster.handshake import (
    HELLO_BYTES,
    PROOF_BYTES,
    Agreement,
    HandshakeFailed,
    Part,
    check_hello,
    hello,
)
from metadata.cluster.identity import (
    Answer,
    PeerIdentity,
    answer_from_wire,
    answer_to_wire,
    identity_from_wire,
    identity_to_wire,
)
from metadata.cluster.network import Stream
from metadata.cluster.sealing import FRAME_BYTES_MAX, OVERHEAD_BYTES, Opener, Sealer
from metadata.cluster.wire import ALIVE, decode, encode
from raftkafka.errors import Malformed

RECEIVE_BYTES = 1 << 16
SEND_BYTES = 1 << 18
"""What one send takes of the queue, but for a frame that is larger."""

BROKEN = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
"""What a stream raises that can be used no more."""


def why_broken(error: Exception) -> str:
    """Return one of ``BROKEN`` in words; trio keeps the system's own as its cause."""
    return f"the connection broke: {error.__cause__ or str(error) or 'the other end is gone'}"


class Sealed:
    """A stream whose frames are sealed; made by a handshake that held."""

    def __init__(self, stream: Stream, sealer: Sealer, opener: Opener) -> None:
        self.stream = stream
        self.sealer = sealer
        self.opener = opener

    async def send(self, content: object) -> None:
        """Send one frame of CBOR."""
        await self.stream.send_all(self.sealer.seal((encode(content),)))

    async def receive(self) -> object:
        """Wait for the next frame, and decode it.

        Raises:
            HandshakeFailed: the other end closed.
            Malformed: it is no frame of the peer's.
        """
        while True:
            body = self.opener.next_body()
            if body is not None:
                return decode(body)
            self.opener.feed(await _receive(self.stream, RECEIVE_BYTES))


async def meet(stream: Stream, part: Part, secret: bytes, nonce: bytes) -> Sealed:
    """Prove to the other end that we hold the secret, and have it prove the same.

    Raises:
        HandshakeFailed: it does not hold the secret, or closed.
        OSError, trio.BrokenResourceError: the connection broke.
    """
    reader = _Exactly(stream)
    ours = hello(nonce)
    if part is Part.DIALLER:
        await stream.send_all(ours)
        theirs = await reader.take(HELLO_BYTES)
        check_hello(theirs)
        agreement = Agreement(secret, ours, theirs)
        await stream.send_all(agreement.proof(part))
        other = Part.LISTENER
    else:
        theirs = await reader.take(HELLO_BYTES)
        check_hello(theirs)
        await stream.send_all(ours)
        agreement = Agreement(secret, theirs, ours)
        other = Part.DIALLER
    try:
        proof = await reader.take(PROOF_BYTES)
    except HandshakeFailed as closed:
        if part is Part.LISTENER:
            raise
        raise HandshakeFailed(
            "it does not take this node's proof: give all nodes the same content of "
            "cluster.secret.file"
        ) from closed
    agreement.check_proof(other, proof)
    if part is Part.LISTENER:
        await stream.send_all(agreement.proof(part))
    opener = Opener(agreement.key(other))
    opener.feed(reader.rest)
    return Sealed(stream, Sealer(agreement.key(part)), opener)


class _Exactly:
    """Reads given numbers of bytes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.rest = b""

    async def take(self, count: int) -> bytes:
        while len(self.rest) < count:
            self.rest += await _receive(self._stream, count - len(self.rest))
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken


async def _receive(stream: Stream, count: int) -> bytes:
    data = await stream.receive_some(count)
    if not data:
        raise HandshakeFailed("it closed the connection")
    return bytes(data)


async def introduce(sealed: Sealed, me: PeerIdentity) -> Answer:
    """Say who dials; return who answers.

    Raises:
        Refused: the other end says why not.
        HandshakeFailed, Malformed, OSError, trio.BrokenResourceError: as ``Sealed.receive``.
    """
    await sealed.send(identity_to_wire(me))
    return answer_from_wire(await sealed.receive())


async def hear(sealed: Sealed) -> PeerIdentity:
    """Return who dialled.

    Raises:
        HandshakeFailed, Malformed, OSError, trio.BrokenResourceError: as ``Sealed.receive``.
    """
    return identity_from_wire(await sealed.receive())


async def refuse(sealed: Sealed, reason: str) -> None:
    """Say why a channel is not to be."""
    await sealed.send(answer_to_wire(reason))


class Channel:
    """Frames to and from one peer, each way in order; what waits to be sent is bounded.

    Args:
        sealed: the stream, after the handshake.
        peer: who is at the other end.
        queue_bytes_max: what may wait to be sent.
    """

    def __init__(self, sealed: Sealed, peer: PeerIdentity, queue_bytes_max: int) -> None:
        self.peer = peer
        self._sealed = sealed
        self._sealed.opener.body_bytes_max = FRAME_BYTES_MAX
        self._queue_bytes_max = queue_bytes_max
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._queued = self._taken = 0
        self._wake = trio.Event()
        self._scope = trio.CancelScope()
        self._why = "this node closed it"
        self._heard = True
        self._sent = True
        self._silent_ticks = 0
        self.is_doubted = False

    # ------------------------------------------------------------------ sending

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken before some of what waits is sent."""
        return self._queued_bytes >= self._queue_bytes_max

    def queue(self, body: bytes) -> int | None:
        """Have a frame sent after those before it.

        Returns:
            Its number, for ``was_taken``; or None if too much waits already.
        """
        if self.is_full or self._scope.cancel_called:
            return None
        self._queue.append(body)
        self._queued_bytes += len(body) + OVERHEAD_BYTES
        self._queued += 1
        self._wake.set()
        return self._queued

    def was_taken(self, number: int) -> bool:
        """Whether a frame may have left this node."""
        return number <= self._taken

    async def _send(self) -> None:
        while True:
            while self._queue:
                bodies = [self._queue.popleft()]
                size = len(bodies[0])
                while self._queue and size + len(self._queue[0]) <= SEND_BYTES:
                    bodies.append(self._queue.popleft())
                    size += len(bodies[-1])
                self._taken += len(bodies)
                await self._sealed.stream.send_all(self._sealed.sealer.seal(bodies))
                self._queued_bytes -= sum(map(len, bodies)) + OVERHEAD_BYTES * len(bodies)
                self._sent = True
            self._wake = trio.Event()
            await self._wake.wait()

    # ------------------------------------------------------------------ receiving

    async def run(self, take: Callable[[bytes], None]) -> str:
        """Pass the bodies that arrive to ``take``, and send what is queued, until it is over.

        ``take`` raises ``Malformed`` for what the peer should not have sent. The stream is closed.

        Returns:
            Why it is over.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._send_until_broken)
                    await self._receive(take)
                    nursery.cancel_scope.cancel()
        finally:
            self._scope.cancel()
            await close(self._sealed.stream)
        return self._why

    def close(self, why: str) -> None:
        """End it, from outside."""
        if not self._scope.cancel_called:
            self._why = why
            self._scope.cancel()

    async def _send_until_broken(self) -> None:
        try:
            await self._send()
        except BROKEN as error:
            self.close(why_broken(error))

    async def _receive(self, take: Callable[[bytes], None]) -> None:
        opener = self._sealed.opener
        try:
            while True:
                while (body := opener.next_body()) is not None:
                    take(body)
                data = await self._sealed.stream.receive_some(RECEIVE_BYTES)
                if not data:
                    return self.close("the peer closed it")
                self._heard = True
                opener.feed(data)
        except Malformed as error:
            self.close(str(error))
        except BROKEN as error:
            self.close(why_broken(error))

    # ------------------------------------------------------------------ silence

    def tick(self, silent_ticks_max: int, doubted_ticks_max: int) -> None:
        """Say that we live, where nothing else says it; end the channel of a peer that does not.

        Called at even intervals. Counting calls, not time, excuses the peer when this process
        stood still.
        """
        self._silent_ticks = 0 if self._heard else self._silent_ticks + 1
        self.is_doubted = self.is_doubted and not self._heard
        if self._silent_ticks >= (doubted_ticks_max if self.is_doubted else silent_ticks_max):
            self.close("the peer is silent")
        if not self._sent and not self._queue:
            self.queue(ALIVE)
        self._heard = self._sent = False


async def close(stream: Stream) -> None:
    """Close a stream at once, whatever its other end does."""
    with trio.CancelScope(shield=True) as scope:
        scope.cancel()  # a stream that is closed under cancellation does not wait
        await stream.aclose()

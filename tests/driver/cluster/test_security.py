"""Who is no node of the cluster gets a closed connection and one line, and disturbs nobody."""

from __future__ import annotations

import pickle
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import cbor2
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs
from structlog.typing import EventDict

from metadata.cluster.channel_driver import hear, introduce, meet
from metadata.cluster.handshake import (
    HELLO_BYTES,
    PROOF_BYTES,
    Agreement,
    HandshakeFailed,
    Part,
    hello,
)
from metadata.cluster.identity import Answer, PeerIdentity, answer_to_wire, identity_to_wire
from metadata.cluster.network import Connection, Stream
from metadata.cluster.sealing import FIRST_FRAME_BYTES_MAX, FRAME_BYTES_MAX, LENGTH_BYTES, Sealer
from metadata.cluster.settings import Address, ClusterSettings
from metadata.raft.messages import Vote
from tests.support.peers import SECRET, Cluster, Node, until
from tests.support.poison import poison_pickle

NONCE = bytes(32)
HANDSHAKE_DEADLINE_S = 0.3
LINE_EVERY_S = 0.5
STRANGERS_MAX = 8

Attack = Callable[[Stream], Awaitable[None]]


@pytest.fixture(params=["sockets", "memory"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(in_memory=request.param == "memory")


def guarded(settings: ClusterSettings) -> ClusterSettings:
    return replace(
        settings,
        handshake_deadline_s=HANDSHAKE_DEADLINE_S,
        strangers_max=STRANGERS_MAX,
        refusals_told_every_s=LINE_EVERY_S,
        tick_s=LINE_EVERY_S / 10,
        silent_ticks_max=1000,
    )


@asynccontextmanager
async def undisturbed(cluster: Cluster) -> AsyncGenerator[list[EventDict]]:
    """Two nodes with a channel, which must outlast what happens inside, and be of use after it."""
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1, changes=guarded), cluster.node(2)
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(one.run)
            await nursery.start(two.run)
            await until(lambda: one.connected == {2} and two.connected == {1})
            lines.clear()
            yield lines
            assert [event for event, node_id in one.events if node_id == 2] == ["+"]
            await exchange(one, two)
            nursery.cancel_scope.cancel()


async def exchange(one: Node, two: Node) -> None:
    two.peers.send(1, Vote(9))
    await until(lambda: one.messages[-1:] == [(2, Vote(9))])


async def closed(stream: Stream) -> None:
    """Wait until the other end closes."""
    with trio.fail_after(2):
        try:
            while await stream.receive_some(65536):
                pass
        except trio.BrokenResourceError:
            pass


def refusals(lines: list[EventDict]) -> list[str]:
    return [str(it["reason"]) for it in lines if it["event"] == "cluster_connection_refused"]


def refused(lines: list[EventDict]) -> int:
    """Return how many connections the lines tell of."""
    return sum(
        int(it["connections"]) for it in lines if it["event"] == "cluster_connection_refused"
    )


async def send_nothing(stream: Stream) -> None:
    del stream


async def send_http(stream: Stream) -> None:
    await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: broker\r\n\r\n" + b"x" * 100)


async def send_a_pickle(stream: Stream) -> None:
    await stream.send_all(pickle.dumps({"a": list(range(1000))}))


async def send_a_huge_frame(stream: Stream) -> None:
    await stream.send_all(b"\x7f\xff\xff\xff" * 20)


async def send_another_version(stream: Stream) -> None:
    await stream.send_all(hello(NONCE).replace(b"\x00\x01", b"\x00\x09", 1))


async def stop_half_way(stream: Stream) -> None:
    await stream.send_all(hello(NONCE)[:20])


async def have_no_proof(stream: Stream) -> None:
    await stream.send_all(hello(NONCE) + bytes(PROOF_BYTES))


async def have_another_secret(stream: Stream) -> None:
    await prove(stream, b"a secret of some other cluster")


async def prove(stream: Stream, secret: bytes) -> Agreement:
    ours = hello(NONCE)
    await stream.send_all(ours)
    theirs = b""
    while len(theirs) < HELLO_BYTES:
        theirs += await stream.receive_some(HELLO_BYTES - len(theirs))
    agreement = Agreement(secret, ours, theirs)
    await stream.send_all(agreement.proof(Part.DIALLER))
    return agreement


async def seal_a_pickle(stream: Stream) -> None:
    agreement = await prove(stream, SECRET)
    sealer = Sealer(agreement.key(Part.DIALLER))
    await stream.send_all(sealer.seal([pickle.dumps([1, 2])]))


async def seal_a_huge_identity(stream: Stream) -> None:
    agreement = await prove(stream, SECRET)
    sealer = Sealer(agreement.key(Part.DIALLER))
    await stream.send_all(sealer.seal([cbor2.dumps(b"x" * FIRST_FRAME_BYTES_MAX)]))


async def forge_the_first_frame(stream: Stream) -> None:
    await prove(stream, SECRET)
    sealer = Sealer(b"no key of this connection")
    await stream.send_all(sealer.seal([cbor2.dumps([1])]))


async def send_a_pickle_as_a_node(stream: Stream) -> None:
    sealed = await meet(stream, Part.DIALLER, SECRET, NONCE)
    await introduce(sealed, PeerIdentity(7, bytes(16), bytes(16), False, b""))
    await stream.send_all(sealed.sealer.seal([pickle.dumps([0, [1]])]))


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (send_nothing, "did not authenticate in time"),
        (send_http, "does not speak the cluster's protocol"),
        (send_a_pickle, "does not speak the cluster's protocol"),
        (send_a_huge_frame, "does not speak the cluster's protocol"),
        (send_another_version, "speaks version 9 of the cluster's protocol, and this node"),
        (stop_half_way, "did not authenticate in time"),
        (have_no_proof, "its secret is another: give all nodes the same content"),
        (have_another_secret, "its secret is another: give all nodes the same content"),
        (seal_a_pickle, "no CBOR|not an identity"),
        (seal_a_huge_identity, "are allowed"),
        (forge_the_first_frame, "did not send as its next one"),
    ],
)
async def test_a_stranger_is_shut_out(cluster: Cluster, attack: Attack, reason: str) -> None:
    async with undisturbed(cluster) as lines:
        stream = (await cluster.dial(1)).stream
        await attack(stream)
        await closed(stream)
        await until(lambda: len(refusals(lines)) == 1)
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(refusals(lines)[0])
        assert len(lines) == 1
        await stream.aclose()


async def test_what_was_recorded_is_of_no_use_on_another_connection(cluster: Cluster) -> None:
    async with undisturbed(cluster) as lines:
        recorded = Recorder((await cluster.dial(1)).stream)
        sealed = await meet(recorded, Part.DIALLER, SECRET, NONCE)
        node = cluster.node(7)
        await sealed.send(identity_to_wire(node.peers.me()))
        await sealed.receive()
        await recorded.aclose()
        await until(lambda: any(it["event"] == "node_disconnected" for it in lines))
        lines.clear()
        stream = (await cluster.dial(1)).stream
        await stream.send_all(bytes(recorded.sent))
        await closed(stream)
        await until(lambda: len(refusals(lines)) == 1)
        assert "its secret is another" in refusals(lines)[0]
        await stream.aclose()


class Recorder:
    """A stream that keeps what is sent (``Stream``)."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.sent = bytearray()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data
        await self._stream.send_all(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_a_listener_without_the_secret_learns_and_gains_nothing(cluster: Cluster) -> None:
    await cluster.take_ports(1, 2)
    impostor = cluster.node(1, changes=lambda it: replace(it, secret=b"another secret altogether"))
    two = cluster.node(2)
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(impostor.run)
            await nursery.start(two.run)
            await until(lambda: any(it["event"] == "node_not_reached" for it in lines))
            assert two.events == impostor.events == []
            nursery.cancel_scope.cancel()


async def test_a_node_that_announces_a_huge_frame_is_shut_out(cluster: Cluster) -> None:
    async with undisturbed(cluster) as lines:
        stream = (await cluster.dial(1)).stream
        sealed = await meet(stream, Part.DIALLER, SECRET, NONCE)
        await introduce(sealed, PeerIdentity(7, bytes(16), bytes(16), False, b""))
        await stream.send_all((FRAME_BYTES_MAX + 1).to_bytes(LENGTH_BYTES, "big"))
        await closed(stream)
        await until(lambda: any("are allowed" in str(it.get("reason")) for it in lines))
        await stream.aclose()


MARK = b"a mark of who is no node"


async def mark_instead_of_a_hello(stream: Stream) -> None:
    await stream.send_all(cbor2.dumps([MARK] * 20))


async def mark_without_a_proof(stream: Stream) -> None:
    mark = Sealer(bytes(32)).seal([cbor2.dumps(MARK)])
    await stream.send_all(hello(NONCE) + bytes(PROOF_BYTES) + mark)


async def mark_with_another_secret(stream: Stream) -> None:
    agreement = await prove(stream, b"a secret of some other cluster")
    await stream.send_all(Sealer(agreement.key(Part.DIALLER)).seal([cbor2.dumps(MARK)]))


async def mark_with_another_key(stream: Stream) -> None:
    await prove(stream, SECRET)
    await stream.send_all(Sealer(bytes(32)).seal([cbor2.dumps(MARK)]))


@pytest.mark.parametrize(
    "attack",
    [
        mark_instead_of_a_hello,
        mark_without_a_proof,
        mark_with_another_secret,
        mark_with_another_key,
    ],
)
async def test_nothing_is_decoded_before_it_is_authenticated(
    cluster: Cluster, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []
    loads = cbor2.loads

    def noted(body: bytes) -> object:
        decoded.append(bytes(body))
        return cast("object", loads(body))

    monkeypatch.setattr(cbor2, "loads", noted)
    async with undisturbed(cluster):
        stream = (await cluster.dial(1)).stream
        await attack(stream)
        await closed(stream)
        await stream.aclose()
    assert decoded, "the nodes' own frames"
    assert not any(MARK in body for body in decoded)


@pytest.mark.parametrize("answers_with", ["nothing of use", "the dialler's own proof"])
async def test_a_dialler_speaks_to_nobody_who_has_no_proof(answers_with: str) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    refused: list[str] = []

    async def dial() -> None:
        with pytest.raises(HandshakeFailed) as failed:
            await meet(ours, Part.DIALLER, SECRET, NONCE)
        refused.append(str(failed.value))
        await ours.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dial)
        await theirs.send_all(hello(NONCE))
        received = b""
        while len(received) < HELLO_BYTES + PROOF_BYTES:
            received += await theirs.receive_some()
        proof = received[HELLO_BYTES:] if "own" in answers_with else bytes(PROOF_BYTES)
        await theirs.send_all(proof)
        assert await theirs.receive_some() == b"", "not a byte more"
    assert refused[0].startswith("its secret is another")


async def test_every_hello_is_another(cluster: Cluster) -> None:
    """Else a recorded answer would do again, to either end."""
    await cluster.take_ports(1, 2)
    voter = cluster.voters[1]
    host = "" if cluster.in_memory else voter.host
    listener = await cluster.network("node1").listen(host, voter.port)
    two = cluster.node(2)
    hellos: list[bytes] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(two.run)
        for _ in range(3):
            stream = (await listener.accept()).stream
            hellos.append(bytes(await stream.receive_some(HELLO_BYTES)))
            await stream.aclose()
        for _ in range(3):
            stream = (await cluster.dial(2)).stream
            await stream.send_all(hello(NONCE))
            hellos.append(bytes(await stream.receive_some(HELLO_BYTES)))
            await stream.aclose()
        nursery.cancel_scope.cancel()
    await listener.aclose()
    assert [len(it) for it in hellos] == [HELLO_BYTES] * 6
    assert len(set(hellos)) == 6


async def test_a_flood_of_strangers_is_bounded_and_shuts_no_node_out(cluster: Cluster) -> None:
    async with undisturbed(cluster) as lines:
        began = trio.current_time()
        flood: list[Connection] = [await cluster.dial(1) for _ in range(5 * STRANGERS_MAX)]
        await until(lambda: refused(lines) >= 4 * STRANGERS_MAX)
        late = cluster.node(7)
        async with trio.open_nursery() as nursery:
            await nursery.start(late.run)
            await until(lambda: late.connected == {1, 2})
            nursery.cancel_scope.cancel()
        await until(lambda: refused(lines) == len(flood))
        intervals = (trio.current_time() - began) / LINE_EVERY_S
        assert len(refusals(lines)) <= 1 + intervals, "one line at once, then one in an interval"
        for connection in flood:
            await connection.stream.aclose()
        await until(lambda: any(it["event"] == "node_disconnected" for it in lines))


async def test_without_a_secret_only_this_machine_is_let_in() -> None:
    cluster = Cluster(in_memory=True, secret=b"")
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    far = cluster.wires.host("far", address="192.0.2.7")
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(one.run)
            await nursery.start(two.run)
            await until(lambda: one.connected == {2})
            connection = await far.connect("node1", cluster.voters[1].port)
            await closed(connection.stream)
            await until(lambda: len(refusals(lines)) == 1)
            assert "raftkafka secret FILE" in refusals(lines)[0]
            nursery.cancel_scope.cancel()


async def test_another_node_at_a_voters_address_is_not_taken_for_it() -> None:
    cluster = Cluster(in_memory=True)
    await cluster.take_ports(1, 2, 3)
    at_1 = Address("", cluster.voters[1].port)
    three = cluster.node(3, host="node1", changes=lambda it: replace(it, listen=at_1))
    two = cluster.node(2)
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(three.run)
            await nursery.start(two.run)
            await until(lambda: any("node 3 answers there" in str(it) for it in lines))
            nursery.cancel_scope.cancel()
    assert ("+", 1) not in two.events


async def test_a_dialler_checks_where_it_has_come_to_whatever_the_listener_lets_in() -> None:
    cluster = Cluster(in_memory=True)
    await cluster.take_ports(1, 2)
    one, two = cluster.node(1), cluster.node(2)
    two.peers.cluster_id = "ours"
    one.peers.cluster_id = "another"
    listener = await cluster.network("node1").listen("", cluster.voters[1].port)
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(two.run)
            stream = (await listener.accept()).stream
            sealed = await meet(stream, Part.LISTENER, SECRET, NONCE)
            await hear(sealed)
            answer = Answer(one.peers.me(), tuple(cluster.voters.values()))
            await sealed.send(answer_to_wire(answer))
            await until(lambda: any("belongs to cluster another" in str(it) for it in lines))
            nursery.cancel_scope.cancel()
    assert two.events == []


async def test_without_a_secret_nobody_far_is_dialled() -> None:
    cluster = Cluster(in_memory=True, secret=b"")
    await cluster.take_ports(1, 2)
    far = cluster.node(1, network=cluster.wires.host("node1", address="192.0.2.7"))
    two = cluster.node(2)
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(far.run)
            await nursery.start(two.run)
            await until(lambda: any(it["event"] == "node_not_reached" for it in lines))
            (line,) = (it for it in lines if it["event"] == "node_not_reached")
            assert "raftkafka secret FILE" in str(line["reason"])
            nursery.cancel_scope.cancel()
    assert two.events == []


async def test_nothing_is_ever_unpickled(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    poison_pickle(monkeypatch)
    async with undisturbed(cluster):
        for attack in (send_a_pickle, seal_a_pickle, send_a_pickle_as_a_node):
            stream = (await cluster.dial(1)).stream
            await attack(stream)
            await closed(stream)
            await stream.aclose()

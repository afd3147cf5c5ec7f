"""The other nodes of the cluster: dials and listens, and keeps one channel to each.

Of two voters the one with the higher id dials; every other broker dials all voters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import structlog
import trio

from metadata.cluster.channel_driver import (
    BROKEN,
    Channel,
    Sealed,
    close,
    hear,
    introduce,
    meet,
    refuse,
    why_broken,
)
from metadata.cluster.handshake import NONCE_BYTES, HandshakeFailed, Part
from metadata.cluster.identity import (
    Answer,
    ChannelKind,
    PeerIdentity,
    Refused,
    answer_to_wire,
    check_peer,
    hash_of_voters,
)
from metadata.cluster.link_driver import Handler, Link, OnMessage, PeerGone
from metadata.cluster.network import Connection, Listener, Network, Probe
from metadata.cluster.refusals import Line, Refusals
from metadata.cluster.settings import Address, ClusterSettings
from metadata.cluster.strangers import Strangers
from metadata.cluster.wire import encode
from metadata.raft.messages import Message
from raftkafka.config.voters import Voter
from raftkafka.errors import Malformed
from raftkafka.types import Randomness

__all__ = ["Handler", "PeerGone", "Peers", "Probe"]

PROBE_S = 1.0
ACCEPT_AGAIN_S = 0.1
TELL_AFTER_S = 2.0
"""How long a node is out of reach before a line says so."""
SECRET_ADVICE = (
    "without cluster.secret.file or TLS only this machine's own nodes are let in: type "
    "'raftkafka secret FILE', copy the file to all nodes, and set cluster.secret.file=FILE"
)
UNFIT = (HandshakeFailed, Malformed, Refused)

log = structlog.get_logger(__name__)


class Peers:
    """Channels to the other nodes, for the quorum's messages and for requests.

    ``directory_id`` and the hooks are set before ``run``; ``cluster_id`` when it is known.

    Args:
        settings: who we are, and where the others are.
        network: dials and listens.
        random: nonces, and the spread of dials.
    """

    def __init__(self, settings: ClusterSettings, network: Network, random: Randomness) -> None:
        self._settings = settings
        self._network = network
        self._random = random
        self._links: dict[int, Link] = {}
        self._strangers = Strangers(settings.strangers_max)
        self._refusals = Refusals(settings.refusals_told_every_s)
        self._at_door: dict[int, trio.CancelScope] = {}
        self.voters: Mapping[int, Voter] = settings.voters
        self.directory_id = bytes(16)
        self.cluster_id: str | None = None
        self.handlers: dict[str, Handler] = {}
        self.on_message: OnMessage = lambda _node_id, _message: None
        self.on_connected: Callable[[PeerIdentity], None] = lambda _peer: None
        self.on_disconnected: Callable[[PeerIdentity], None] = lambda _peer: None

    # ------------------------------------------------------------------ to a peer

    def send(self, node_id: int, message: Message) -> None:
        """Queue a message of the quorum; dropped if there is no channel, or too much waits."""
        link = self._links.get(node_id)
        if link is not None:
            link.send(message)

    async def call(
        self, node_id: int, method: str, arguments: list[object], *, deadline_s: float
    ) -> object:
        """Ask a node, and return its answer. Requests may be worked on in another order.

        Raises:
            PeerGone: no answer came in time; see its ``sent``.
            KafkaError: the node refuses.
        """
        link = self._links.get(node_id)
        if link is None:
            raise PeerGone(f"no connection to node {node_id}", sent=False)
        return await link.call(method, arguments, deadline_s)

    def identity(self, node_id: int) -> PeerIdentity | None:
        """Return what a node says of itself, while it is connected."""
        link = self._links.get(node_id)
        return None if link is None else link.peer

    async def probe(self, host: str, port: int) -> Probe:
        """Dial, to see whether a process is gone."""
        with trio.move_on_after(PROBE_S):
            try:
                connection = await self._network.connect(host, port)
            except ConnectionRefusedError:
                return Probe.REFUSED
            except OSError:
                return Probe.SILENT
            await close(connection.stream)
            return Probe.ANSWERS
        return Probe.SILENT

    # ------------------------------------------------------------------ its life

    async def learn_voters(self) -> Mapping[int, Voter]:
        """Return the voters; where only bootstrap servers are known, ask those until one tells."""
        tell_at = trio.current_time() + TELL_AFTER_S
        while not self.voters:
            for server in self._settings.bootstrap_servers:
                reason = await self._ask_for_voters(server)
                if reason and trio.current_time() >= tell_at:
                    tell_at += TELL_AFTER_S
                    log.warning("no_voters_yet", server=str(server), reason=reason)
            if not self.voters:
                await trio.sleep(self._settings.redial_max_s)
        return self.voters

    async def _ask_for_voters(self, server: Address) -> str:
        sealed = None
        try:
            with trio.fail_after(self._settings.handshake_deadline_s):
                sealed, answer = await self._dial(server, ChannelKind.VOTERS)
        except trio.TooSlowError:
            return "it does not answer"
        except UNFIT as error:
            return str(error)
        except BROKEN as error:
            return why_broken(error)
        await close(sealed.stream)
        self.voters = MappingProxyType({voter.node_id: voter for voter in answer.voters})
        return ""

    async def run(
        self, *, task_status: trio.TaskStatus[int | None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Listen and dial until cancelled. Started, with the real port, once it listens.

        Raises:
            AddressInUse: the port cannot be listened on.
        """
        here = self._settings.listen
        listener = None if here is None else await self._network.listen(*here)
        async with trio.open_nursery() as nursery:
            if listener is not None:
                nursery.start_soon(self._accept, listener)
            for voter in self.voters.values():
                if not self._settings.is_voter or voter.node_id < self._settings.node_id:
                    nursery.start_soon(self._keep_dialling, voter)
            nursery.start_soon(self._tick)
            task_status.started(None if listener is None else listener.port)

    async def _tick(self) -> None:
        settings = self._settings
        while True:
            await trio.sleep(settings.tick_s)
            for line in self._refusals.due(trio.current_time()):
                _tell_refused(line)
            for link in tuple(self._links.values()):
                link.channel.tick(settings.silent_ticks_max, settings.doubted_ticks_max)

    def me(self, kind: ChannelKind = ChannelKind.METADATA) -> PeerIdentity:
        """Return what this node says of itself."""
        return PeerIdentity(
            self._settings.node_id,
            self._settings.incarnation_id,
            self.directory_id,
            self._settings.node_id in self.voters,
            hash_of_voters(self.voters.values()) if self.voters else b"",
            self.cluster_id,
            kind,
        )

    # ------------------------------------------------------------------ dialling

    async def _keep_dialling(self, voter: Voter) -> None:
        """Hold a channel to a voter; dial again with pauses that grow, and are spread."""
        settings = self._settings
        pause_s, told, since = settings.redial_min_s, "", trio.current_time()
        while True:
            pause_max_s = settings.redial_max_s
            link, reason, is_refusal = await self._reach(voter)
            if link is not None:
                await self._run(link)
                pause_s, told, since = settings.redial_min_s, "", trio.current_time()
            elif is_refusal or trio.current_time() - since >= TELL_AFTER_S:
                if is_refusal:
                    pause_max_s = settings.redial_refused_max_s
                if reason != told:
                    told = reason
                    log.warning("node_not_reached", node=str(voter), reason=reason)
            await trio.sleep(pause_s * (0.5 + self._random.random() / 2))
            pause_s = min(pause_s * 2, pause_max_s)

    async def _reach(self, voter: Voter) -> tuple[Link | None, str, bool]:
        """Return a link to a voter; or why there is none, and whether anybody refused it."""
        try:
            with trio.fail_after(self._settings.handshake_deadline_s):
                sealed, answer = await self._dial(
                    Address(voter.host, voter.port), ChannelKind.METADATA
                )
        except trio.TooSlowError:
            return None, "it does not answer", False
        except UNFIT as error:
            return None, str(error), True
        except BROKEN as error:
            return None, why_broken(error), isinstance(error, trio.BrokenResourceError)
        try:
            if answer.identity.node_id != voter.node_id:
                raise Refused(
                    f"node {answer.identity.node_id} answers there: put "
                    "controller.quorum.voters right"
                )
            check_peer(self.me(), answer.identity, self.voters)
            self._check_duplicate(answer.identity)
        except Refused as error:
            await close(sealed.stream)
            return None, str(error), True
        return self._open(sealed, answer.identity), "", False

    async def _dial(self, address: Address, kind: ChannelKind) -> tuple[Sealed, Answer]:
        connection = await self._network.connect(*address)
        try:
            self._check_place(connection)
            nonce = self._random.randbytes(NONCE_BYTES)
            secret = self._settings.secret
            sealed = await meet(connection.stream, Part.DIALLER, secret, nonce)
            return sealed, await introduce(sealed, self.me(kind))
        except BaseException:
            await close(connection.stream)
            raise

    def _check_place(self, connection: Connection) -> None:
        guarded = self._settings.secret or self._network.is_authenticated
        if not guarded and not connection.is_local:
            raise Refused(SECRET_ADVICE)

    # ------------------------------------------------------------------ listening

    async def _accept(self, listener: Listener) -> None:
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    try:
                        connection = await listener.accept()
                    except OSError as error:
                        log.warning("cluster_connection_not_accepted", reason=str(error))
                        await trio.sleep(ACCEPT_AGAIN_S)
                    else:
                        nursery.start_soon(self._welcome, connection)
        finally:
            with trio.CancelScope(shield=True):
                await listener.aclose()

    async def _welcome(self, connection: Connection) -> None:
        """Let a connection in that proves itself; close any other, and tell of it."""
        reason = "it did not authenticate in time"
        link = None
        number, victim = self._strangers.admit(connection.address)
        if victim is not None:
            self._at_door[victim].cancel()
        deadline = trio.current_time() + self._settings.handshake_deadline_s
        try:
            with trio.CancelScope(deadline=deadline) as scope:
                self._at_door[number] = scope
                link = await self._let_in(connection)
                reason = ""
        except UNFIT as error:
            reason = str(error)
        except BROKEN as error:
            reason = why_broken(error)
        finally:
            self._strangers.leave(number)
            del self._at_door[number]
            if link is None:
                await close(connection.stream)
        if link is not None:
            await self._run(link)
        elif reason:
            line = self._refusals.note(connection.address, reason, trio.current_time())
            if line is not None:
                _tell_refused(line)

    async def _let_in(self, connection: Connection) -> Link | None:
        """Return the link to a peer that proved itself; None if it wanted only the voters."""
        self._check_place(connection)
        nonce = self._random.randbytes(NONCE_BYTES)
        sealed = await meet(connection.stream, Part.LISTENER, self._settings.secret, nonce)
        peer = await hear(sealed)
        try:
            check_peer(self.me(), peer, self.voters)
            if peer.kind is not ChannelKind.VOTERS:
                self._check_duplicate(peer)
        except Refused as error:
            await refuse(sealed, str(error))
            raise
        answer = answer_to_wire(Answer(self.me(), tuple(self.voters.values())))
        if peer.kind is ChannelKind.VOTERS:
            await sealed.send(answer)
            return None
        return self._open(sealed, peer, first=encode(answer))

    # ------------------------------------------------------------------ links

    def _check_duplicate(self, peer: PeerIdentity) -> None:
        link = self._links.get(peer.node_id)
        if link is not None and link.peer.incarnation_id != peer.incarnation_id:
            link.channel.is_doubted = True
            raise Refused(
                f"duplicate node id {peer.node_id}: another process has it and is connected; "
                "stop one of them, or give it a node.id of its own"
            )

    def _open(self, sealed: Sealed, peer: PeerIdentity, first: bytes | None = None) -> Link:
        """Make the link to a peer the one that is used; ``first`` goes before anything else."""
        channel = Channel(sealed, peer, self._settings.queue_bytes_max)
        if first is not None:
            channel.queue(first)
        link = Link(channel, self.handlers, self.on_message)
        old = self._links.get(peer.node_id)
        if old is not None:
            self._end(old)
            old.channel.close("a newer connection took its place")
        self._links[peer.node_id] = link
        log.info("node_connected", node_id=peer.node_id)
        self.on_connected(peer)
        return link

    async def _run(self, link: Link) -> None:
        try:
            why = await link.run()
        except BaseException:
            link.end()  # this node stops: nobody is told of disconnections
            raise
        log.info("node_disconnected", node_id=link.peer.node_id, reason=why)
        self._end(link)

    def _end(self, link: Link) -> None:
        link.end()
        if self._links.get(link.peer.node_id) is link:
            del self._links[link.peer.node_id]
            self.on_disconnected(link.peer)


def _tell_refused(line: Line) -> None:
    log.warning("cluster_connection_refused", **line._asdict())

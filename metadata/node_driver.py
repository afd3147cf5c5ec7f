"""This node's part in the metadata plane: its quorum, its controller, its channels to the others.

A lone node has no channels; everything else is the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

import structlog
import trio

from metadata.controller_driver import Controller
from metadata.errors import NotController
from metadata.node_roles import cluster_settings, has_peers
from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.settings import RaftSettings
from metadata.raft.status import RaftStatus, status_from_wire, status_to_wire
from raftkafka.config import BrokerConfig
from raftkafka.disk import Disk
from raftkafka.errors import ConfigInvalid, ErrorCode, KafkaError
from raftkafka.types import Randomness

if TYPE_CHECKING:  # a lone node goes without
    from metadata.broker_lifecycle_driver import BrokerLifecycle
    from metadata.cluster.identity import PeerIdentity
    from metadata.cluster.network import Network
    from metadata.cluster.peers_driver import Peers
    from metadata.failure_detector_driver import FailureDetector
    from metadata.forwarding_driver import Forwarding

METADATA_FOLDER = "__raftkafka_metadata"
TELL_S = 5.0
"""Between lines that say what a start still waits for."""
TRANSFER_DEADLINE_S = 2.0
STATUS_DEADLINE_S = 5.0
NO_LEADER_TEXT = "the quorum has no leader"

A = TypeVar("A")

log = structlog.get_logger(__name__)


class MetadataNode:
    """Takes part in the quorum, as a voter or as one that only follows.

    Args:
        config: the node's.
        disk: where the journal is.
        random: where ids, time-outs and nonces are drawn.
        network: how nodes reach each other; None for the system's.
        wall_ms: the wall clock, to compare with others'.
        incarnation_id: names this process.
        cluster_id: what the folders say; the founder's name for the cluster.
    """

    controller: Controller
    quorum: Quorum
    lifecycle: BrokerLifecycle | None = None
    """This node's broker, once it is registered: it is told when the controller is in reach."""

    def __init__(
        self,
        config: BrokerConfig,
        disk: Disk,
        random: Randomness,
        network: Network | None,
        *,
        wall_ms: Callable[[], int],
        incarnation_id: bytes,
        cluster_id: str | None,
    ) -> None:
        self.incarnation_id = incarnation_id
        self._config = config
        self._disk = disk
        self._random = random
        self._network = network
        self._wall_ms = wall_ms
        self._cluster_id = cluster_id
        self._peers: Peers
        self._forwarding: Forwarding
        self._detector: FailureDetector

    @property
    def has_peers(self) -> bool:
        """Whether there are other nodes."""
        return has_peers(self._config)

    async def start(self, nursery: trio.Nursery) -> None:
        """Take part, and read the metadata up to what was committed before this call.

        Raises:
            FatalError: the folder or the cluster's port cannot be used.
        """
        if self.has_peers:
            await self._start_with_peers(nursery)
            await self._catch_up()
            return
        node_id = self._config.node_id
        self.controller = Controller(
            node_id, self._config, self._random, cluster_id=self._cluster_id
        )
        self.quorum = Quorum(
            self._quorum_config(frozenset((node_id,))), self._disk, self._random, self.controller
        )
        await self._start_quorum(nursery)

    def _quorum_config(self, voters: frozenset[int]) -> QuorumConfig:
        election_timeout_s = self._config.controller_quorum_election_timeout_ms / 1000
        settings = RaftSettings(
            self._config.node_id,
            voters,
            election_timeout_min_s=0.6 * election_timeout_s,
            election_timeout_max_s=1.2 * election_timeout_s,
            heartbeat_s=0.19 * election_timeout_s,
            check_quorum_s=0.6 * election_timeout_s,
        )
        return QuorumConfig(f"{self._config.metadata_log_dir}/{METADATA_FOLDER}", settings)

    async def _start_quorum(self, nursery: trio.Nursery) -> None:
        await nursery.start(self.controller.run, self.quorum)
        await nursery.start(self.quorum.run)

    # ------------------------------------------------------------------ with other nodes

    async def _start_with_peers(self, nursery: trio.Nursery) -> None:
        """Start the quorum, then the channels, for they tell the others whose journal this is."""
        from metadata.clock_check_driver import ClockCheck
        from metadata.cluster.network import Probe
        from metadata.cluster.peers_driver import Peers
        from metadata.cluster.tls_driver import system_network
        from metadata.failure_detector_driver import FailureDetector
        from metadata.forwarding_driver import Forwarding
        from metadata.upkeep_driver import Upkeep

        config, network = self._config, self._network or system_network(self._config)
        secret = await self._disk.run(self._read_secret)
        self._peers = peers = Peers(
            cluster_settings(config, self.incarnation_id, secret), network, self._random
        )
        voters = frozenset(await peers.learn_voters())
        self._forwarding = Forwarding(config.node_id, peers, lambda: self.quorum.leader_id)
        self.controller = Controller(
            config.node_id,
            config,
            self._random,
            cluster_id=self._cluster_id,
            forwarding=self._forwarding,
        )
        self.quorum = Quorum(
            self._quorum_config(voters), self._disk, self._random, self.controller, peers
        )

        async def is_gone(host: str, port: int) -> bool:
            return await peers.probe(host, port) is Probe.REFUSED

        self._detector = FailureDetector(self.controller, is_gone)
        upkeep = Upkeep(self.controller, config)
        peers.on_message = self.quorum.deliver
        peers.on_connected = self._connected
        peers.on_disconnected = self._disconnected
        peers.handlers["read"] = self._answer_read
        peers.handlers["status"] = self._answer_status
        peers.handlers["readmit"] = self._answer_readmit
        self.controller.subscribe(lambda delta: self._tell_cluster_id())
        await self._start_quorum(nursery)
        peers.directory_id = self.quorum.directory_id
        self._tell_cluster_id()
        await nursery.start(peers.run)
        nursery.start_soon(self._detector.run)
        nursery.start_soon(upkeep.run)
        nursery.start_soon(ClockCheck(peers, lambda: self.quorum.leader_id, self._wall_ms).run)

    def _read_secret(self) -> bytes:
        from metadata.cluster.secret import parse_secret

        path = self._config.cluster_secret_file
        if path is None:
            return b""
        try:
            return parse_secret(self._disk.read(path), path)
        except OSError as error:
            raise ConfigInvalid(
                f"cluster.secret.file={path} cannot be read: {error.strerror}; make one with "
                f"'raftkafka secret {path}', and copy it to all nodes"
            ) from error

    def _tell_cluster_id(self) -> None:
        self._peers.cluster_id = self.controller.image.cluster_id or self._cluster_id

    def _connected(self, peer: PeerIdentity) -> None:
        self.quorum.connected(peer.node_id, peer.directory_id, observer=not peer.is_voter)
        self._detector.connected(peer)
        if self.lifecycle is not None and peer.node_id == self.quorum.leader_id:
            self.lifecycle.beat_soon()

    def _disconnected(self, peer: PeerIdentity) -> None:
        self.quorum.disconnected(peer.node_id, observer=not peer.is_voter)
        self._detector.disconnected(peer)

    async def _catch_up(self) -> None:
        """Read the metadata up to what the leader has committed by now; there may be none yet."""
        offset = -1
        while offset < 0:
            with trio.move_on_after(TELL_S):
                offset = await self._forwarding.at_leader(
                    "read",
                    [],
                    self._newest_offset,
                    lambda content: cast("int", content),
                    trio.current_time() + TELL_S,
                    repeatable=True,
                )
            if offset < 0:
                self._tell_what_is_missing()
        await self.controller.reached(offset)

    def _tell_what_is_missing(self) -> None:
        voters = self._peers.voters
        missing = [
            str(voter)
            for voter in voters.values()
            if voter.node_id != self._config.node_id and self._peers.identity(voter.node_id) is None
        ]
        log.warning(
            "waiting_for_the_quorum",
            needed=len(voters) // 2 + 1,
            voters=len(voters),
            not_reached=missing,
            leader_id=self.quorum.leader_id,
        )

    async def _newest_offset(self) -> int:
        """Return an offset of this leader's image that covers all acknowledged before."""
        await self.quorum.read_barrier()
        if self.controller.image.cluster_id is None:
            raise NotController("the cluster has no name yet")
        return self.controller.image.offset

    async def _answer_read(self, peer: PeerIdentity, arguments: list[object]) -> object:
        del peer, arguments
        return await self._newest_offset()

    # ------------------------------------------------------------------ what others may ask

    async def status_at_leader(self) -> RaftStatus:
        """Return how far each node of the quorum has come; only its leader knows.

        Raises:
            KafkaError: REQUEST_TIMED_OUT, there is no leader.
        """
        return await self._ask_leader(
            "status",
            [],
            self._status,
            lambda content: status_from_wire(cast("list[object]", content)),
            STATUS_DEADLINE_S,
        )

    async def readmit(self, voter: int, *, deadline_s: float) -> None:
        """Give a voter with a new folder its vote back, once it has caught up.

        Raises:
            KafkaError: not now, the text says why; REQUEST_TIMED_OUT, there is no leader.
        """
        await self._ask_leader(
            "readmit",
            [voter],
            lambda: self.quorum.readmit(voter),
            lambda content: cast("int", content),
            deadline_s,
        )

    async def _ask_leader(
        self,
        method: str,
        arguments: list[object],
        local: Callable[[], Awaitable[A]],
        read: Callable[[object], A],
        deadline_s: float,
    ) -> A:
        """Ask what does no harm twice; see ``Forwarding.at_leader``."""
        try:
            with trio.fail_after(deadline_s):
                deadline = trio.current_time() + deadline_s
                return await self._forwarding.at_leader(
                    method, arguments, local, read, deadline, repeatable=True
                )
        except trio.TooSlowError as error:
            raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, NO_LEADER_TEXT) from error

    async def _answer_readmit(self, peer: PeerIdentity, arguments: list[object]) -> object:
        del peer
        (voter,) = cast("list[int]", arguments)
        return await self.quorum.readmit(voter)

    async def _status(self) -> RaftStatus:
        if not self.quorum.is_leader:
            raise NotController("this node does not lead the quorum")
        return self.quorum.status()

    async def _answer_status(self, peer: PeerIdentity, arguments: list[object]) -> object:
        del peer, arguments
        return status_to_wire(await self._status())

    # ------------------------------------------------------------------ its end

    async def finish(self) -> None:
        """Let another voter take over, if this one leads and there is one in reach."""
        if not self.has_peers or not self.quorum.is_leader:
            return
        others = self._peers.voters.keys() - {self._config.node_id}
        if not any(map(self._peers.identity, others)):
            return
        with trio.move_on_after(TRANSFER_DEADLINE_S):
            await self.quorum.transfer_leadership()

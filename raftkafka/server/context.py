"""What a handler may see of its request and of the broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from metadata.controller_driver import Controller
from metadata.image import MetadataImage
from metadata.quorum_driver import Quorum
from metadata.raft.status import RaftStatus
from raftkafka.config import BrokerConfig
from raftkafka.log.log_driver import LogDirs
from raftkafka.server.connection import Connection
from raftkafka.types import Randomness
from replication.replica_manager import ReplicaManager

ANONYMOUS = "User:ANONYMOUS"


class QuorumLeader(Protocol):
    """What the leader of the quorum is asked for, wherever it is."""

    async def status_at_leader(self) -> RaftStatus:
        """Return how far each node has come.

        Raises:
            KafkaError: REQUEST_TIMED_OUT, there is no leader.
        """
        ...

    async def readmit(self, voter: int, *, deadline_s: float) -> None:
        """Give a voter with a new folder its vote back.

        Raises:
            KafkaError: it cannot be given back now; REQUEST_TIMED_OUT.
        """
        ...


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The broker as handlers see it: they read the image, and ask the controller to change it."""

    config: BrokerConfig
    controller: Controller
    quorum: Quorum
    replicas: ReplicaManager
    log_dirs: LogDirs
    random: Randomness
    wall_ms: Callable[[], int]
    advertised: Sequence[tuple[int, int, int]]
    """API key, first and last version of all that have a handler."""
    quorum_leader: QuorumLeader | None = None
    """The way to it; None for a lone node."""

    @property
    def image(self) -> MetadataImage:
        """The newest published metadata; the same for the whole of a turn."""
        return self.controller.image


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request's surroundings."""

    broker: BrokerView
    connection: Connection
    api_version: int
    client_id: str | None
    principal: str = ANONYMOUS

    @property
    def listener_name(self) -> str:
        """The listener that the client came through."""
        return self.connection.listener_name

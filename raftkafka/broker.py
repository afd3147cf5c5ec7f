"""The composition root: everything a broker consists of, started and stopped in order.

Folders are locked and listeners bound first, for those can fail; then the quorum, the controller,
the logs and the replicas start; clients are served last. A stop goes the other way round.
"""

from __future__ import annotations

from functools import partial

import structlog
import trio

from metadata.controller.brokers import BrokerRegistration
from metadata.controller_driver import Controller
from metadata.image import MetadataImage
from metadata.quorum_driver import Quorum, QuorumConfig
from metadata.raft.settings import RaftSettings
from metadata.records import BrokerEndpoint
from raftkafka.config import BrokerConfig, Endpoint
from raftkafka.config.endpoints import advertise
from raftkafka.config.resolve import log_config
from raftkafka.data_folders import Ownership, check_cluster, read_ownership, write_ownership
from raftkafka.environment import Environment
from raftkafka.log.log_config import LogConfig
from raftkafka.log.log_driver import LogDirs
from raftkafka.server.api_table import ADVERTISED
from raftkafka.server.context import BrokerView
from raftkafka.server.service import ClientService
from replication.replica_driver import ReplicaDriver
from replication.replica_manager import ReplicaManager

METADATA_FOLDER = "__raftkafka_metadata"
REGISTRATION_DEADLINE_S = 60.0
INCARNATION_ID_BYTES = 16

log = structlog.get_logger()


class Broker:
    """One broker. ``run`` it once."""

    def __init__(self, config: BrokerConfig, environment: Environment) -> None:
        self.config = config
        self.advertised: tuple[Endpoint, ...] = ()
        """What clients are told; known once it serves."""
        self._environment = environment
        self._stop = trio.Event()

    def stop(self) -> None:
        """Ask for a clean stop; ``run`` returns when it is done."""
        self._stop.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until ``stop``. Started once clients are served.

        Raises:
            FatalError: it cannot start, or cannot go on.
        """
        async with trio.open_nursery() as nursery:
            await self._start(nursery)
            task_status.started()
            await self._stop.wait()
            log.info("broker_stopping", node_id=self.config.node_id)
            await self._service.finish()
            await self._log_dirs.close(self._broker_epoch)
            nursery.cancel_scope.cancel()
        log.info("broker_stopped", node_id=self.config.node_id)

    # ------------------------------------------------------------------ start, in order

    async def _start(self, nursery: trio.Nursery) -> None:
        config, environment = self.config, self._environment
        await self._open_folders()
        await self._start_metadata(nursery)
        await self._start_logs(nursery)
        view = BrokerView(
            config,
            self._controller,
            self._quorum,
            self._replicas,
            self._log_dirs,
            environment.random,
            environment.wall_ms,
            ADVERTISED,
        )
        self._service = ClientService(view, environment, nursery)
        ports = await self._service.bind(config.listeners)
        self.advertised = advertise(config.advertised_listeners, ports, environment.host_name)
        await self._join()
        nursery.start_soon(self._service.run)

"""The composition root: everything a node consists of, started and stopped in order.

Folders are locked first, for that can fail; then the metadata plane starts (quorum, controller, and
in a cluster the channels to the other nodes), the logs, the replicas; clients are served last. A
stop goes the other way round. A node that is a controller only has the metadata plane and no more.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import structlog
import trio

from metadata.broker_lifecycle_driver import BrokerLifecycle
from metadata.controller.brokers import BrokerRegistration
from metadata.controller_driver import Controller
from metadata.delta import Delta
from metadata.node_driver import MetadataNode
from metadata.node_roles import cluster_endpoint, is_broker
from metadata.records import BrokerEndpoint
from raftkafka.config import BrokerConfig, Endpoint
from raftkafka.config.endpoints import advertise
from raftkafka.data_folders import check_cluster, read_ownership, write_ownership
from raftkafka.disk import make_folder
from raftkafka.environment import Environment
from raftkafka.log.log_driver import LogDirs
from raftkafka.log.log_settings import LogDirSettings
from raftkafka.log.partition_log import PartitionLog
from raftkafka.server.api_table import ADVERTISED
from raftkafka.server.context import BrokerView
from raftkafka.server.listening import bind
from raftkafka.server.loop_lag_driver import LoopLag
from raftkafka.server.service import ClientService
from raftkafka.types import TopicPartition
from replication.log_configs import LogConfigs
from replication.replica_driver import ReplicaDriver
from replication.replica_manager import ReplicaManager

REGISTRATION_DEADLINE_S = 60.0
LEAVE_DEADLINE_S = 10.0
INCARNATION_ID_BYTES = 16
HTTP_BACKLOG = 16

log = structlog.get_logger()


class Broker:
    """One node. ``run`` it once."""

    def __init__(self, config: BrokerConfig, environment: Environment) -> None:
        self.config = config
        self.advertised: tuple[Endpoint, ...] = ()
        """What clients are told, once it serves them; a controller only tells nothing."""
        self._environment = environment
        self._loop_lag = LoopLag()
        self._starting = trio.CancelScope()
        self._stop = trio.Event()
        self._stopped = trio.Event()
        self._lifecycle: BrokerLifecycle | None = None

    @property
    def controller(self) -> Controller:
        """The published metadata, and the way to have it changed."""
        return self._node.controller

    def stop(self) -> None:
        """Ask for a clean stop; ``run`` returns when it is done."""
        self._stop.set()
        self._starting.cancel()

    async def run(self, *, task_status: trio.TaskStatus[bool] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until ``stop``.

        Started with True once clients are served, with False if it was stopped before that.

        Raises:
            FatalError: it cannot start, or cannot go on.
        """
        trio.lowlevel.add_instrument(self._loop_lag)
        async with trio.open_nursery() as nursery:
            with self._starting:
                await self._start(nursery)
            serves = not self._starting.cancelled_caught
            self._loop_lag.restart()
            task_status.started(serves)
            await self._stop.wait()
            log.info("broker_stopping", node_id=self.config.node_id)
            if serves:
                await self._finish()
            nursery.cancel_scope.cancel()
        log.info("broker_stopped", node_id=self.config.node_id)
        self._stopped.set()

    async def stopped(self) -> None:
        """Return when ``run`` has stopped cleanly."""
        await self._stopped.wait()

    # ------------------------------------------------------------------ start, in order

    async def _start(self, nursery: trio.Nursery) -> None:
        await self._open_folders()
        await self._start_metadata(nursery)
        if not is_broker(self.config):
            return
        await self._start_logs()
        view = self._view()
        self.service = ClientService(view, self._environment, nursery)
        ports = await self.service.bind(self.config.listeners)
        self.advertised = advertise(
            self.config.advertised_listeners, ports, self._environment.host_name
        )
        await self._join(nursery)
        nursery.start_soon(self.service.run)
        if self.config.http_listeners:
            await self._serve_http(view, nursery)

    def _view(self) -> BrokerView:
        return BrokerView(
            self.config,
            self.controller,
            self._node.quorum,
            self.replicas,
            self._log_dirs,
            self._environment.random,
            self._environment.wall_ms,
            ADVERTISED,
            self._node if self._node.has_peers else None,
        )

    async def _serve_http(self, view: BrokerView, nursery: trio.Nursery) -> None:
        # imported here: most brokers do without, and start the sooner
        from raftkafka.server.health import pages
        from raftkafka.server.http_driver import HttpServer

        server = HttpServer(pages(view, self.service, self._loop_lag, self._environment.disk))
        for endpoint in self.config.http_listeners:
            listener = trio.socket.from_stdlib_socket(await bind(endpoint, HTTP_BACKLOG))
            log.info("http_listening", port=listener.getsockname()[1])
            serve = partial(trio.serve_listeners, server.serve, [trio.SocketListener(listener)])
            nursery.start_soon(serve)

    async def _open_folders(self) -> None:
        """Lock the log directories, and see that all folders are this node's."""
        config, disk, random = self.config, self._environment.disk, self._environment.random
        folders = [config.metadata_log_dir]
        if is_broker(config):
            self._log_configs = LogConfigs(config.node_id, config)
            self._log_dirs = LogDirs(
                disk,
                log_dir_settings(config),
                lambda topic: self._log_configs.of(self.controller.image, topic),
                wall_ms=self._environment.wall_ms,
                random=random,
            )
            await self._log_dirs.lock()
            folders[:0] = self._log_dirs.online_paths
        await disk.run(partial(make_folder, disk, config.metadata_log_dir))
        read = partial(read_ownership, disk, tuple(dict.fromkeys(folders)), config.node_id, random)
        self._ownership = await disk.run(read)

    async def _start_metadata(self, nursery: trio.Nursery) -> None:
        """Start the metadata plane, and read the metadata to its end."""
        environment = self._environment
        self._node = MetadataNode(
            self.config,
            environment.disk,
            environment.random,
            environment.network,
            wall_ms=environment.wall_ms,
            incarnation_id=environment.random.randbytes(INCARNATION_ID_BYTES),
            cluster_id=self._ownership.cluster_id,
        )
        await self._node.start(nursery)
        cluster_id = self.controller.image.cluster_id
        check_cluster(self._ownership, cluster_id)
        if self._node.has_peers and not is_broker(self.config):
            await self._name_folders()

    async def _start_logs(self) -> None:
        """Recover what an unclean stop left, and follow the metadata from now on."""
        log_dirs = self._log_dirs
        self.replicas = ReplicaManager(
            self.config.node_id, log_dirs, self._log_configs, self.controller.image
        )
        log_dirs.on_flushed = self._on_flushed
        log_dirs.on_dir_offline = self._on_dir_offline
        log_dirs.high_watermarks = self.replicas.high_watermarks
        await log_dirs.start()
        await log_dirs.set_strays_aside(self.replicas.is_hosted)
        self._replica_driver = ReplicaDriver(self.replicas)
        self.controller.subscribe(self._on_delta)

    async def _join(self, nursery: trio.Nursery) -> None:
        """Register, take up the partitions, and name the folders."""
        if self._node.has_peers:
            await self._join_cluster(nursery)
        else:
            await self._join_alone()
        await self._name_folders()
        if self._node.has_peers or not self._log_dirs.lost_nothing:
            await self._replica_driver.note_epochs(self._environment.disk)
        nursery.start_soon(self._log_dirs.run)  # not before: its flushes write epochs too
        await self._replica_driver.make_missing()
        nursery.start_soon(self._replica_driver.run)
        await self._log_dirs.mark_started(self._broker_epoch)

    async def _join_alone(self) -> None:
        controller, node_id = self.controller, self.config.node_id
        self._broker_epoch = await controller.register_broker(
            replace(self._registration(), ready=True), deadline_s=REGISTRATION_DEADLINE_S
        )
        await controller.unfence_broker(
            node_id, self._broker_epoch, deadline_s=REGISTRATION_DEADLINE_S
        )

    async def _join_cluster(self, nursery: trio.Nursery) -> None:
        config = self.config
        lifecycle = BrokerLifecycle(
            self.controller, config.node_id, config.broker_heartbeat_interval_ms / 1000
        )
        endpoints = self._endpoints()
        registration = replace(
            self._registration(),
            cluster_endpoint=cluster_endpoint(config, endpoints),
            previous_broker_epoch=self._log_dirs.previous_broker_epoch,
        )
        self._broker_epoch = await lifecycle.register(
            registration, deadline_s=config.initial_broker_registration_timeout_ms / 1000
        )
        self._lifecycle = self._node.lifecycle = lifecycle
        await lifecycle.become_ready()
        nursery.start_soon(lifecycle.run)

    def _registration(self) -> BrokerRegistration:
        online = self._log_dirs.online_paths
        return BrokerRegistration(
            self.config.node_id,
            self._node.incarnation_id,
            self._endpoints(),
            tuple(self._ownership.directory_ids[path] for path in online),
            self.config.broker_rack,
            clean_stop=self._log_dirs.lost_nothing,
            directories_failed=len(online) < len(self.config.log_dirs),
        )

    def _endpoints(self) -> tuple[BrokerEndpoint, ...]:
        return tuple(BrokerEndpoint(e.name, e.host, e.port, e.protocol) for e in self.advertised)

    async def _name_folders(self) -> None:
        """Write into the folders whose they are, where that is not said yet."""
        node_id, cluster_id = self.config.node_id, self.controller.image.cluster_id
        assert cluster_id is not None, "it is the first record that is ever committed"
        for folder in self._ownership.unnamed:
            log.info("folder_named", folder=folder, node_id=node_id, cluster_id=cluster_id)
        disk = self._environment.disk
        await disk.run(partial(write_ownership, disk, self._ownership, node_id, cluster_id))

    # ------------------------------------------------------------------ stop, in order

    async def _finish(self) -> None:
        """Hand over what this node leads, serve to the end, and leave clean logs."""
        if self._lifecycle is not None and self.config.controlled_shutdown_enable:
            handed_over = await self._lifecycle.leave(deadline_s=LEAVE_DEADLINE_S)
            log.info("broker_left", node_id=self.config.node_id, handed_over=handed_over)
        if is_broker(self.config):
            await self.service.finish()
            await self._log_dirs.close(self._broker_epoch)
        await self._node.finish()

    # ------------------------------------------------------------------ what others report

    def _on_delta(self, delta: Delta) -> None:
        """The metadata changed: that may end what clients wait for."""
        self._replica_driver.on_delta(delta)
        self.service.run_turn()

    def _on_flushed(self, flushed: PartitionLog) -> None:
        """A log is durable up to further on: that may acknowledge, and show, more."""
        self.replicas.on_flushed(flushed.topic_partition)
        self.service.run_turn()

    def _on_dir_offline(self, path: str, partitions: list[TopicPartition]) -> None:
        """A directory failed: its partitions are served no longer."""
        for partition in partitions:
            self.replicas.fail(partition)
        if self._lifecycle is not None:
            self._lifecycle.directory_failed(self._ownership.directory_ids[path])
        self.service.run_turn()


def log_dir_settings(config: BrokerConfig) -> LogDirSettings:
    """Return the configuration of the log directories."""
    return LogDirSettings(
        paths=config.log_dirs,
        recovery_threads_per_dir=config.num_recovery_threads_per_data_dir,
        recovery_point_checkpoint_ms=config.log_flush_offset_checkpoint_interval_ms,
        log_start_checkpoint_ms=config.log_flush_start_offset_checkpoint_interval_ms,
        high_watermark_checkpoint_ms=config.replica_high_watermark_checkpoint_interval_ms,
        retention_check_ms=config.log_retention_check_interval_ms,
        producer_expiry_check_ms=config.producer_id_expiration_check_interval_ms,
    )

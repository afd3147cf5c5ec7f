"""All that serves clients, put together: listeners, turn, handlers, deadlines."""

from __future__ import annotations

import resource
from collections.abc import Sequence

import trio

from metadata.delta import Delta
from metadata.records import BROKER_CONFIG
from raftkafka.config import BrokerConfig, Endpoint
from raftkafka.environment import Environment
from raftkafka.server.acceptance import Acceptance, AcceptanceLimits
from raftkafka.server.connection import Connection, ConnectionLimits
from raftkafka.server.context import BrokerView
from raftkafka.server.dispatch import Dispatcher
from raftkafka.server.expiry import Expiry
from raftkafka.server.expiry_driver import ExpiryDriver
from raftkafka.server.handlers.configs import broker_levels
from raftkafka.server.handlers.fetch import FetchHandler
from raftkafka.server.handlers.produce import ProduceHandler
from raftkafka.server.listening import limits_by_address
from raftkafka.server.read_ahead import ReadAhead
from raftkafka.server.slow_writes_driver import SlowWrites
from raftkafka.server.turn import Turn
from raftkafka.server.turn_clock import TurnClock
from raftkafka.server.write_queue import WriteQueue

UNSENT_BYTES_MAX = 1024 * 1024
"""With more than this unsent a connection is not read: what its client asks for waits there."""
REQUEST_BYTES_MAX = 512 * 1024 * 1024
"""What all large requests may hold while they arrive, unless two of the largest are more."""
IN_FLIGHT_DEADLINE_S = 5.0


class ClientService:
    """Connections of clients and what answers them."""

    def __init__(self, broker: BrokerView, environment: Environment, nursery: trio.Nursery) -> None:
        self._broker = broker
        config = self._config = broker.config
        outbox: list[Connection] = []
        clock = TurnClock(environment.wall_ms, trio.current_time)
        expiry = self.expiry = Expiry()
        writes = WriteQueue(
            environment.disk, clock, lambda leader: broker.log_dirs.request_flush(leader.log)
        )
        slow_writes = SlowWrites(environment.disk, nursery, writes.written, self.run_turn)
        writes.write_later = slow_writes.take
        fetch = FetchHandler(
            broker.replicas,
            expiry,
            clock,
            ReadAhead(environment.disk, nursery, self.run_turn),
            max_bytes=config.fetch_max_bytes,
        )
        dispatcher = Dispatcher(
            broker,
            ProduceHandler(broker.replicas, writes, expiry, clock),
            fetch,
            nursery,
            self.run_turn,
            queued_max_requests=config.queued_max_requests,
        )
        self._turn = Turn(dispatcher.handle, writes, expiry, clock, outbox, fetch.complete)
        self.acceptance = Acceptance(self._limits(), connection_limits(config), outbox)
        self._expiry_driver = ExpiryDriver(expiry, self._turn, self.acceptance)
        self._server = environment.make_server(self._turn, self.acceptance, config)
        self._is_serving = False
        broker.controller.subscribe(self._on_delta)

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self.acceptance.connections)

    @property
    def is_serving(self) -> bool:
        """Whether clients are answered."""
        return self._is_serving

    def run_turn(self) -> None:
        """Send what became answerable outside of a turn: a flush, a new epoch, a cold read."""
        self._turn.run()

    def _on_delta(self, delta: Delta) -> None:
        """Take new limits; connections that are more than a lower one allows stay, as in Kafka."""
        if any(kind == BROKER_CONFIG for kind, _ in delta.configs_changed):
            self.acceptance.limits = self._limits()

    def _limits(self) -> AcceptanceLimits:
        return acceptance_limits(broker_levels(self._broker).effective())

    async def bind(self, listeners: Sequence[Endpoint]) -> dict[str, int]:
        """Bind all listeners; return their ports by name. Clients wait until ``run``.

        Raises:
            AddressInUse: one cannot be bound.
            ConfigInvalid: a limit names a host that there is not.
        """
        overrides = self._config.max_connections_per_ip_overrides
        self.acceptance.limits_by_address = await limits_by_address(overrides)
        return {endpoint.name: await self._server.listen(endpoint) for endpoint in listeners}

    async def run(self) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._expiry_driver.run)
            nursery.start_soon(self._expiry_driver.close_idle)
            nursery.start_soon(self._server.run)
            self._is_serving = True

    async def finish(self) -> None:
        """Accept nothing more, answer what is in flight, and wait until that is sent."""
        self._is_serving = False
        self._server.stop_listening()
        self.acceptance.finish()
        self._turn.run()
        with trio.move_on_after(IN_FLIGHT_DEADLINE_S):
            await self.acceptance.all_gone()


def acceptance_limits(config: BrokerConfig) -> AcceptanceLimits:
    """Return how many connections are let in, and for how long they may idle."""
    connections = config.max_connections
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors != resource.RLIM_INFINITY:
        connections = min(connections, descriptors // 2)  # the logs need the others
    return AcceptanceLimits(
        connections=connections,
        connections_per_ip=config.max_connections_per_ip,
        idle_s=config.connections_max_idle_ms / 1000
        if config.connections_max_idle_ms > 0
        else None,
        request_bytes=max(REQUEST_BYTES_MAX, 2 * config.socket_request_max_bytes),
    )


def connection_limits(config: BrokerConfig) -> ConnectionLimits:
    """Return what one connection may hold."""
    return ConnectionLimits(
        request_bytes=config.socket_request_max_bytes,
        unanswered_requests=config.queued_max_requests,
        unsent_bytes=UNSENT_BYTES_MAX,
    )

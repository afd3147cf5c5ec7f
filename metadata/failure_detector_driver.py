"""Watches the brokers' processes while this node is the active controller, and fences the dead.

The core is ``metadata.controller.heartbeats``. A closed channel is looked into at once: where
nobody listens any more, the process is gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import trio

from metadata.cluster.identity import PeerIdentity
from metadata.controller.brokers import fence_broker
from metadata.controller.heartbeats import GRACE_S, BrokerProcess
from metadata.controller_driver import Controller
from metadata.delta import Delta
from raftkafka.errors import KafkaError

LATE_S = 0.05
FENCE_DEADLINE_S = 5.0
AGAIN_S = 0.1
"""Between tries to fence a broker."""

IsGone = Callable[[str, int], Awaitable[bool]]
"""Dials a host and port: whether nobody listens there, which proves that the process is gone."""

log = structlog.get_logger(__name__)


class FailureDetector:
    """Feeds the controller's heartbeats with channels, probes and time, and fences by them."""

    def __init__(self, controller: Controller, is_gone: IsGone) -> None:
        self._controller = controller
        self._heartbeats = controller.heartbeats
        self._is_gone = is_gone
        self._fencing: set[BrokerProcess] = set()
        self._wake = trio.Event()
        controller.subscribe(self._on_delta)

    def connected(self, peer: PeerIdentity) -> None:
        """A channel to a process is open."""
        self._heartbeats.connected(peer.node_id, peer.incarnation_id, trio.current_time())
        self._wake.set()

    def disconnected(self, peer: PeerIdentity) -> None:
        """The channel to a process is closed."""
        self._heartbeats.disconnected(peer.node_id, peer.incarnation_id, trio.current_time())
        self._wake.set()

    def _on_delta(self, delta: Delta) -> None:
        if delta.brokers_changed or delta.controller_changed:
            self._wake.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                self._wake = trio.Event()
                for process in self._heartbeats.take_probes():
                    nursery.start_soon(self._probe, process)
                for process in self._heartbeats.overdue(trio.current_time()):
                    if process not in self._fencing:
                        self._fencing.add(process)
                        nursery.start_soon(self._fence, process)
                await self._wait()

    async def _wait(self) -> None:
        deadline = max(self._heartbeats.next_deadline_s(), trio.current_time())
        with trio.move_on_at(deadline):
            await self._wake.wait()
        late_s = trio.current_time() - deadline
        if late_s > LATE_S:
            # Whoever lives is heard of soon, now that this process runs again.
            self._heartbeats.excuse(late_s + GRACE_S)

    async def _probe(self, process: BrokerProcess) -> None:
        broker = self._controller.image.brokers.get(process.broker_id)
        endpoint = None if broker is None else broker.cluster_endpoint
        if endpoint is None:
            return
        gone = await self._is_gone(endpoint.host, endpoint.port)
        self._heartbeats.probed(process, gone=gone)
        self._wake.set()

    async def _fence(self, process: BrokerProcess) -> None:
        try:
            fence = partial(
                fence_broker, broker_id=process.broker_id, broker_epoch=process.broker_epoch
            )
            await self._controller.decide(fence, deadline_s=FENCE_DEADLINE_S)
            log.warning("broker_fenced", node_id=process.broker_id, epoch=process.broker_epoch)
        except KafkaError as error:
            log.info("broker_not_fenced", node_id=process.broker_id, reason=str(error))
            await trio.sleep(AGAIN_S)
        finally:
            self._fencing.discard(process)
            self._wake.set()

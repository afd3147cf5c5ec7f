"""One broker's part in its cluster: it registers, becomes ready, tells that it lives, and leaves.

Source: Kafka's ``BrokerLifecycleManager``; KIP-631, KIP-858 (failed directories).
"""

from __future__ import annotations

from dataclasses import replace

import structlog
import trio

from metadata.asks import HeartbeatAsk
from metadata.controller.broker_heartbeats import BrokerHeartbeat, HeartbeatAnswer
from metadata.controller.brokers import BrokerRegistration
from metadata.controller_driver import Controller
from metadata.delta import Delta
from raftkafka.errors import ErrorCode, FatalError, KafkaError

AGAIN_S = 0.05
"""Between heartbeats while something is wanted that the controller has not granted yet."""
TELL_S = 5.0
"""Between lines that say what a start still waits for."""

log = structlog.get_logger(__name__)


class BrokerLifecycle:
    """Speaks for this broker to the active controller, wherever that is.

    Args:
        controller: the way there.
        broker_id: this node.
        interval_s: between heartbeats, ``broker.heartbeat.interval.ms``.
    """

    def __init__(self, controller: Controller, broker_id: int, interval_s: float) -> None:
        self._controller = controller
        self._interval_s = interval_s
        self._heartbeat = BrokerHeartbeat(broker_id, -1, 0)
        self._due = trio.Event()

    @property
    def broker_epoch(self) -> int:
        """Names this process, from when it is registered."""
        return self._heartbeat.broker_epoch

    def directory_failed(self, directory_id: bytes) -> None:
        """A log directory went offline: its replicas have to go elsewhere."""
        failed = (*self._heartbeat.offline_directories, directory_id)
        self._heartbeat = replace(self._heartbeat, offline_directories=failed)
        self.beat_soon()

    def beat_soon(self) -> None:
        """Send the next heartbeat now, as to a controller that is new or was out of reach."""
        self._due.set()

    # ------------------------------------------------------------------ its way in

    async def register(self, registration: BrokerRegistration, *, deadline_s: float) -> int:
        """Make this process known; return its epoch.

        Raises:
            FatalError: the controller refuses it, or cannot be reached in time.
        """
        broker_id, deadline = registration.broker_id, trio.current_time() + deadline_s
        tell_at = trio.current_time() + AGAIN_S
        while True:
            try:
                epoch = await self._controller.register_broker(
                    registration, deadline_s=max(0.0, deadline - trio.current_time())
                )
            except KafkaError as error:
                if error.code != ErrorCode.DUPLICATE_BROKER_REGISTRATION:
                    raise FatalError(f"node {broker_id} cannot register: {error}") from error
                if trio.current_time() >= deadline:
                    raise _duplicate(self._controller, broker_id) from error
                if trio.current_time() >= tell_at:
                    log.info("another_process_has_this_node_id", node_id=broker_id)
                    tell_at += TELL_S
                await trio.sleep(AGAIN_S)
            else:
                self._heartbeat = replace(self._heartbeat, broker_epoch=epoch)
                return epoch

    async def become_ready(self) -> None:
        """Ask to be unfenced until it is granted, and seen here.

        Raises:
            FatalError: another process took this one's place.
        """
        while self._is_fenced():
            answer = await self._beat(self._interval_s)
            if answer is not None and not answer.is_fenced:
                continue
            await trio.sleep(AGAIN_S)

    def _is_fenced(self) -> bool:
        broker = self._controller.image.brokers[self._heartbeat.broker_id]
        return broker.fenced

    # ------------------------------------------------------------------ its life

    async def run(self) -> None:
        """Send heartbeats until cancelled; a broker that was fenced asks to be let in again.

        Raises:
            FatalError: another process took this one's place.
        """
        self._controller.subscribe(self._on_delta)
        while True:
            self._due = trio.Event()
            answer = await self._beat(self._interval_s)
            pause_s = self._interval_s
            if answer is None or answer.is_fenced:
                pause_s = min(AGAIN_S, pause_s)
            with trio.move_on_after(pause_s):
                await self._due.wait()

    def _on_delta(self, delta: Delta) -> None:
        """Heartbeat at once to a new controller, when fenced, and while somebody wants to leave."""
        brokers = delta.image.brokers
        if (
            delta.controller_changed
            or (delta.brokers_changed and self._is_fenced())
            or any(it.in_controlled_shutdown and not it.fenced for it in brokers.values())
        ):
            self._due.set()

    async def _beat(self, deadline_s: float) -> HeartbeatAnswer | None:
        """Send one heartbeat; None if the controller could not be reached."""
        offset = self._controller.image.offset
        ask = HeartbeatAsk(replace(self._heartbeat, metadata_offset=offset))
        try:
            return await self._controller.ask(ask, deadline_s=deadline_s)
        except KafkaError as error:
            if error.code in (ErrorCode.STALE_BROKER_EPOCH, ErrorCode.BROKER_ID_NOT_REGISTERED):
                raise _replaced(self._heartbeat.broker_id) from error
            log.info("heartbeat_failed", node_id=self._heartbeat.broker_id, reason=str(error))
            return None

    # ------------------------------------------------------------------ its way out

    async def leave(self, *, deadline_s: float) -> bool:
        """Hand over what this broker leads, and wait until every broker knows (rule 19).

        Returns:
            Whether the controller let it go; otherwise it did not answer in time.
        """
        self._heartbeat = replace(self._heartbeat, wants_shutdown=True)
        with trio.move_on_after(deadline_s):
            while True:
                answer = await self._beat(deadline_s)
                if answer is not None and answer.may_stop:
                    return True
                await trio.sleep(AGAIN_S)
        return False


def _duplicate(controller: Controller, broker_id: int) -> FatalError:
    other = controller.image.brokers.get(broker_id)
    where = ""
    if other is not None and other.endpoints:
        where = f" at {other.endpoints[0].host}:{other.endpoints[0].port}"
    return FatalError(
        f"node.id={broker_id} belongs to another process of this cluster{where}, which runs: "
        "stop that one, or give this node a node.id of its own"
    )


def _replaced(broker_id: int) -> FatalError:
    return FatalError(
        f"another process registered as node {broker_id} while this one was not heard of: let "
        "each node have a node.id of its own, and run each only once"
    )

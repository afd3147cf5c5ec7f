"""What the active controller does by itself, unasked, as time goes by and brokers join.

Source: Kafka's ``ReplicationControlManager.maybeBalancePartitionLeaders``,
``leader.imbalance.check.interval.seconds``.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from metadata.controller.decision import Decision, Situation
from metadata.controller.internal_topics import raise_internal_topics
from metadata.controller.leader_elections import balance_leaders
from metadata.controller_driver import Controller
from metadata.delta import Delta
from raftkafka.config import BrokerConfig
from raftkafka.errors import KafkaError

DEADLINE_S = 30.0

log = structlog.get_logger(__name__)


class Upkeep:
    """Gives internal topics the replicas that they should have, and leaders their places back."""

    def __init__(self, controller: Controller, config: BrokerConfig) -> None:
        self._controller = controller
        self._config = config
        self._joined = trio.Event()
        controller.subscribe(self._on_delta)

    def _on_delta(self, delta: Delta) -> None:
        before = delta.image_before
        if any(
            delta.image.is_active(broker_id) and not before.is_active(broker_id)
            for broker_id in delta.brokers_changed
        ):
            self._joined.set()

    async def run(self) -> None:
        """Look after things until cancelled, whenever this node is the active controller."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._raise_internal_topics)
            if self._config.auto_leader_rebalance_enable:
                nursery.start_soon(self._balance_leaders)

    async def _raise_internal_topics(self) -> None:
        while True:
            await self._joined.wait()
            self._joined = trio.Event()
            await self._decide(raise_internal_topics)

    async def _balance_leaders(self) -> None:
        while True:
            await trio.sleep(self._config.leader_imbalance_check_interval_seconds)
            await self._decide(balance_leaders)

    async def _decide(self, decide: Callable[[Situation], Decision[None]]) -> None:
        if not self._controller.is_active:
            return
        try:
            await self._controller.decide(decide, deadline_s=DEADLINE_S)
        except KafkaError as error:  # whoever is the next controller sees to it
            log.info("upkeep_put_off", reason=str(error))

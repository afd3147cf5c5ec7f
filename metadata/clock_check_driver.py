"""Compares this node's wall clock with the active controller's, and says when they differ.

Nothing in the cluster's agreement goes by wall clocks, so a wrong one harms nobody else. But
records get their timestamps from it, and retention and look-ups by time go by those.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from metadata.cluster.identity import PeerIdentity
from metadata.cluster.link_driver import PeerGone
from metadata.cluster.peers_driver import Peers
from raftkafka.errors import KafkaError

TOLERANCE_S = 10.0
"""As much as clocks may differ before a line says so."""
INTERVAL_S = 60.0
AGAIN_S = 1.0
"""Between tries while there is no controller to ask."""
DEADLINE_S = 5.0
METHOD = "clock"

log = structlog.get_logger(__name__)


class ClockCheck:
    """Asks the leader for its time.

    Args:
        peers: the way there.
        leader_id: tells who leads.
        wall_ms: this node's wall clock.
    """

    def __init__(
        self, peers: Peers, leader_id: Callable[[], int | None], wall_ms: Callable[[], int]
    ) -> None:
        self._peers = peers
        self._leader_id = leader_id
        self._wall_ms = wall_ms
        peers.handlers[METHOD] = self._answer

    async def _answer(self, peer: PeerIdentity, arguments: list[object]) -> object:
        del peer, arguments
        return self._wall_ms()

    async def run(self) -> None:
        """Compare now and then, until cancelled."""
        while True:
            ahead_s = await self._ahead_s()
            if ahead_s is not None and abs(ahead_s) > TOLERANCE_S:
                log.warning(
                    "clock_differs",
                    seconds=round(abs(ahead_s)),
                    this_node="ahead" if ahead_s > 0 else "behind",
                    controller=self._leader_id(),
                    advice="records get wrong timestamps, and retention goes by them: set the "
                    "clock, and keep it right with chronyd or 'timedatectl set-ntp true'",
                )
            await trio.sleep(AGAIN_S if ahead_s is None else INTERVAL_S)

    async def _ahead_s(self) -> float | None:
        """Return how far this clock is ahead of the leader's; None if it cannot be asked."""
        leader_id, before_ms = self._leader_id(), self._wall_ms()
        if leader_id is None or self._peers.identity(leader_id) is None:
            return None
        try:
            theirs_ms = await self._peers.call(leader_id, METHOD, [], deadline_s=DEADLINE_S)
        except (PeerGone, KafkaError):
            return None
        if not isinstance(theirs_ms, int):
            return None
        return ((before_ms + self._wall_ms()) / 2 - theirs_ms) / 1000

"""Runs a turn whenever a parked request's time is over, and closes idle connections."""

from __future__ import annotations

import trio

from raftkafka.server.acceptance import Acceptance
from raftkafka.server.expiry import Expiry
from raftkafka.server.turn import Turn

IDLE_CHECKS_PER_LIMIT = 4


class ExpiryDriver:
    """Sleeps until the next deadline; an earlier one wakes it."""

    def __init__(self, expiry: Expiry, turn: Turn, acceptance: Acceptance) -> None:
        self._expiry = expiry
        self._turn = turn
        self._acceptance = acceptance
        self._earlier = trio.Event()
        self._alarm_s = float("inf")
        expiry.on_earlier = self._wake

    def _wake(self, deadline_s: float) -> None:
        # An alarm for a request that is answered by then is left: it costs less than a new one.
        if deadline_s < self._alarm_s:
            self._earlier.set()

    async def run(self) -> None:
        """End what is due, until cancelled."""
        while True:
            deadline = self._expiry.next_deadline()
            self._alarm_s = float("inf") if deadline is None else deadline
            with trio.move_on_at(self._alarm_s):
                await self._earlier.wait()
            self._earlier = trio.Event()
            deadline = self._expiry.next_deadline()
            if deadline is not None and deadline <= trio.current_time():
                self._turn.run()

    async def close_idle(self) -> None:
        """Close connections that were idle too long, until cancelled."""
        limit_s = self._acceptance.limits.idle_s
        if limit_s is None:
            return
        while True:
            await trio.sleep(limit_s / IDLE_CHECKS_PER_LIMIT)
            self._acceptance.close_idle(trio.current_time())

"""How long single steps hold the event loop: ``loop_lag_max_ms``."""

from __future__ import annotations

import structlog
import trio

REPORT_MS = 20.0

log = structlog.get_logger()


class LoopLag(trio.abc.Instrument):
    """Times every step of every task. A step holds up everyone else for as long as it takes."""

    def __init__(self) -> None:
        self.max_ms = 0.0
        """Of all steps since the start, or since ``restart``."""
        self._began_s: float | None = None

    def restart(self) -> None:
        """Forget what was: a start imports modules, which holds up nobody that is served yet."""
        self.max_ms = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note when the step begins (trio)."""
        self._began_s = trio.current_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note how long it took (trio)."""
        if self._began_s is None:
            return  # this very step brought the instrument
        held_ms = (trio.current_time() - self._began_s) * 1000
        if held_ms > self.max_ms:
            self.max_ms = held_ms
            if held_ms > REPORT_MS:
                log.warning("loop_held", task=task.name, held_ms=round(held_ms, 1))

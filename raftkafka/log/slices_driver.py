"""Long work on the loop, cut so that clients are served in between."""

from __future__ import annotations

import trio

SLICE_S = 0.004


class Slices:
    """Call ``pause`` between the steps of a long loop."""

    __slots__ = ("_end_s",)

    def __init__(self) -> None:
        self._end_s = trio.current_time() + SLICE_S

    async def pause(self) -> None:
        """Let others run if this slice has been used up; else go on at once."""
        if trio.current_time() >= self._end_s:
            await trio.lowlevel.checkpoint()
            self._end_s = trio.current_time() + SLICE_S

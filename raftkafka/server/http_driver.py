"""The HTTP listener: ``/metrics``, ``/livez``, ``/readyz``. h11 parses, trio waits.

One task per connection, one request after the other, small bounds on everything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import h11
import structlog
import trio

from raftkafka.errors import FatalError

READ_BYTES = 4096
REQUEST_DEADLINE_S = 10.0
CONNECTIONS_MAX = 64
TEXT = "text/plain; charset=utf-8"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    body: bytes
    content_type: str = TEXT


Pages = Mapping[str, Callable[[], Awaitable[Page]]]
"""What answers a GET of a path."""


class HttpServer:
    """Serves a fixed set of pages."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._connections = trio.CapacityLimiter(CONNECTIONS_MAX)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one client until either side closes."""
        async with self._connections:
            connection = h11.Connection(h11.SERVER)
            try:
                while await self._serve_one(connection, stream):
                    connection.start_next_cycle()
            except (h11.RemoteProtocolError, trio.BrokenResourceError, trio.TooSlowError):
                pass  # no HTTP, gone, or too slow: nothing is owed
            finally:
                await trio.aclose_forcefully(stream)

    async def _serve_one(self, connection: h11.Connection, stream: trio.abc.Stream) -> bool:
        """Answer one request; return whether another may follow."""
        with trio.fail_after(REQUEST_DEADLINE_S):
            request = await _receive_request(connection, stream)
            if request is None:
                return False
            page = await self._page(request)
            headers = [
                ("Content-Type", page.content_type),
                ("Content-Length", str(len(page.body))),
            ]
            answer = connection.send(h11.Response(status_code=page.status, headers=headers))
            if request.method != b"HEAD":
                answer += connection.send(h11.Data(data=page.body))
            answer += connection.send(h11.EndOfMessage()) or b""
            await stream.send_all(answer)
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    async def _page(self, request: h11.Request) -> Page:
        if request.method not in (b"GET", b"HEAD"):
            return Page(405, b"only GET and HEAD\n")
        path = request.target.partition(b"?")[0].decode("ascii", "replace")
        page = self._pages.get(path)
        if page is None:
            listed = "\n".join(self._pages)
            return Page(404, f"no such page; there are:\n{listed}\n".encode())
        try:
            return await page()
        except (AssertionError, FatalError):
            raise
        except Exception:
            log.exception("page_broke", path=path)
            return Page(500, b"this page is broken, see the log\n")


async def _receive_request(
    connection: h11.Connection, stream: trio.abc.Stream
) -> h11.Request | None:
    """Return the next request, its body read and dropped; None at the end of the connection."""
    request: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(READ_BYTES)))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed):
            return None

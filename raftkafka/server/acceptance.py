"""Which connections are let in, how many there are, and which have been idle too long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
import trio

from raftkafka.server.connection import BufferPool, Connection, ConnectionLimits, Transport

MAPPED_IPV4 = "::ffff:"
"""How a socket for both families writes the address of an IPv4 peer."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AcceptanceLimits:
    """``max.connections`` and its kin."""

    connections: int
    connections_per_ip: int
    idle_s: float | None
    request_bytes: int
    """Of all large requests that are received at a time."""


class Acceptance:
    """All connections of this broker, over every listener and driver."""

    def __init__(
        self,
        limits: AcceptanceLimits,
        connection_limits: ConnectionLimits,
        outbox: list[Connection],
    ) -> None:
        self.limits = limits
        self.limits_by_address: Mapping[str, int] = {}
        """What holds for some addresses in place of the limit for each."""
        self.connections: dict[Connection, None] = {}
        self._connection_limits = connection_limits
        self._outbox = outbox
        self._pool = BufferPool(limits.request_bytes)
        self._per_ip: Counter[str] = Counter()
        self._gone = trio.Event()
        self._has_told = False
        """Whether the log has a line about refusals since the last one that was let in."""

    def admit(self, transport: Transport, listener_name: str, peer: str) -> Connection | None:
        """Return a connection for a peer's address, or None if one limit is reached."""
        peer = peer.removeprefix(MAPPED_IPV4)
        limit = self.limits_by_address.get(peer, self.limits.connections_per_ip)
        if self._per_ip[peer] >= limit or len(self.connections) >= self.limits.connections:
            self.note_refusal(peer, "too many connections")
            return None
        self._has_told = False
        connection = Connection(
            transport,
            self._pool,
            self._outbox,
            self._connection_limits,
            listener_name=listener_name,
            peer=peer,
        )
        connection.last_active_s = trio.current_time()
        self.connections[connection] = None
        self._per_ip[peer] += 1
        return connection

    def note_refusal(self, peer: str, reason: str) -> None:
        """Log the first of the connections that are not let in; a flood fills no disk."""
        if not self._has_told:
            self._has_told = True
            log.warning("connection_refused", peer=peer, reason=reason)

    def forget(self, connection: Connection) -> None:
        """The connection's socket is closed."""
        if self.connections.pop(connection, self) is None:
            self._per_ip[connection.peer] -= 1
            if not self._per_ip[connection.peer]:
                del self._per_ip[connection.peer]
        if not self.connections:
            self._gone.set()

    def finish(self) -> None:
        """Let every connection end once its requests in flight are answered."""
        for connection in tuple(self.connections):
            connection.finish()

    async def all_gone(self) -> None:
        """Return when there is no connection."""
        while self.connections:
            self._gone = trio.Event()
            await self._gone.wait()

    def close_idle(self, now_s: float) -> None:
        """Close whose client did nothing, and waits for nothing, in ``connections.max.idle.ms``."""
        if self.limits.idle_s is None:
            return
        for connection in tuple(self.connections):
            if connection.took_output:
                connection.took_output = False
                connection.last_active_s = now_s
            if now_s - connection.last_active_s > self.limits.idle_s and not connection.slots:
                connection.abort()

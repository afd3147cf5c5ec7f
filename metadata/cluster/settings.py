"""What the cluster's channels take of a broker's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from raftkafka.config.voters import Voter
from raftkafka.types import address_text


class Address(NamedTuple):
    """Where to dial or listen; an empty host means every interface, port 0 any."""

    host: str
    port: int

    def __str__(self) -> str:
        return address_text(self.host, self.port)


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Who this node is, where the others are, and the bounds of channels."""

    node_id: int
    incarnation_id: bytes
    """16 bytes, drawn when this process started."""
    voters: Mapping[int, Voter] = field(default_factory=lambda: MappingProxyType({}))
    """By node id. Empty where only ``bootstrap_servers`` are known."""
    bootstrap_servers: tuple[Address, ...] = ()
    listen: Address | None = None
    """Where this node listens; nowhere if None."""
    secret: bytes = b""
    handshake_deadline_s: float = 2.0
    strangers_max: int = 64
    """Connections at a time that have not authenticated yet."""
    refusals_told_every_s: float = 10.0
    """Between lines about connections of one address that are not let in."""
    queue_bytes_max: int = 1 << 24
    """What may wait to be sent to one peer."""
    tick_s: float = 1.0
    """After so long without sending, a channel says that this node lives."""
    silent_ticks_max: int = 6
    """A channel that brought nothing for so many ticks is closed."""
    doubted_ticks_max: int = 2
    """The same, while another process claims to be that peer."""
    redial_min_s: float = 0.02
    redial_max_s: float = 0.16
    """Between dials to a node that is not there: short, so that a new one is found at once."""
    redial_refused_max_s: float = 2.0
    """Between dials to a node that does not let this one in."""

    @property
    def is_voter(self) -> bool:
        """Whether this node votes."""
        return self.node_id in self.voters

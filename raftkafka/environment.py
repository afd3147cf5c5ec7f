"""What a broker needs of the world, so that a simulation can be the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftkafka.disk import Disk
from raftkafka.server.listening import MakeServer
from raftkafka.types import Randomness

if TYPE_CHECKING:  # a lone node goes without
    from metadata.cluster.network import Network


@dataclass(frozen=True, slots=True)
class Environment:
    """Disk, network, wall clock, entropy, name of the host. The loop's clock is trio's."""

    disk: Disk
    make_server: MakeServer
    wall_ms: Callable[[], int]
    random: Randomness
    host_name: Callable[[], str]
    network: Network | None = None
    """Where nodes of a cluster reach each other; None for the system's."""

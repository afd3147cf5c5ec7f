"""A network of its own for each node and client, whose links can be cut one way, in any shape.

Every place is a namespace with one Ethernet port on a bridge, which stands in a namespace of its
own; nftables drops there what a cut link carries. Cut packets vanish, they are not refused.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import cast

from tests.chaos.namespaces import Namespace

Link = tuple[str, str]
"""(from, to): what the first place sends to the second."""

RULES = """
table bridge chaos {
    set cut { type ifname . ifname; }
    chain path {
        type filter hook forward priority 0; policy accept;
        iifname . oifname @cut counter drop
    }
}
"""
RTO_MAX = "/proc/sys/net/ipv4/tcp_rto_max_ms"


def node_place(node_id: int) -> str:
    """Return where a node lives."""
    return f"n{node_id}"


def client_place(number: int) -> str:
    """Return where a client lives."""
    return f"c{number}"


class Lab:
    """Places on one bridge, all connected until ``cut``. Leaving it ends the network.

    Args:
        nodes: how many nodes, from 1 on.
        clients: how many clients, from 1 on.
        rto_max_ms: the longest pause of TCP between two attempts, which bounds how late it
            notices that a link is whole again, on kernels that can (6.15). None leaves the
            system's own (two minutes).
    """

    def __init__(self, nodes: int, clients: int = 1, *, rto_max_ms: int | None = 1000) -> None:
        self.nodes = tuple(node_place(n) for n in range(1, nodes + 1))
        self.clients = tuple(client_place(n) for n in range(1, clients + 1))
        self.places = self.nodes + self.clients
        self._rto_max_ms = rto_max_ms
        self._namespaces: dict[str, Namespace] = {}
        self._ends = ExitStack()

    def __enter__(self) -> Lab:
        """Build it.

        Raises:
            CannotBuild: this machine lacks something; the message names it.
        """
        with ExitStack() as on_failure:
            on_failure.callback(self._ends.close)
            self._bridge = self._new_namespace()
            self._build_bridge()
            for place in self.places:
                self._build_place(place)
            on_failure.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()

    def address(self, place: str) -> str:
        """Return a place's IPv4 address."""
        return f"10.77.0.{1 + self.places.index(place)}"

    def enter(self, place: str) -> None:
        """Move the calling thread to a place for good."""
        self._namespaces[place].enter()

    @contextmanager
    def inside(self, place: str) -> Generator[None]:
        """Have the calling thread at a place for a while; processes it starts stay there."""
        with self._namespaces[place].inside():
            yield

    def cut(self, links: Iterable[Link]) -> None:
        """Let exactly these links lose everything from now on, the change being one step."""
        elements = ", ".join(f"{sender} . {receiver}" for sender, receiver in sorted(links))
        add = f"add element bridge chaos cut {{ {elements} }}\n" if elements else ""
        self._nft(f"flush set bridge chaos cut\n{add}")

    def heal(self) -> None:
        """Let every link carry everything."""
        self.cut(())

    def dropped(self) -> int:
        """Return how many frames were lost on cut links so far."""
        listing = self._bridge.run(
            "nftables counters", ["nft", "-j", "list", "chain", "bridge", "chaos", "path"]
        )
        return sum(_counted(json.loads(listing)))

    def _new_namespace(self) -> Namespace:
        namespace = Namespace()
        self._ends.callback(namespace.close)
        return namespace

    def _build_bridge(self) -> None:
        self._ip(self._bridge, "a bridge", ["link add br0 type bridge", "link set br0 up"])
        self._nft(RULES)

    def _build_place(self, place: str) -> None:
        namespace = self._namespaces[place] = self._new_namespace()
        self._ip(
            self._bridge,
            "pairs of Ethernet ports (veth)",
            [
                f"link add {place} type veth peer name eth0 netns {namespace.path}",
                f"link set {place} master br0 up",
            ],
        )
        self._ip(
            namespace,
            "an address",
            [
                "link set lo up",
                f"link set eth0 address {self._ethernet(place)} up",
                f"addr add {self.address(place)}/24 dev eth0",
                # Known for good: a cut is silence, never an address that nobody answers for.
                *(
                    f"neigh add {self.address(other)} lladdr {self._ethernet(other)} dev eth0"
                    for other in self.places
                    if other != place
                ),
            ],
        )
        if self._rto_max_ms is not None:
            self._bound_retransmissions(namespace, self._rto_max_ms)

    @staticmethod
    def _bound_retransmissions(namespace: Namespace, limit_ms: int) -> None:
        command = ["sh", "-c", f"[ ! -e {RTO_MAX} ] || echo {limit_ms} > {RTO_MAX}"]
        namespace.run("a bound on TCP's pauses", command)

    def _ethernet(self, place: str) -> str:
        return f"02:77:00:00:00:{1 + self.places.index(place):02x}"

    @staticmethod
    def _ip(namespace: Namespace, what: str, lines: list[str]) -> None:
        namespace.run(what, ["ip", "-batch", "-"], "\n".join(lines) + "\n")

    def _nft(self, text: str) -> None:
        self._bridge.run("nftables for bridges", ["nft", "-f", "-"], text)


def _counted(tree: object) -> Iterator[int]:
    """Yield the packets of every counter in what ``nft -j`` printed."""
    if isinstance(tree, dict):
        for key, value in cast("dict[str, object]", tree).items():
            if key == "counter":
                yield int(cast("dict[str, int]", value)["packets"])
            else:
                yield from _counted(value)
    elif isinstance(tree, list):
        for value in cast("list[object]", tree):
            yield from _counted(value)

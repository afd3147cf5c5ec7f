"""The lab itself, with plain sockets: what is cut is lost, what is not arrives, nothing remains."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.chaos import shapes
from tests.chaos.lab import RTO_MAX, Lab, Link
from tests.chaos.namespaces import CannotBuild
from tests.support.wire import until

pytestmark = pytest.mark.needs("network_namespaces")

PORT = 9
NODES = (1, 2, 3, 4, 5)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(nodes=5, clients=2) as lab:
        yield lab


class Datagrams:
    """A UDP socket at every place."""

    def __init__(self, lab: Lab, ends: ExitStack) -> None:
        self._lab = lab
        self._sockets: dict[str, socket.socket] = {}
        self._place_of = {lab.address(place): place for place in lab.places}
        for place in lab.places:
            with lab.inside(place):
                udp = ends.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind((lab.address(place), PORT))
            udp.setblocking(False)
            self._sockets[place] = udp

    def arriving(self, cut: shapes.Cut) -> set[Link]:
        """Send one over every link; return those over which one arrived."""
        links = {(a, b) for a in self._lab.places for b in self._lab.places if a != b}
        dropped = self._lab.dropped()
        for sender, receiver in sorted(links):
            self._sockets[sender].sendto(b"?", (self._lab.address(receiver), PORT))
        arrived: set[Link] = set()

        def all_accounted_for() -> bool:
            arrived.update(self._received())
            return len(arrived) >= len(links - cut) and self._lab.dropped() >= dropped + len(cut)

        until(all_accounted_for, "each datagram arrived or was dropped", deadline_s=5)
        return arrived

    def _received(self) -> Iterator[Link]:
        for receiver, udp in self._sockets.items():
            try:
                while True:
                    _, (address, _) = udp.recvfrom(1)
                    yield self._place_of[address], receiver
            except BlockingIOError:
                continue


def test_exactly_the_cut_links_lose_what_they_carry(lab: Lab) -> None:
    random = Random(4)
    with ExitStack() as ends:
        datagrams = Datagrams(lab, ends)
        links = datagrams.arriving(shapes.WHOLE)
        assert len(links) == 7 * 6
        cuts = [
            shapes.isolated(2, NODES),
            shapes.deaf(3, NODES),
            shapes.mute(3, NODES),
            shapes.halves(NODES, random),
            shapes.bridged(NODES, random),
            shapes.ring(NODES, random),
            shapes.random_one_way(NODES, random),
            shapes.without_broker([1], 4),
            *shapes.swizzle(NODES, random),
        ]
        for cut in cuts:
            lab.cut(cut)
            assert datagrams.arriving(cut) == links - cut, (
                "no more, no less: from one shape at once"
            )
        lab.heal()
        assert datagrams.arriving(shapes.WHOLE) == links


def test_a_connection_outlives_a_cut(lab: Lab) -> None:
    with ExitStack() as ends:
        with lab.inside("n1"):
            listener = ends.enter_context(socket.create_server((lab.address("n1"), PORT)))
        with lab.inside("c1"):
            client = ends.enter_context(socket.create_connection((lab.address("n1"), PORT), 5))
        server = ends.enter_context(listener.accept()[0])
        server.settimeout(5)
        lab.cut(shapes.without_broker([1], 1))
        client.sendall(b"late")
        server.setblocking(False)
        until(lambda: lab.dropped() >= 3, "the first attempts are lost")
        with pytest.raises(BlockingIOError):
            server.recv(4)
        server.settimeout(5)
        lab.heal()
        assert server.recv(4) == b"late"


@pytest.mark.parametrize("limit_ms", [1000, None])
def test_pauses_of_tcp_are_bounded_inside_where_this_kernel_can(limit_ms: int | None) -> None:
    if not Path(RTO_MAX).exists():
        return  # nothing to bound: Lab says so
    outside = Path(RTO_MAX).read_text()
    with Lab(nodes=1, rto_max_ms=limit_ms) as lab, lab.inside("n1"):
        assert int(Path(RTO_MAX).read_text()) == (limit_ms or int(outside))
    assert Path(RTO_MAX).read_text() == outside


def test_processes_started_inside_stay_there(lab: Lab) -> None:
    with lab.inside("n3"):
        told = subprocess.run(
            ["ip", "-o", "-4", "addr"], capture_output=True, text=True, check=True
        ).stdout
    assert lab.address("n3") in told
    assert lab.address("n2") not in told


def test_nothing_is_left_of_it() -> None:
    before = (own_interfaces(), open_descriptors())
    with pytest.raises(ZeroDivisionError), Lab(nodes=3) as lab:  # noqa: PT012 - it is about leaving
        lab.cut(shapes.isolated(1, [1, 2, 3]))
        _ = 1 // 0
    assert (own_interfaces(), open_descriptors()) == before


def test_what_this_machine_lacks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = open_descriptors()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotBuild, match="the program ip is missing"), Lab(nodes=1):
        pytest.fail("built without ip")
    (tmp_path / "ip").symlink_to(programs()["ip"])
    with pytest.raises(CannotBuild, match="nftables for bridges: the program nft is missing"):
        Lab(nodes=1).__enter__()
    assert open_descriptors() == before


def programs() -> dict[str, str]:
    """Return where the programs of the lab are, whatever PATH says."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")
    return {name: shutil.which(name, path=path) or name for name in ("ip", "nft")}


def own_interfaces() -> set[str]:
    return set(os.listdir("/proc/self/net/dev_snmp6")) | {name for _, name in socket.if_nameindex()}


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))

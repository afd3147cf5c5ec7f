"""When the controller fences brokers: at once if the process is gone, else after a grace period."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
from trio.testing import MockClock

from metadata.cluster.identity import PeerIdentity
from metadata.controller.brokers import BrokerRegistration
from metadata.controller.heartbeats import GRACE_S
from metadata.controller_driver import Controller
from metadata.failure_detector_driver import FailureDetector
from metadata.records import BrokerEndpoint
from raftkafka.config import BrokerConfig
from tests.support.metadata import broker_record
from tests.support.quorums import HandQuorum

ME, OTHER = 1, 2
SESSION_S = 9.0
SOON_S = 0.01


class Watched:
    """A controller, and one broker that it watches."""

    def __init__(self) -> None:
        self.gone = False
        self.probes = 0
        self.controller = Controller(ME, BrokerConfig.of({}), Random(7))
        self.quorum = HandQuorum(self.controller, prompt=True)
        self.detector = FailureDetector(self.controller, self._is_gone)
        self.peer = PeerIdentity(
            OTHER, broker_record(OTHER).incarnation_id, bytes(16), is_voter=True, voters_hash=b""
        )

    async def _is_gone(self, host: str, port: int) -> bool:
        assert (host, port) == ("host2", 9093)
        self.probes += 1
        await trio.sleep(SOON_S / 2)
        return self.gone

    @property
    def is_fenced(self) -> bool:
        return self.controller.image.brokers[OTHER].fenced

    def beat(self) -> None:
        """Let the controller hear of the broker."""
        broker = self.controller.image.brokers[OTHER]
        now = trio.current_time()
        self.controller.heartbeats.heard(OTHER, broker.broker_epoch, 0, now)


@asynccontextmanager
async def watching() -> AsyncGenerator[Watched, None]:
    """Watch a broker that is connected and not fenced."""
    it = Watched()
    async with trio.open_nursery() as nursery:
        await nursery.start(it.controller.run, it.quorum)
        nursery.start_soon(it.detector.run)
        it.quorum.lead(1)
        it.detector.connected(it.peer)
        record = broker_record(OTHER)
        registration = BrokerRegistration(
            OTHER,
            record.incarnation_id,
            record.endpoints,
            record.directories,
            ready=True,
            cluster_endpoint=BrokerEndpoint("CONTROLLER", "host2", 9093, "PLAINTEXT"),
        )
        await it.controller.register_broker(registration, deadline_s=5)
        assert not it.is_fenced
        yield it
        nursery.cancel_scope.cancel()


async def test_a_process_that_is_gone_is_fenced_at_once(autojump_clock: MockClock) -> None:
    async with watching() as it:
        it.gone = True
        it.detector.disconnected(it.peer)
        await trio.sleep(SOON_S)
        assert it.is_fenced


async def test_a_lost_channel_fences_after_the_grace_period(autojump_clock: MockClock) -> None:
    async with watching() as it:
        it.detector.disconnected(it.peer)
        await trio.sleep(GRACE_S - SOON_S)
        assert not it.is_fenced
        assert it.probes == 1
        await trio.sleep(2 * SOON_S)
        assert it.is_fenced


async def test_a_channel_that_comes_back_in_time_changes_nothing(autojump_clock: MockClock) -> None:
    async with watching() as it:
        it.detector.disconnected(it.peer)
        await trio.sleep(GRACE_S / 2)
        it.detector.connected(it.peer)
        await trio.sleep(GRACE_S)
        assert not it.is_fenced


async def test_silence_on_an_open_channel_ends_the_session(autojump_clock: MockClock) -> None:
    async with watching() as it:
        for _ in range(3):
            await trio.sleep(SESSION_S - 1)
            it.beat()
        assert not it.is_fenced
        await trio.sleep(SESSION_S + SOON_S)
        assert it.is_fenced


async def test_a_new_controller_looks_for_those_that_do_not_connect(
    autojump_clock: MockClock,
) -> None:
    async with watching() as it:
        it.quorum.lose()
        it.detector.disconnected(it.peer)
        await trio.sleep(10 * GRACE_S)
        assert not it.is_fenced, "who does not lead fences nobody"
        it.gone = True
        it.quorum.lead(2)
        await trio.sleep(SOON_S)
        assert it.is_fenced


@pytest.mark.parametrize("lateness_s", [5.0, 30.0])
async def test_a_controller_that_stood_still_blames_nobody(
    lateness_s: float, autojump_clock: MockClock
) -> None:
    async with watching() as it:
        await trio.sleep(SESSION_S - 1)
        autojump_clock.jump(lateness_s)
        await trio.lowlevel.checkpoint()
        it.beat()
        await trio.sleep(SOON_S)
        assert not it.is_fenced

"""Who is heard of, and who is to be fenced: the active controller's view of the brokers' processes.

A session belongs to one broker process, named by its incarnation. It ends when the process is
gone for certain (nobody listens where it did), when its channel is lost and it is not heard of
within the grace period, or when it is silent for the session time-out although its channel is
open. Ended sessions are fenced; until then they block another process of the same id (rule 17).

The state is not replicated: who takes office starts from the published image and the channels
that are open here. Times are seconds of a monotonic clock, always passed in.

Source: Kafka's ``BrokerHeartbeatManager``; the channel and its probe have no counterpart there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from metadata.image import EMPTY, BrokerImage, MetadataImage

GRACE_S = 1.0
"""How long after its channel was lost a broker may take to be heard of again."""

UNHEARD = -1
"""The metadata offset of a broker that did not tell this controller."""


class BrokerProcess(NamedTuple):
    """A registered process of a broker."""

    broker_id: int
    broker_epoch: int


@dataclass(slots=True)
class _Session:
    """What is known of one registered process."""

    broker_epoch: int
    incarnation_id: bytes
    heard_s: float
    lost_s: float | None = None
    """When its channel was lost; None while that is open, or it was heard of since."""
    gone: bool = False
    ended: bool = False
    metadata_offset: int = UNHEARD
    handed_over: int | None = None
    """The offset at which it led nothing more, in controlled shutdown."""


class Heartbeats:
    """The sessions of all registered brokers, while this node is the active controller.

    Channels are noted at all times, so that a new controller knows which are open.

    Args:
        node_id: this node. Its own broker lives as long as it does, and is never fenced here.
        session_timeout_s: ``broker.session.timeout.ms``.
        grace_s: see ``GRACE_S``.
    """

    def __init__(
        self, node_id: int = -1, session_timeout_s: float = 9.0, grace_s: float = GRACE_S
    ) -> None:
        self._node_id = node_id
        self._session_timeout_s = session_timeout_s
        self._grace_s = grace_s
        self._image: MetadataImage = EMPTY
        self._channels: set[tuple[int, bytes]] = set()
        self._sessions: dict[int, _Session] = {}
        self._to_probe: dict[int, int] = {}
        self._in_office = False

    # Terms of office.

    def take_office(self, image: MetadataImage, now_s: float) -> None:
        """Begin with what is published; who has no channel to this node is looked for at once."""
        self._in_office = True
        self._sessions.clear()
        self._to_probe.clear()
        self._image = image
        for broker in image.brokers.values():
            self._begin(broker, now_s)

    def leave_office(self) -> None:
        """Forget the sessions; another controller watches from now on."""
        self._in_office = False
        self._sessions.clear()
        self._to_probe.clear()

    def published(self, image: MetadataImage, now_s: float) -> None:
        """Take the newest published image: brokers registered or changed state."""
        brokers, self._image = self._image.brokers, image
        if not self._in_office or brokers is image.brokers:
            return
        for broker in image.brokers.values():
            session = self._sessions.get(broker.broker_id)
            if session is None or session.broker_epoch != broker.broker_epoch:
                self._begin(broker, now_s)

    def _begin(self, broker: BrokerImage, now_s: float) -> None:
        session = _Session(broker.broker_epoch, broker.incarnation_id, now_s)
        self._sessions[broker.broker_id] = session
        self._to_probe.pop(broker.broker_id, None)
        if broker.broker_id == self._node_id:
            return
        if (broker.broker_id, broker.incarnation_id) not in self._channels:
            self._lose(broker.broker_id, session, now_s)

    # What is heard.

    def connected(self, broker_id: int, incarnation_id: bytes, now_s: float) -> None:
        """A channel to a process is open; that is a sign of life."""
        self._channels.add((broker_id, incarnation_id))
        session = self._sessions.get(broker_id)
        if session is not None and session.incarnation_id == incarnation_id:
            self._revive(broker_id, session, now_s)

    def disconnected(self, broker_id: int, incarnation_id: bytes, now_s: float) -> None:
        """The channel to a process is closed; see ``take_probes``."""
        self._channels.discard((broker_id, incarnation_id))
        session = self._sessions.get(broker_id)
        if session is not None and session.incarnation_id == incarnation_id:
            self._lose(broker_id, session, now_s)

    def heard(self, broker_id: int, broker_epoch: int, metadata_offset: int, now_s: float) -> None:
        """A heartbeat came; one of a former process is of no account.

        Args:
            broker_id: who sent it.
            broker_epoch: of which process.
            metadata_offset: up to where it has applied the metadata.
            now_s: when.
        """
        session = self._session(broker_id, broker_epoch)
        if session is not None:
            self._revive(broker_id, session, now_s)
            session.metadata_offset = max(session.metadata_offset, metadata_offset)

    def probed(self, process: BrokerProcess, *, gone: bool) -> None:
        """A probe ended: ``gone`` means that nobody listens where the process did.

        An answer that comes after the process was heard of again is of no account.
        """
        session = self._session(*process)
        if session is not None and session.lost_s is not None:
            session.gone = gone

    def excuse(self, late_s: float) -> None:
        """Move all deadlines: nobody was heard of because this node did not listen."""
        for session in self._sessions.values():
            session.heard_s += late_s
            if session.lost_s is not None:
                session.lost_s += late_s

    # What follows.

    def take_probes(self) -> list[BrokerProcess]:
        """Return, once, the processes whose channel was lost: dial each, and tell ``probed``."""
        probes = [BrokerProcess(*item) for item in self._to_probe.items()]
        self._to_probe.clear()
        return probes

    def overdue(self, now_s: float) -> list[BrokerProcess]:
        """End the sessions whose time is up; return those to be fenced.

        A process is listed again on each call until the published image shows it fenced.
        """
        listed: list[BrokerProcess] = []
        for broker_id, session in self._sessions.items():
            if now_s >= self._deadline_s(broker_id, session):
                session.ended = True
            broker = self._image.brokers.get(broker_id)
            if session.ended and broker is not None and not broker.fenced:
                listed.append(BrokerProcess(broker_id, session.broker_epoch))
        return listed

    def next_deadline_s(self) -> float:
        """Return when ``overdue`` has to be asked next; infinity if nothing can come due."""
        return min(
            (
                self._deadline_s(broker_id, session)
                for broker_id, session in self._sessions.items()
                if not session.ended
            ),
            default=inf,
        )

    def blocks(self, broker_id: int, incarnation_id: bytes) -> bool:
        """Whether another process of that id has a session that lives (rule 17)."""
        session = self._sessions.get(broker_id)
        return (
            session is not None
            and broker_id != self._node_id
            and session.incarnation_id != incarnation_id
            and not session.ended
            and not session.gone
        )

    def may_stop(self, broker_id: int) -> bool:
        """Whether a broker in controlled shutdown may exit (rule 19).

        It leads nothing, by what is committed, and every active broker knows that.
        """
        session = self._sessions.get(broker_id)
        if session is None or _leads_any(self._image, broker_id):
            return False
        if session.handed_over is None:
            session.handed_over = self._image.offset
        return all(
            self._metadata_offset(other) >= session.handed_over
            for other, broker in self._image.brokers.items()
            if broker.is_active and other != broker_id
        )

    def _metadata_offset(self, broker_id: int) -> int:
        if broker_id == self._node_id:
            return self._image.offset
        session = self._sessions.get(broker_id)
        return UNHEARD if session is None else session.metadata_offset

    def _session(self, broker_id: int, broker_epoch: int) -> _Session | None:
        session = self._sessions.get(broker_id)
        return session if session is not None and session.broker_epoch == broker_epoch else None

    def _lose(self, broker_id: int, session: _Session, now_s: float) -> None:
        session.lost_s = now_s
        broker = self._image.brokers.get(broker_id)
        if broker is None or broker.fenced:
            session.ended = True  # it takes part in nothing: there is nothing to wait for
        elif not session.ended:
            self._to_probe[broker_id] = session.broker_epoch

    def _revive(self, broker_id: int, session: _Session, now_s: float) -> None:
        session.heard_s = now_s
        session.lost_s = None
        session.gone = session.ended = False
        self._to_probe.pop(broker_id, None)

    def _deadline_s(self, broker_id: int, session: _Session) -> float:
        if broker_id == self._node_id:
            return inf
        if session.gone:
            return -inf
        silent_s = session.heard_s + self._session_timeout_s
        return silent_s if session.lost_s is None else min(silent_s, session.lost_s + self._grace_s)


def _leads_any(image: MetadataImage, broker_id: int) -> bool:
    return any(
        partition.leader == broker_id
        for topic in image.topics.values()
        for partition in topic.partitions.values()
    )

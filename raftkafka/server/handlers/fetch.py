"""Fetch: ranges of segments, sent without being read; parked until there is enough.

Source: Kafka 4.0 ``KafkaApis.handleFetchRequest``, ``ReplicaManager.fetchMessages``,
``DelayedFetch``, ``FetchManager.newContext``; KIP-74 (at least one batch), KIP-320 and KIP-595
(diverging epoch).
"""

from __future__ import annotations

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import RequestHeader
from raftkafka.protocol.messages.fetch import FetchRequest, FetchResponse
from raftkafka.server.answers import answer_frame
from raftkafka.server.connection import Connection
from raftkafka.server.expiry import Expiry
from raftkafka.server.parked_fetch import ParkedFetch, Wanted
from raftkafka.server.read_ahead import ReadAhead
from raftkafka.server.turn_clock import TurnClock
from replication.leader import PartitionLeader
from replication.replica_manager import ReplicaManager

TOPIC_IDS_SINCE_VERSION = 13
NO_REPLICA = -1
WHOLE_FETCH_EPOCHS = (0, -1)
"""With these a client asks for all partitions again, in a new session or in none."""


class FetchHandler:
    """Answers Fetch for every connection."""

    def __init__(
        self,
        replicas: ReplicaManager,
        expiry: Expiry,
        clock: TurnClock,
        read_ahead: ReadAhead,
        *,
        max_bytes: int,
    ) -> None:
        self._replicas = replicas
        self._expiry = expiry
        self._clock = clock
        self._read_ahead = read_ahead
        self._max_bytes = max_bytes
        self._advanced: dict[ParkedFetch, None] = {}

    def handle(self, connection: Connection, header: RequestHeader, frame: memoryview) -> None:
        """Answer with what there is if that is enough, or park.

        Raises:
            Malformed: the body cannot be read.
        """
        request, _ = decode(FetchRequest, header.api_version, frame, header.body_position)
        if request.session_epoch not in WHOLE_FETCH_EPOCHS:
            # it goes on with a session: none is kept, so none exists
            refusal = FetchResponse(error_code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
            connection.answer(answer_frame(connection, header, refusal))
            return
        wanted = self._locate(header, request)
        fetch = ParkedFetch(connection, header, request, wanted, self._advanced)
        fetch.on_expiry = self._answer_with_what_there_is
        cold = fetch.cold_ranges(self._max_bytes)
        if cold:
            fetch.hold_place()
            self._read_ahead.then(cold, connection, lambda: self._read(fetch))
        else:
            self._read(fetch)

    def _read(self, fetch: ParkedFetch) -> None:
        if fetch.done:
            return  # while it was read ahead for, the client left or the broker stops
        response, enough = fetch.read(self._max_bytes)
        if enough or fetch.max_wait_ms <= 0:
            self._answer(fetch, response)
            return
        fetch.park()
        self._expiry.add(self._clock.now_s + fetch.max_wait_ms / 1000, fetch)

    def complete(self) -> None:
        """Answer the parked fetches for which this turn's writes brought enough."""
        while self._advanced:
            advanced = tuple(self._advanced)
            self._advanced.clear()
            for fetch in advanced:
                if not fetch.done:
                    response, enough = fetch.read(self._max_bytes)
                    if enough:
                        self._answer(fetch, response)

    def _answer_with_what_there_is(self, fetch: ParkedFetch) -> None:
        self._answer(fetch, fetch.read(self._max_bytes)[0])

    def _locate(self, header: RequestHeader, request: FetchRequest) -> list[list[Wanted]]:
        by_id = header.api_version >= TOPIC_IDS_SINCE_VERSION
        refused = is_follower(request)  # only the cluster listener knows who is a follower
        located: list[list[Wanted]] = []
        for topic in request.topics:
            wanted: list[Wanted] = []
            located.append(wanted)
            for asked in topic.partitions:
                leader: PartitionLeader | None = None
                error = ErrorCode.NONE
                try:
                    if refused:
                        raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
                    name = self._replicas.topic_name(topic.topic_id) if by_id else topic.topic
                    leader = self._replicas.leader(name, asked.partition)
                except KafkaError as refusal:
                    error = refusal.code
                wanted.append(Wanted(asked, leader, error))
        return located

    def _answer(self, fetch: ParkedFetch, response: FetchResponse) -> None:
        """Send the response, once a worker thread has read ahead what is not in memory."""
        fetch.unpark()
        ranges = fetch.ranges(response)
        buffers = answer_frame(fetch.connection, fetch.header, response)
        if self._read_ahead.is_warm(ranges):
            fetch.send(buffers)
        else:
            fetch.hold_place()
            self._read_ahead.then(ranges, fetch.connection, lambda: fetch.send(buffers))


def is_follower(request: FetchRequest) -> bool:
    """Whether the sender says that it is a broker; from version 15 on it says so in a tag."""
    state = request.replica_state
    return max(request.replica_id, state.replica_id if state is not None else NO_REPLICA) >= 0

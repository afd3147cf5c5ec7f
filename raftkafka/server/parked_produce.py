"""A Produce that was appended and waits for its replicas, or for the disk."""

from __future__ import annotations

from collections.abc import Callable

from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.produce import PartitionProduceResponse, ProduceResponse
from raftkafka.server.connection import Connection, Output, Slot
from replication.leader import PartitionLeader

Encode = Callable[[ProduceResponse], list[Output]]


class ParkedProduce(Slot):
    """Holds the response until every partition in it is acknowledged, failed or timed out."""

    __slots__ = ("_connection", "_encode", "_response", "_unacknowledged")

    def __init__(self, connection: Connection, response: ProduceResponse, encode: Encode) -> None:
        super().__init__()
        self._connection = connection
        self._response = response
        self._encode = encode
        self._unacknowledged: set[PartitionAck] = set()

    @property
    def done(self) -> bool:
        """Whether it is answered."""
        return not self._unacknowledged

    def wait_for(
        self, leader: PartitionLeader, part: PartitionProduceResponse, acks: int, end_offset: int
    ) -> None:
        """Wait until all below ``end_offset`` of this partition is acknowledged."""
        ack = PartitionAck(self, leader, part)
        self._unacknowledged.add(ack)
        leader.wait_for_ack(ack, acks, end_offset)

    def settle(self, ack: PartitionAck) -> None:
        """One partition has its outcome; the last one sends the answer."""
        self._unacknowledged.discard(ack)
        if not self._unacknowledged and self.buffers is None:
            self._connection.fill(self, self._encode(self._response))

    def expire(self) -> None:
        """``timeout_ms`` is over: what is not acknowledged by now is unknown to the client."""
        for ack in tuple(self._unacknowledged):
            ack.leader.withdraw(ack)
            ack.fail(ErrorCode.REQUEST_TIMED_OUT)

    def cancel(self) -> None:
        """The connection is gone; the records stay."""
        self.buffers = []
        for ack in self._unacknowledged:
            ack.leader.withdraw(ack)
        self._unacknowledged.clear()


class PartitionAck:
    """The wait for one partition of a Produce."""

    __slots__ = ("_parked", "_part", "leader")

    def __init__(
        self, parked: ParkedProduce, leader: PartitionLeader, part: PartitionProduceResponse
    ) -> None:
        self.leader = leader
        self._parked = parked
        self._part = part

    def acknowledged(self, leader: PartitionLeader, error: ErrorCode) -> None:
        """Take the outcome from the leader."""
        if error:
            self.fail(error)
        else:
            self._parked.settle(self)

    def fail(self, error: ErrorCode) -> None:
        """Answer this partition with an error."""
        self._part.error_code = error
        self._part.base_offset = -1
        self._part.log_append_time_ms = -1
        self._part.log_start_offset = -1
        self._parked.settle(self)

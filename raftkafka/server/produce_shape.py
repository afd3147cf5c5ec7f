"""What a connection's Produce requests have in common, so that the next one skips the parse.

A producer sends the same client id, acks and topic again and again, for a few partitions. If
those bytes are known, only the batch's length, the batch and the correlation id differ; and in
the answer only the correlation id and the base offset.
"""

from __future__ import annotations

from functools import partial
from struct import Struct

from raftkafka.log.segment import LogSlice
from raftkafka.protocol.frames import RequestHeader
from raftkafka.protocol.messages.produce import ProduceRequest, ProduceResponse
from raftkafka.server.answers import response_frame
from replication.leader import ACKS_ALL, PartitionLeader

FLEXIBLE_SINCE_VERSION = 9
FLEXIBLE_TAIL = b"\0\0\0"
"""Empty tags of the partition, the topic and the request."""
PROBE_OFFSET = 0x5EED_0FF5_E7_00_00_01
SHAPES_MAX = 256
ATTRIBUTES_LOW = 22
"""The byte of a batch header with the codec's bits, and those of transactions."""
PREFIX_BEGIN = 8
"""After API key, version and correlation id."""

_int32 = Struct(">i")
_int64 = Struct(">q")


class ProduceShapes:
    """The shapes that one connection uses: one for each partition of a topic."""

    __slots__ = ("_by_prefix", "_head")

    def __init__(self) -> None:
        self._by_prefix: dict[bytes, ProduceShape] = {}
        self._head = head_of(PREFIX_BEGIN)

    def find(self, frame: memoryview) -> tuple[ProduceShape, int] | None:
        """Return the shape that a request's first bytes have, and its correlation id, or None."""
        head = self._head
        if len(frame) < head.size:
            return None
        key_and_version, correlation_id, prefix = head.unpack_from(frame)
        shape = self._by_prefix.get(prefix)
        if shape is None or shape.key_and_version != key_and_version:
            return None
        return shape, correlation_id

    def add(self, shape: ProduceShape) -> None:
        """Remember a shape; another client id or topic takes the place of what was known."""
        if shape.length_position != self._head.size or len(self._by_prefix) >= SHAPES_MAX:
            self._by_prefix.clear()
            self._head = head_of(shape.length_position)
        self._by_prefix[shape.prefix] = shape


def head_of(length_position: int) -> Struct:
    """Return what reads API key and version as one, the correlation id, and the bytes up to there.

    One call into C: each look at a memoryview in Python costs as much.
    """
    return Struct(f">ii{length_position - PREFIX_BEGIN}s")


class ProduceShape:
    """The unchanging bytes of a Produce with one partition, and of its answer."""

    __slots__ = (
        "_answer_begin",
        "_answer_end",
        "_attributes",
        "_config",
        "_log_start_offset",
        "_pack_answer",
        "_tail",
        "acks",
        "key_and_version",
        "leader",
        "length_position",
        "prefix",
    )

    def __init__(
        self,
        *,
        frame: memoryview,
        length_position: int,
        flexible: bool,
        attributes: int,
        answer: bytes,
        acks: int,
        leader: PartitionLeader,
    ) -> None:
        self.key_and_version, _, self.prefix = head_of(length_position).unpack_from(frame)
        self.length_position = length_position
        self._tail = FLEXIBLE_TAIL if flexible else b""
        offset_position = answer.index(_int64.pack(PROBE_OFFSET))
        size_word, self._answer_begin = answer[:4], answer[8:offset_position]
        self._answer_end = answer[offset_position + _int64.size :]
        pattern = f">4si{len(self._answer_begin)}sq{len(self._answer_end)}s"
        self._pack_answer = partial(Struct(pattern).pack, size_word)
        self._attributes = attributes
        self._config = leader.log.config
        self._log_start_offset = leader.log.log_start_offset
        self.acks = acks
        self.leader = leader

    def records_of(self, frame: memoryview) -> memoryview | None:
        """Return the batches of a frame of this shape, or None if it is not as simple any more."""
        leader = self.leader
        log = leader.log
        if (
            leader.ended is not None
            or log.log_start_offset != self._log_start_offset
            or log.config is not self._config  # so flushes are as little waited for as before
            or (self.acks == ACKS_ALL and len(leader.isr) != 1)
            or log.pace.is_slow
        ):
            return None
        position = self.length_position
        if self._tail:
            length, position = short_uvarint(frame, position)
            length -= 1
        else:
            if len(frame) < position + _int32.size:
                return None
            (length,) = _int32.unpack_from(frame, position)
            position += 4
        end = position + length
        if length <= ATTRIBUTES_LOW or end + len(self._tail) != len(frame):
            return None
        if frame[position + ATTRIBUTES_LOW] != self._attributes:
            return None  # another compression, say: the long way knows whether it may be
        if self._tail and bytes(frame[end:]) != self._tail:
            return None
        return frame[position:end]

    def answer(self, correlation_id: int, base_offset: int) -> bytes:
        """Return the whole answer frame."""
        return self._pack_answer(correlation_id, self._answer_begin, base_offset, self._answer_end)


def learn_shape(
    header: RequestHeader,
    frame: memoryview,
    request: ProduceRequest,
    response: ProduceResponse,
    leader: PartitionLeader,
) -> ProduceShape | None:
    """Return the shape of a request that was answered at once, or None if it is not a simple one.

    ``response`` is taken over as the pattern of later answers.
    """
    if len(request.topic_data) != 1 or len(request.topic_data[0].partition_data) != 1:
        return None
    part = response.responses[0].partition_responses[0]
    if part.error_code or part.log_append_time_ms != -1:
        return None
    records = request.topic_data[0].partition_data[0].records
    flexible = header.api_version >= FLEXIBLE_SINCE_VERSION
    tail = FLEXIBLE_TAIL if flexible else b""
    assert records is not None
    begin = len(frame) - len(tail) - len(records)
    if bytes(frame[len(frame) - len(tail) :]) != tail:
        return None
    attributes = records[ATTRIBUTES_LOW]
    length_bytes = uvarint_bytes(len(records) + 1) if flexible else 4
    part.base_offset = PROBE_OFFSET
    return ProduceShape(
        frame=frame,
        length_position=begin - length_bytes,
        flexible=flexible,
        attributes=attributes,
        answer=b"".join(b for b in response_frame(header, response) if not isinstance(b, LogSlice)),
        acks=request.acks,
        leader=leader,
    )


def short_uvarint(frame: memoryview, position: int) -> tuple[int, int]:
    """Read an unsigned varint of at most five bytes; (0, position) if it is longer or cut off."""
    value = shift = 0
    for index in range(position, min(position + 5, len(frame))):
        byte = frame[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, index + 1
        shift += 7
    return 0, position


def uvarint_bytes(value: int) -> int:
    """Return how many bytes the unsigned varint of ``value`` takes."""
    return max(1, (value.bit_length() + 6) // 7)

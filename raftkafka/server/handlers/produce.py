"""Produce: batches go to their leaders' logs; the answer waits for as much as ``acks`` asks.

Source: Kafka 4.0 ``KafkaApis.handleProduceRequest``, ``ReplicaManager.appendRecords``.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from metadata.image import INTERNAL_TOPICS
from raftkafka.compression import Codec
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.append import InvalidRecords
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import RequestHeader
from raftkafka.protocol.messages.produce import (
    BatchIndexAndErrorMessage,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from raftkafka.records import CODEC_MASK, TRANSACTIONAL
from raftkafka.server.answers import answer_frame
from raftkafka.server.connection import Connection
from raftkafka.server.expiry import Expiry
from raftkafka.server.parked_produce import ParkedProduce
from raftkafka.server.produce_shape import ATTRIBUTES_LOW, ProduceShapes, learn_shape
from raftkafka.server.turn_clock import TurnClock
from raftkafka.server.write_queue import WriteQueue
from replication.leader import PartitionLeader

ZSTD_SINCE_VERSION = 7
VALID_ACKS = (-1, 0, 1)


class Leaders(Protocol):
    """Who leads what (``ReplicaManager``)."""

    def leader(self, topic: str, partition: int) -> PartitionLeader:
        """Return the leader of a partition.

        Raises:
            KafkaError: it is not here.
        """
        ...


class ProduceHandler:
    """Answers Produce for every connection."""

    def __init__(
        self, replicas: Leaders, writes: WriteQueue, expiry: Expiry, clock: TurnClock
    ) -> None:
        self._replicas = replicas
        self._writes = writes
        self._expiry = expiry
        self._clock = clock

    def handle(self, connection: Connection, header: RequestHeader, frame: memoryview) -> None:
        """Append, then answer, park, or with acks=0 say nothing.

        Raises:
            Malformed: the body cannot be read.
        """
        request, _ = decode(ProduceRequest, header.api_version, frame, header.body_position)
        encode_response = partial(answer_frame, connection, header)
        response = ProduceResponse()
        parked = ParkedProduce(connection, response, encode_response)
        appended: PartitionLeader | None = None
        for topic in request.topic_data:
            topic_response = TopicProduceResponse(name=topic.name)
            response.responses.append(topic_response)
            for data in topic.partition_data:
                part = PartitionProduceResponse(index=data.index)
                topic_response.partition_responses.append(part)
                try:
                    appended = self._append(
                        connection, header, request, topic.name, data, part, parked
                    )
                except KafkaError as error:
                    refuse(part, error)
        if request.acks == 0:
            if any(p.error_code for t in response.responses for p in t.partition_responses):
                connection.close()  # the only way to tell a client that wants no answer
            return
        if parked.done:
            connection.answer(encode_response(response))
            if appended is not None:
                self._learn(connection, header, frame, request, response, appended)
        else:
            connection.reserve(parked)
            self._expiry.add(self._clock.now_s + max(request.timeout_ms, 0) / 1000, parked)

    def _append(
        self,
        connection: Connection,
        header: RequestHeader,
        request: ProduceRequest,
        topic: str,
        data: PartitionProduceData,
        part: PartitionProduceResponse,
        parked: ParkedProduce,
    ) -> PartitionLeader:
        check(header, request, topic, data)
        leader = self._replicas.leader(topic, data.index)
        assert isinstance(data.records, memoryview)
        info = leader.append(data.records, request.acks, self._clock.now_ms)
        part.base_offset = info.first_offset
        part.log_append_time_ms = info.log_append_time_ms
        part.log_start_offset = info.log_start_offset
        self._writes.add(leader, connection)
        if request.acks and not leader.acks_on_write(request.acks):
            parked.wait_for(leader, part, request.acks, info.last_offset + 1)
        return leader

    def _learn(
        self,
        connection: Connection,
        header: RequestHeader,
        frame: memoryview,
        request: ProduceRequest,
        response: ProduceResponse,
        leader: PartitionLeader,
    ) -> None:
        shape = learn_shape(header, frame, request, response, leader)
        if shape is not None:
            if not isinstance(connection.produce_shapes, ProduceShapes):
                connection.produce_shapes = ProduceShapes()
            connection.produce_shapes.add(shape)

    def handle_as_before(self, connection: Connection, frame: memoryview) -> bool:
        """Append a Produce that has a shape known of the connection; False for any other request.

        Skips the parse: all but the batch and the correlation id are the same bytes as before.
        """
        shapes = connection.produce_shapes
        if not isinstance(shapes, ProduceShapes):
            return False
        found = shapes.find(frame)
        if found is None:
            return False
        shape, correlation_id = found
        records = shape.records_of(frame)
        if records is None:
            return False
        leader = shape.leader
        try:
            info = leader.append(records, shape.acks, self._clock.now_ms)
        except KafkaError:
            return False  # refused as it would be there, with the words for it
        self._writes.add(leader, connection)
        connection.answer([shape.answer(correlation_id, info.first_offset)])
        return True


def check(
    header: RequestHeader, request: ProduceRequest, topic: str, data: PartitionProduceData
) -> None:
    """Refuse what no leader needs to look at.

    Raises:
        KafkaError: acks, transaction, topic or codec are not acceptable here.
    """
    if request.acks not in VALID_ACKS:
        raise KafkaError(ErrorCode.INVALID_REQUIRED_ACKS)
    if request.transactional_id is not None:
        raise KafkaError(ErrorCode.INVALID_TXN_STATE, "no transaction was begun")
    if topic in INTERNAL_TOPICS:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"{topic} is an internal topic")
    if not data.records:
        raise KafkaError(ErrorCode.INVALID_RECORD, "no record batch")
    if len(data.records) > ATTRIBUTES_LOW:
        check_attributes(header.api_version, data.records[ATTRIBUTES_LOW])


def check_attributes(api_version: int, attributes: int) -> None:
    """Refuse what the log itself would take.

    Raises:
        KafkaError: a codec that came with a later version, or a part of no transaction.
    """
    if attributes & TRANSACTIONAL:
        raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    if api_version < ZSTD_SINCE_VERSION and attributes & CODEC_MASK == Codec.ZSTD:
        raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)


def refuse(part: PartitionProduceResponse, error: KafkaError) -> None:
    """Put an error into a partition's answer."""
    part.error_code = error.code
    part.error_message = error.message
    if isinstance(error, InvalidRecords):
        part.record_errors = [
            BatchIndexAndErrorMessage(batch_index=index, batch_index_error_message=text)
            for index, text in error.record_errors
        ]
    part.base_offset = -1
    part.log_append_time_ms = -1
    part.log_start_offset = -1

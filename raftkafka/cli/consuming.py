"""Reading topics by assignment: every partition, those that appear later too, and no group."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from raftkafka.cli.librdkafka import reason
from raftkafka.cli.positions import BEGINNING, Kind, Start
from raftkafka.client.errors import ClientError

POLL_S = 0.2
"""Between looks at signals: a call into librdkafka cannot be interrupted."""
BATCH_RECORDS = 1000
METADATA_TIMEOUT_S = 30.0
NEW_PARTITIONS_CHECK_S = 3.0
NOT_THERE = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE})


class Reader:
    """Reads all partitions of the topics that it is asked for.

    Nothing is committed. A partition that appears later is read from its beginning.
    """

    def __init__(
        self,
        consumer: Consumer,
        *,
        topic: str | None = None,
        matches: Callable[[str], bool] | None = None,
        partitions: Collection[int] = (),
        start: Start = BEGINNING,
    ) -> None:
        """Read one topic, or the topics that match.

        Args:
            consumer: with ``enable.partition.eof`` if ``records`` shall end by itself.
            topic: by name, or None.
            matches: for topics by pattern, where there is no name.
            partitions: only these; empty for all there are and will be.
            start: where to start in each.
        """
        self._consumer = consumer
        self._topic = topic
        self._matches = matches
        self._wanted = frozenset(partitions)
        self._start = start
        self._assigned: set[tuple[str, int]] = set()
        self._at_end: set[tuple[str, int]] = set()
        self.topics: set[str] = set()
        """Those that there were at the last look."""

    def open(self) -> set[tuple[str, int]]:
        """Assign what is there now; return its topics and partitions.

        Raises:
            ClientError: the brokers do not say what there is.
        """
        self._assign(self._start)
        return self._assigned

    def batches(
        self, *, idle_s: float | None = None, until_end: bool = False
    ) -> Iterator[list[Message]]:
        """Yield records as they come, those together that came together.

        Args:
            idle_s: stop when none came for so long; None waits for ever.
            until_end: stop when every partition was read to its end once.

        Raises:
            ClientError: an error that does not pass by itself.
        """
        last_record = last_look = time.monotonic()
        while not (until_end and self._at_end >= self._assigned):
            batch = [message for message in self._poll() if self._is_record(message)]
            now = time.monotonic()
            if batch:
                yield batch
                last_record = time.monotonic()
            elif idle_s is not None and now - last_record > idle_s:
                return
            if not until_end and now - last_look > NEW_PARTITIONS_CHECK_S:
                self._assign(BEGINNING)
                last_look = now

    def _poll(self) -> list[Message]:
        """Wait for a first message, and take what is there beside it."""
        message = self._consumer.poll(POLL_S)
        return [] if message is None else [message, *self._consumer.consume(BATCH_RECORDS, 0)]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_end.add((message.topic() or "", message.partition() or 0))
        elif error.fatal() or not _passes(error):
            raise ClientError(reason(error))
        return False

    def _assign(self, start: Start) -> None:
        new = sorted(self._there() - self._assigned)
        if not new:
            return
        partitions = [TopicPartition(topic, partition) for topic, partition in new]
        try:
            self._consumer.incremental_assign(self._started(partitions, start))
        except KafkaException as error:
            raise ClientError(reason(error)) from error
        self._assigned.update(new)

    def _there(self) -> set[tuple[str, int]]:
        """Return the partitions that there are of what was asked for."""
        try:
            found = self._consumer.list_topics(self._topic, METADATA_TIMEOUT_S).topics
        except KafkaException as error:
            raise ClientError(reason(error)) from error
        there: set[tuple[str, int]] = set()
        self.topics = {name for name, topic in found.items() if topic.partitions}
        for name, topic in found.items():
            if self._matches is not None and not self._matches(name):
                continue
            if topic.error is not None and topic.error.code() not in NOT_THERE:
                raise ClientError(f"{name}: {reason(topic.error)}")
            there.update(
                (name, partition)
                for partition in topic.partitions
                if not self._wanted or partition in self._wanted
            )
        return there

    def _started(self, partitions: list[TopicPartition], start: Start) -> list[TopicPartition]:
        """Return the partitions with the offset to start at."""
        match start.kind:
            case Kind.BEGINNING:
                return _at(partitions, lambda _: OFFSET_BEGINNING)
            case Kind.END:
                return _at(partitions, lambda _: OFFSET_END)
            case Kind.OFFSET:
                return _at(partitions, lambda _: start.number)
            case Kind.LAST:
                return _at(partitions, lambda partition: self._last(partition, start.number))
            case Kind.TIMESTAMP:
                asked = _at(partitions, lambda _: start.number)
                found = self._consumer.offsets_for_times(asked, METADATA_TIMEOUT_S)
                # Nothing that young yet: what comes next is.
                return _at(found, lambda p: p.offset if p.offset >= 0 else OFFSET_END)

    def _last(self, partition: TopicPartition, count: int) -> int:
        low, high = self._consumer.get_watermark_offsets(partition, METADATA_TIMEOUT_S)
        return max(low, high - count)


def _at(
    partitions: list[TopicPartition], offset: Callable[[TopicPartition], int]
) -> list[TopicPartition]:
    return [TopicPartition(p.topic, p.partition, offset(p)) for p in partitions]


def _passes(error: KafkaError) -> bool:
    """Whether librdkafka goes on by itself after an error."""
    return error.code() in NOT_THERE or error.code() in (
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.OFFSET_OUT_OF_RANGE,
    )

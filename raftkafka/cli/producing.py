"""Sending records by confluent-kafka, with every failed delivery counted and told once."""

from __future__ import annotations

from collections import Counter

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from raftkafka.cli.librdkafka import reason
from raftkafka.cli.records import OutgoingRecord
from raftkafka.cli.report import say
from raftkafka.client.errors import ClientError

ANY_PARTITION = -1
NOW = 0
POLL_S = 0.2
"""Between looks at signals: a call into librdkafka cannot be interrupted."""


class Sender:
    """Sends records to one topic; ``failed`` counts those that did not arrive."""

    def __init__(self, producer: Producer, topic: str, *, is_sync: bool = False) -> None:
        """``is_sync``: every record is acknowledged before ``send`` returns."""
        self._producer = producer
        self._topic = topic
        self._is_sync = is_sync
        self._reasons: Counter[str] = Counter()

    @property
    def failed(self) -> int:
        """Records that did not arrive."""
        return self._reasons.total()

    def send(self, record: OutgoingRecord) -> None:
        """Queue a record, and wait while the queue is full.

        Raises:
            ClientError: it can never be sent.
        """
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    record.value,
                    record.key,
                    partition=ANY_PARTITION if record.partition is None else record.partition,
                    on_delivery=self._delivered,
                    timestamp=NOW if record.timestamp_ms is None else record.timestamp_ms,
                    headers=list(record.headers),
                )
            except BufferError:
                self._producer.poll(POLL_S)
                continue
            except KafkaException as error:
                self._fail(reason(error))
            break
        if self._is_sync:
            self._flush()
        else:
            self._producer.poll(0)

    def finish(self) -> None:
        """Wait until everything is delivered or failed; say what failed.

        Raises:
            ClientError: something did.
        """
        self._flush()
        if self._reasons:
            told = "; ".join(f"{count}: {text}" for text, count in self._reasons.items())
            raise ClientError(f"{self.failed} messages were not delivered ({told})")

    def _flush(self) -> None:
        while self._producer.flush(POLL_S):
            pass

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._fail(reason(error))

    def _fail(self, text: str) -> None:
        if text not in self._reasons:
            say(f"error: a message to {self._topic} was not delivered: {text}")
        self._reasons[text] += 1

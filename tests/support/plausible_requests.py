"""Random requests that mean something: they name topics that exist, and hold real batches."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from raftkafka.compression import Codec
from raftkafka.protocol.apis import request_class
from raftkafka.protocol.layout import Context, context_of, layout_of
from raftkafka.protocol.schema import Request, Struct
from raftkafka.records import Record, build_batch
from tests.support.protocol_values import random_message

TIMESTAMP_MS = 1_700_000_000_000
SMALL_NUMBERS = {
    "num_partitions": (-1, 0, 1, 2, 3),
    "count": (0, 1, 2, 3, 4),
    "replication_factor": (-1, 0, 1, 2),
    "acks": (-1, -1, -1, 0, 1, 1, 1, 2),
    "timeout_ms": (0, 100, 5000),
    "max_wait_ms": (0, 1, 500, 5000),
    "session_epoch": (0, -1, -1, 3),
    "session_id": (0, 0, 9),
    "replica_id": (-1, -1, -1, 1),
    "leader_epoch": (-1, 0, 0, 1),
    "current_leader_epoch": (-1, -1, 0, 1),
    "last_fetched_epoch": (-1, -1, 0, 1),
    "fetch_offset": (0, 1, 5, -1, 10_000),
    "offset": (-1, 0, 1, 5, 10_000),
    "timestamp": (-1, -2, -3, -4, -5, -6, 0, TIMESTAMP_MS, TIMESTAMP_MS + 5),
    "partition_max_bytes": (0, 100, 1 << 20),
    "max_bytes": (0, 100, 1 << 20),
    "resource_type": (2, 2, 4, 8, 0),
    "config_operation": (0, 1, 2, 3, 9),
    "producer_id": (-1, 0, 1000),
    "producer_epoch": (-1, 0, 1),
}
CONFIGS = (
    ("retention.ms", "1000"),
    ("flush.messages", "1"),
    ("flush.before.visible", "true"),
    ("max.message.bytes", "300"),
    ("cleanup.policy", "compact"),
    ("cleanup.policy", "delete"),
    ("message.timestamp.type", "LogAppendTime"),
    ("min.insync.replicas", "2"),
    ("segment.ms", "10"),
    ("no.such.key", "1"),
    ("retention.ms", "never"),
)


@dataclass
class Plausible:
    """Draws requests of the given APIs; ``topic_ids`` is filled by the test."""

    apis: Sequence[tuple[int, int, int]]
    topics: Sequence[str]
    source: random.Random
    topic_ids: Sequence[bytes] = ()

    def draw(self) -> tuple[Request, int]:
        """Return a request and its version."""
        key, first, last = self.source.choice(self.apis)
        version = self.source.randint(first, last)
        request = random_message(request_class(key), version, self.source)
        assert isinstance(request, Request)
        self._make_plausible(request, context_of(type(request), version))
        return request, version

    def _make_plausible(self, struct: Struct, context: Context) -> None:
        source = self.source
        layout = layout_of(type(struct), context)
        for name, _ in (*layout.plain, *layout.tagged):
            value: object = getattr(struct, name)
            if isinstance(value, Struct):
                self._make_plausible(value, context)
            elif isinstance(value, list):
                self._make_list_plausible(name, cast("list[object]", value), context)
            elif name in SMALL_NUMBERS:
                if source.random() < 0.9 or name in ("num_partitions", "count", "max_wait_ms"):
                    setattr(struct, name, source.choice(SMALL_NUMBERS[name]))
            elif name in ("partition", "partition_index", "index"):
                if source.random() < 0.9:
                    setattr(struct, name, source.choice((0, 0, 1, 2, 3)))
            elif name in ("topic", "topic_name", "resource_name"):
                setattr(struct, name, source.choice((*self.topics, "", "1", value)))
            elif name == "topic_id" and self.topic_ids:
                setattr(struct, name, source.choice((*self.topic_ids, bytes(16), value)))
            elif name == "transactional_id" and source.random() < 0.95:
                setattr(struct, name, None)
            elif name == "records":
                setattr(struct, name, self._records(value))
            elif name == "name":
                setattr(struct, name, self._name(struct, value))

    def _make_list_plausible(self, name: str, values: list[object], context: Context) -> None:
        for index, value in enumerate(values):
            if isinstance(value, Struct):
                self._make_plausible(value, context)
            elif name in ("partitions", "partition_indexes"):
                values[index] = self.source.choice((0, 0, 1, 2, value))
            elif name in ("topic_names", "names"):
                values[index] = self.source.choice((*self.topics, value))
            elif name == "broker_ids":
                values[index] = self.source.choice((1, 1, 1, 2))

    def _name(self, struct: Struct, value: object) -> object:
        """Return a topic's name, or a configuration's with its value."""
        if "value" in type(struct).__fields__:
            key, text = self.source.choice(CONFIGS)
            cast("Any", struct).value = text if self.source.random() < 0.9 else None
            return key
        return self.source.choice((*self.topics, value))

    def _records(self, value: object) -> object:
        """Return one batch, mostly a good one."""
        source = self.source
        if value is None or source.random() < 0.1:
            return value
        times = [TIMESTAMP_MS + source.randrange(10) for _ in range(source.randint(1, 3))]
        keys = (b"k", None)
        records = [
            Record(n, ms, source.choice(keys), source.randbytes(source.randrange(200)))
            for n, ms in enumerate(times)
        ]
        producer = source.choice(((-1, -1, -1), (-1, -1, -1), (7, 0, source.randrange(4))))
        batch = bytearray(
            build_batch(
                records,
                codec=source.choice(tuple(Codec)),
                producer_id=producer[0],
                producer_epoch=producer[1],
                base_sequence=producer[2],
            )
        )
        if source.random() < 0.2:
            batch[source.randrange(len(batch))] ^= 1 << source.randrange(8)
        return memoryview(batch)

"""A snapshot of many partitions, in two processes: ``python -m tests.bench.snapshot_node``.

``hold`` is a lone voter that commits them, has its snapshot written, and keeps no entries behind
it. ``follow`` is an observer with an empty folder: it is sent the snapshot, and then opens its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import trio

from metadata.image import MetadataImage
from metadata.publisher import Publisher
from metadata.raft.journal import ENTRY_OVERHEAD_BYTES
from metadata.raft.settings import RaftSettings
from metadata.records import PartitionRecord, Record, TopicRecord, encode_batch
from raftkafka.disk_driver import OsDisk
from raftkafka.server.loop_lag_driver import LoopLag
from tests.bench.quorum_node import QuorumNode, until_true, write_figures
from tests.support.metadata import broker_record

HOLDER, FOLLOWER = 1, 2
TOPIC_PARTITIONS = 1_000
BATCH_RECORDS = 500


class Metadata:
    """The published image as the quorum's state machine; notes when snapshots are handled."""

    def __init__(self) -> None:
        self._publisher = Publisher()
        self.term: int | None = None
        self.snapshot_began = 0.0
        self.restored = 0.0
        """When the last snapshot was in force."""

    @property
    def image(self) -> MetadataImage:
        """What is committed."""
        return self._publisher.image

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Take a batch of records."""
        self._publisher.apply(index, command)

    def snapshot(self) -> Iterator[bytes]:
        """Return the image in chunks."""
        self.snapshot_began = time.perf_counter()
        return self._publisher.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Take an image over."""
        self._publisher.restore(snapshot)
        self.restored = time.perf_counter()

    def on_leader(self, term: int | None) -> None:
        """Keep the term."""
        self.term = term


class NotingDisk(OsDisk):
    """Notes when the last file that was written whole was durable, and its size."""

    replaced = 0.0
    size_bytes = 0

    def replace(self, path: str, content: bytes) -> None:
        """Write a file whole."""
        super().replace(path, content)
        self.size_bytes = len(content)
        self.replaced = time.perf_counter()


def commands(partitions: int) -> list[bytes]:
    """Return batches that make topics of 1,000 partitions, on three brokers each."""
    records: list[Record] = [broker_record(broker_id) for broker_id in (1, 2, 3)]
    for topic in range(partitions // TOPIC_PARTITIONS):
        topic_id = topic.to_bytes(16, "big")
        records.append(TopicRecord(f"topic-{topic}", topic_id))
        for number in range(TOPIC_PARTITIONS):
            replicas = tuple((topic + number + it) % 3 + 1 for it in range(3))
            directories = tuple(b"directory" + it.to_bytes(7, "big") for it in replicas)
            records.append(
                PartitionRecord(
                    topic_id, number, replicas, replicas, replicas[0], directories=directories
                )
            )
    left = iter(records)
    return [encode_batch(batch) for batch in iter(lambda: list(islice(left, BATCH_RECORDS)), [])]


async def hold(port: int, folder: Path, partitions: int) -> None:
    """Commit them, have the snapshot written, and let others follow."""
    machine, disk, lag, batches = Metadata(), NotingDisk(), LoopLag(), commands(partitions)
    settings = RaftSettings(
        HOLDER,
        frozenset({HOLDER}),
        # reached by the last batch, and not before
        snapshot_every_bytes=sum(len(batch) + ENTRY_OVERHEAD_BYTES for batch in batches),
        retained_entries=0,
    )
    node = QuorumNode(settings, {HOLDER: port}, folder, machine, disk)
    async with trio.open_nursery() as nursery:
        await node.start(nursery)
        await until_true(lambda: machine.term is not None)
        term = machine.term
        assert term is not None
        for batch in batches[:-1]:
            await node.quorum.propose(batch, term)
        trio.lowlevel.add_instrument(lag)
        await node.quorum.propose(batches[-1], term)
        await until_true(lambda: 0 < machine.snapshot_began < disk.replaced)
        figures = {
            "size": disk.size_bytes / 1e6,
            "write": disk.replaced - machine.snapshot_began,
            "write: loop_lag_max_ms": lag.max_ms,
        }
        lag.max_ms = 0.0
        write_figures(folder, figures)
        await trio.sleep_forever()


async def follow(port: int, folder: Path, partitions: int) -> None:
    """Be sent the snapshot, and then open it."""
    machine, lag = Metadata(), LoopLag()
    settings = RaftSettings(FOLLOWER, frozenset({HOLDER}))
    node = QuorumNode(settings, {HOLDER: port}, folder, machine, OsDisk())
    trio.lowlevel.add_instrument(lag)
    async with trio.open_nursery() as nursery:
        await node.start(nursery)
        await until_true(lambda: bool(node.connected))
        connected = time.perf_counter()
        await until_true(lambda: machine.restored > 0)
        nursery.cancel_scope.cancel()
    assert sum(len(topic.partitions) for topic in machine.image.topics.values()) == partitions
    again = QuorumNode(settings, {}, folder, Metadata(), OsDisk())
    async with trio.open_nursery() as nursery:
        begin = time.perf_counter()
        await again.start(nursery)
        loaded = time.perf_counter()
        nursery.cancel_scope.cancel()
    write_figures(
        folder,
        {
            "send": machine.restored - connected,
            "load": loaded - begin,
            "send: loop_lag_max_ms": lag.max_ms,
        },
    )


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("hold", "follow"))
    parser.add_argument("port", type=int, help="of the voter")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--partitions", type=int, default=100_000)
    options = parser.parse_args()
    part = hold if options.part == "hold" else follow
    trio.run(part, options.port, options.folder, options.partitions)


if __name__ == "__main__":
    main()

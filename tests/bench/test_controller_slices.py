"""Large decisions of the controller are made in slices that do not hold the event loop."""

from __future__ import annotations

import time
from statistics import median

import pytest

from metadata.controller.batches import BATCH_RECORDS, cut_into_batches
from metadata.controller.brokers import fence_broker
from metadata.controller.office import Office
from metadata.image import MetadataImage
from metadata.records import PartitionRecord, Record, TopicRecord
from metadata.replay import replay_command
from tests.support.metadata import situation, with_brokers, with_records

PARTITIONS = 10_000
SLICE_MAX_S = 0.020


def of_three_brokers(topic_count: int) -> MetadataImage:
    """Return an image with all partitions on all brokers, each led by the next one."""
    records: list[Record] = []
    for topic in range(topic_count):
        topic_id = topic.to_bytes(16, "big")
        records.append(TopicRecord(f"t{topic}", topic_id))
        for number in range(PARTITIONS // topic_count):
            first = (topic + number) % 3
            replicas = tuple((first + it) % 3 + 1 for it in range(3))
            records.append(PartitionRecord(topic_id, number, replicas, replicas, replicas[0]))
    return with_records(with_brokers(1, 2, 3), *records)


@pytest.mark.parametrize("topic_count", [1, 100, PARTITIONS])
def test_fencing_the_leader_of_a_third_of_ten_thousand_partitions(topic_count: int) -> None:
    """Each slice is made and applied in less than 20 ms of processor time, by the median."""
    image = published = of_three_brokers(topic_count)
    office = Office(1, image)
    decision = fence_broker(situation(image), 1, image.brokers[1].broker_epoch)
    batches = cut_into_batches(decision.records)
    slices_s: list[float] = []
    while True:
        started = time.thread_time()
        batch = next(batches, None)
        if batch is None:
            break
        assert len(batch) <= BATCH_RECORDS
        command = office.append(batch)
        published = replay_command(published, office.image.offset, command).image
        slices_s.append(time.thread_time() - started)
    assert len(slices_s) == PARTITIONS // BATCH_RECORDS + 1
    assert not any(
        1 in it.isr for topic in published.topics.values() for it in topic.partitions.values()
    )
    assert median(slices_s) < SLICE_MAX_S, f"longest {max(slices_s) * 1000:.1f} ms"

"""A lower ``min.insync.replicas`` ends the claims of eligible leader replicas (rule 16).

They hold every committed record only as long as nothing is committed without them, that is, while
the ISR is smaller than the minimum. Where it no longer is, the leader goes on committing as soon
as it learns of the new minimum; so the claims end before that.

Source: KIP-966; ``ReplicationControlManager.getPartitionElrUpdatesForConfigChanges`` of Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from metadata.controller.decision import Situation
from metadata.controller.settings import MIN_INSYNC_REPLICAS, min_isr
from metadata.records import ConfigRecord, PartitionChangeRecord, Record
from metadata.replay import replay


def with_claims_ended(situation: Situation, records: Sequence[Record]) -> Iterable[Record]:
    """Return the records of a change of configuration behind what they entail."""
    if any(isinstance(it, ConfigRecord) and it.key == MIN_INSYNC_REPLICAS for it in records):
        return chain(_claims_ended(situation, records), records)
    return records


def _claims_ended(
    situation: Situation, records: Sequence[Record]
) -> Iterator[PartitionChangeRecord]:
    image, config = situation.image, situation.config
    after = replay(image, image.offset + 1, records).image
    for topic in image.topics.values():
        minimum = min_isr(after, config, topic.name)
        if minimum >= min_isr(image, config, topic.name):
            continue
        for number, partition in topic.partitions.items():
            if partition.elr and len(partition.isr) >= min(minimum, len(partition.replicas)):
                yield PartitionChangeRecord(topic.topic_id, number, elr=())

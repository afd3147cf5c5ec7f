"""Who leads a partition after its replicas came, went, or lost records.

Rules 15 and 16 of replication: the leader stays while it may; else the first live member of
the ISR in the order of assignment; else, with the ISR empty, an eligible leader replica; else,
with those gone too, the last leader once it is back; else any live replica if the topic allows
it. The last two may lose records and are marked as unclean.

Source: Kafka's ``PartitionChangeBuilder``; KIP-966. Unlike there, the last known leader is
elected only when it is live, and eligible replicas are always kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from metadata.image import PartitionImage
from metadata.records import PartitionChangeRecord
from raftkafka.types import NO_LEADER, TopicId


@dataclass(frozen=True, slots=True)
class Upset:
    """What happened to a partition's replicas.

    ``may_lead`` tells for a broker whether it is live after the event. ``left_isr`` have to
    leave the ISR; those of them in ``lost_records`` have no claim to lead any more either.
    """

    may_lead: Callable[[int], bool]
    min_isr: int
    unclean_allowed: bool
    left_isr: frozenset[int] = frozenset()
    lost_records: frozenset[int] = frozenset()


def settle(
    topic_id: TopicId, number: int, partition: PartitionImage, upset: Upset
) -> PartitionChangeRecord | None:
    """Return the change that an event makes to one partition, or None if it makes none."""
    isr = tuple(it for it in partition.isr if it not in upset.left_isr)
    elr = _eligible(partition, isr, upset)
    leader, unclean = _elect(partition, isr, elr, upset)
    if leader != NO_LEADER and leader not in isr:
        isr = (leader,)
        elr = () if unclean else tuple(it for it in elr if it != leader)
        if len(isr) >= upset.min_isr:
            elr = ()
    last_known = _last_known(partition, leader)
    stays = leader == partition.leader and not unclean
    change = PartitionChangeRecord(
        topic_id,
        number,
        isr=None if isr == partition.isr else isr,
        leader=None if stays else leader,
        elr=None if elr == partition.elr else elr,
        last_known_elr=None if last_known == partition.last_known_elr else last_known,
        unclean=unclean,
    )
    return None if change == PartitionChangeRecord(topic_id, number) else change


def _eligible(partition: PartitionImage, isr: tuple[int, ...], upset: Upset) -> tuple[int, ...]:
    if len(isr) >= upset.min_isr:
        return ()
    return tuple(
        it
        for it in dict.fromkeys(partition.elr + partition.isr)
        if it not in isr and it not in upset.lost_records
    )


def _elect(
    partition: PartitionImage, isr: tuple[int, ...], elr: tuple[int, ...], upset: Upset
) -> tuple[int, bool]:
    """Return the leader (or -1), and whether records may be lost by it."""
    candidates = isr or elr
    for broker_id in (partition.leader, *partition.replicas):
        if broker_id in candidates and upset.may_lead(broker_id):
            return broker_id, False
    if not candidates:
        for broker_id in partition.last_known_elr or (partition.leader,):
            if upset.may_lead(broker_id):
                return broker_id, True
    if upset.unclean_allowed:
        for broker_id in partition.replicas:
            if upset.may_lead(broker_id):
                return broker_id, True
    return NO_LEADER, False


def _last_known(partition: PartitionImage, leader: int) -> tuple[int, ...]:
    if leader != NO_LEADER:
        return ()
    return (partition.leader,) if partition.has_leader else partition.last_known_elr

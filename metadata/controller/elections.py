"""Who leads a partition after its replicas came, went, lost records, or were reassigned.

Rules 15, 16 and 20 of replication: the leader stays while it may; else the first live member of
the ISR in the order of assignment; else, with the ISR empty, an eligible leader replica; else,
with those gone too, the last leader once it is back; else any live replica if the topic allows
it. The last two may lose records and are marked as unclean. A reassignment ends as soon as all
its target replicas are in the ISR.

Source: Kafka's ``PartitionChangeBuilder`` and ``PartitionReassignmentReplicas``; KIP-455, KIP-966.
Unlike there, the last known leader is elected only when it is live, and eligible replicas are
always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TypeVar

from metadata.image import PartitionImage
from metadata.records import PartitionChangeRecord
from raftkafka.types import NO_LEADER, TopicId

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which brokers hold a partition, and which of them come or go.

    ``directories`` runs along ``replicas``, or is empty. A replica that was still being added
    when another reassignment left it out is in both ``adding`` and ``removing``: it goes
    whether that one is completed or cancelled.
    """

    replicas: tuple[int, ...]
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()
    directories: tuple[bytes, ...] = ()

    def without(self, leaving: Container[int]) -> Assignment:
        """Return the assignment that a reassignment ends with when these replicas go."""
        kept = [number for number, it in enumerate(self.replicas) if it not in leaving]
        return Assignment(
            tuple(self.replicas[number] for number in kept),
            directories=tuple(self.directories[number] for number in kept if self.directories),
        )


@dataclass(frozen=True, slots=True)
class Upset:
    """What happened to a partition's replicas, or is asked for them.

    ``may_lead`` tells for a broker whether it is live after the event, its replica too.
    ``min_isr`` may be more than there are replicas. ``left_isr`` have to leave the ISR; those of
    them in ``lost_records`` have no claim to lead any more either. ``isr`` and ``assignment``
    take the place of the present ones. With ``preferred`` the first replica leads, if it may.
    """

    may_lead: Callable[[int], bool]
    min_isr: int
    unclean_allowed: bool
    left_isr: frozenset[int] = frozenset()
    lost_records: frozenset[int] = frozenset()
    isr: tuple[int, ...] | None = None
    assignment: Assignment | None = None
    preferred: bool = False


def settle(
    topic_id: TopicId, number: int, partition: PartitionImage, upset: Upset
) -> PartitionChangeRecord | None:
    """Return the change that an event makes to one partition, or None if it makes none."""
    assignment = upset.assignment or assignment_of(partition)
    wanted_isr = partition.isr if upset.isr is None else upset.isr
    isr = tuple(it for it in wanted_isr if it not in upset.left_isr and it in assignment.replicas)
    assignment, isr = _completed(assignment, isr)
    min_isr = min(upset.min_isr, len(assignment.replicas))
    elr = _eligible(partition, assignment.replicas, isr, min_isr, upset.lost_records)
    leader, unclean = _elect(partition, assignment.replicas, isr, elr, upset)
    if leader != NO_LEADER and leader not in isr:
        isr = (leader,)
        elr = () if unclean else tuple(it for it in elr if it != leader)
        assignment, isr = _completed(assignment, isr)
        if len(isr) >= min(upset.min_isr, len(assignment.replicas)):
            elr = ()
        elr = tuple(it for it in elr if it in assignment.replicas)
    last_known = _last_known(partition, leader, assignment.replicas)
    drops_replicas = not set(partition.replicas) <= set(assignment.replicas)
    stays = leader == partition.leader and not unclean and not drops_replicas
    change = PartitionChangeRecord(
        topic_id,
        number,
        isr=_if_new(isr, partition.isr),
        leader=None if stays else leader,
        elr=_if_new(elr, partition.elr),
        last_known_elr=_if_new(last_known, partition.last_known_elr),
        replicas=_if_new(assignment.replicas, partition.replicas),
        directories=_if_new(assignment.directories, partition.directories),
        adding=_if_new(assignment.adding, partition.adding),
        removing=_if_new(assignment.removing, partition.removing),
        unclean=unclean,
    )
    return None if change == PartitionChangeRecord(topic_id, number) else change


def assignment_of(partition: PartitionImage) -> Assignment:
    """Return the present assignment of a partition."""
    return Assignment(
        partition.replicas, partition.adding, partition.removing, partition.directories
    )


def _completed(assignment: Assignment, isr: tuple[int, ...]) -> tuple[Assignment, tuple[int, ...]]:
    """End a reassignment whose target replicas are all in the ISR (rule 20)."""
    if not assignment.adding and not assignment.removing:
        return assignment, isr
    target = assignment.without(assignment.removing)
    if not target.replicas or not set(target.replicas) <= set(isr):
        return assignment, isr
    return target, tuple(it for it in isr if it in target.replicas)


def _eligible(
    partition: PartitionImage,
    replicas: tuple[int, ...],
    isr: tuple[int, ...],
    min_isr: int,
    lost_records: frozenset[int],
) -> tuple[int, ...]:
    if len(isr) >= min_isr:
        return ()
    return tuple(
        it
        for it in dict.fromkeys(partition.elr + partition.isr)
        if it not in isr and it not in lost_records and it in replicas
    )


def _elect(
    partition: PartitionImage,
    replicas: tuple[int, ...],
    isr: tuple[int, ...],
    elr: tuple[int, ...],
    upset: Upset,
) -> tuple[int, bool]:
    """Return the leader (or -1), and whether records may be lost by it."""
    candidates = isr or elr
    first = replicas[:1] if upset.preferred else ()
    for broker_id in (*first, partition.leader, *replicas):
        if broker_id in candidates and upset.may_lead(broker_id):
            return broker_id, False
    if not candidates:
        for broker_id in partition.last_known_elr or (partition.leader,):
            if broker_id in replicas and upset.may_lead(broker_id):
                return broker_id, True
    if upset.unclean_allowed:
        for broker_id in replicas:
            if upset.may_lead(broker_id):
                return broker_id, True
    return NO_LEADER, False


def _last_known(
    partition: PartitionImage, leader: int, replicas: tuple[int, ...]
) -> tuple[int, ...]:
    if leader != NO_LEADER:
        return ()
    known = (partition.leader,) if partition.has_leader else partition.last_known_elr
    return tuple(it for it in known if it in replicas)


def _if_new(value: tuple[Item, ...], known: tuple[Item, ...]) -> tuple[Item, ...] | None:
    return None if value == known else value

"""Which brokers hold a new partition.

Partition i is led by broker i mod n and its replica j lies on broker (i + j) mod n, counted
from a drawn start over the brokers in order of id. With racks, the order goes round the racks,
and a replica steps over a broker whose rack already holds one, as long as another rack does not.
So leaders and replicas differ by at most one between brokers of equal racks.

Source of the errors: Kafka's ``StripedReplicaPlacer``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from metadata.image import BrokerImage
from raftkafka.errors import ErrorCode, KafkaError


class Placement:
    """An endless sequence of replica lists: one for each partition number."""

    def __init__(self, rotation: Sequence[tuple[int, ...]], start: int) -> None:
        self._rotation = rotation
        self._start = start

    def replicas(self, partition: int) -> tuple[int, ...]:
        """Return the brokers of a partition, its preferred leader first."""
        return self._rotation[(self._start + partition) % len(self._rotation)]


def place(
    brokers: Sequence[BrokerImage],
    replication_factor: int,
    start: int,
    *,
    leader_of_first: int | None = None,
) -> Placement:
    """Choose replicas for the partitions of one topic.

    Args:
        brokers: all registered brokers; only the active ones are chosen.
        replication_factor: replicas of each partition.
        start: any integer ≥ 0, drawn at random for each topic.
        leader_of_first: the preferred leader of partition 0, if the topic is there already;
            as long as that broker is active it gives the start.

    Raises:
        KafkaError: INVALID_REPLICATION_FACTOR, with the reason alone as its message.
    """
    if replication_factor <= 0:
        raise _refusal(
            f"Invalid replication factor {replication_factor}: "
            "the replication factor must be positive."
        )
    active = _around_the_racks([broker for broker in brokers if broker.is_active])
    if not active:
        raise _refusal("All brokers are currently fenced or in controlled shutdown.")
    unreachable = f"The target replication factor of {replication_factor} cannot be reached because"
    if replication_factor > len(brokers):
        raise _refusal(f"{unreachable} only {len(brokers)} broker(s) are registered.")
    if replication_factor > len(active):
        raise _refusal(
            f"{unreachable} only {len(active)} of {len(brokers)} registered broker(s) are active."
        )
    rotation = [_replicas(active, first, replication_factor) for first in range(len(active))]
    for position, broker in enumerate(active):
        if broker.broker_id == leader_of_first:
            start = position
    return Placement(rotation, start)


def with_more_replicas(
    brokers: Sequence[BrokerImage],
    present: tuple[int, ...],
    replication_factor: int,
    start: int,
) -> tuple[int, ...]:
    """Return a partition's replicas with active brokers behind them, up to a number.

    Args:
        brokers: all registered brokers; of them, those in racks that hold no replica come first.
        present: the replicas that it has.
        replication_factor: how many it shall have; fewer, if there are not enough brokers.
        start: any integer ≥ 0; different ones spread the load.
    """
    active = _around_the_racks([broker for broker in brokers if broker.is_active])
    position = start % max(1, len(active))
    in_turn = active[position:] + active[:position]
    racks = {broker.rack for broker in brokers if broker.broker_id in present}
    chosen = list(present)
    while len(chosen) < replication_factor:
        candidates = [broker for broker in in_turn if broker.broker_id not in chosen]
        if not candidates:
            break
        nearest = next((it for it in candidates if it.rack not in racks), candidates[0])
        racks.add(nearest.rack)
        chosen.append(nearest.broker_id)
    return tuple(chosen)


def _refusal(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, reason)


def _around_the_racks(brokers: list[BrokerImage]) -> list[BrokerImage]:
    """Order by id, taking one from each rack in turn. Brokers without a rack share one."""
    racks: defaultdict[str, list[BrokerImage]] = defaultdict(list)
    for broker in sorted(brokers, key=lambda broker: broker.broker_id):
        racks[broker.rack or ""].append(broker)
    turns = sorted(
        (turn, rack, broker.broker_id, broker)
        for rack, members in racks.items()
        for turn, broker in enumerate(members)
    )
    return [broker for *_, broker in turns]


def _replicas(brokers: list[BrokerImage], first: int, count: int) -> tuple[int, ...]:
    in_turn = brokers[first:] + brokers[:first]
    chosen: list[BrokerImage] = []
    racks_left = {broker.rack for broker in brokers}
    while len(chosen) < count:
        if not racks_left:
            racks_left = {broker.rack for broker in in_turn}
        nearest = next(broker for broker in in_turn if broker.rack in racks_left)
        in_turn.remove(nearest)
        racks_left.discard(nearest.rack)
        chosen.append(nearest)
    return tuple(broker.broker_id for broker in chosen)

"""From chosen or given replicas to the records of new partitions.

Source: ``createTopic``, ``createPartitions`` and ``validateManualPartitionAssignment`` of
Kafka's ``ReplicationControlManager``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from metadata.image import MetadataImage
from metadata.records import PartitionRecord
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.types import ZERO_ID, TopicId

PARTITIONS_PER_REQUEST_MAX = 20_000
"""New partitions in one request: a bound on what a single request can make the cluster do."""

_ASSIGNMENT = "The manual partition assignment includes"

ReplicasOf = Callable[[int], tuple[int, ...]]
"""The replicas of a partition, by its number."""


class Budget:
    """Counts the partitions that one request makes."""

    def __init__(self) -> None:
        self._left = PARTITIONS_PER_REQUEST_MAX

    def take(self, partitions: int) -> None:
        """Count new partitions in.

        Raises:
            KafkaError: POLICY_VIOLATION, and nothing is counted.
        """
        if partitions > self._left:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION,
                "Unable to perform excessively large batch operation: one request may create "
                f"{PARTITIONS_PER_REQUEST_MAX} partitions.",
            )
        self._left -= partitions


class _Seat(NamedTuple):
    """What is the same for all new partitions with the same replicas."""

    isr: tuple[int, ...]
    directories: tuple[bytes, ...]


def partition_records(
    image: MetadataImage, topic_id: TopicId, numbers: range, replicas_of: ReplicasOf
) -> Iterator[PartitionRecord]:
    """Yield the records of new partitions, led by their first live replica.

    At least one replica of each has to be active.
    """
    seats: dict[tuple[int, ...], _Seat] = {}
    for number in numbers:
        replicas = replicas_of(number)
        seat = seats.get(replicas)
        if seat is None:
            seat = seats[replicas] = _Seat(
                tuple(it for it in replicas if image.is_active(it)),
                tuple(directory_of_new(image, it) for it in replicas),
            )
        yield PartitionRecord(
            topic_id, number, replicas, seat.isr, seat.isr[0], directories=seat.directories
        )


def check_assignment(
    image: MetadataImage, number: int, replicas: list[int], replication_factor: int | None
) -> tuple[int, ...]:
    """Return the replicas that a request gives for one partition, if they can be had.

    Args:
        image: the brokers to choose from.
        number: the partition, for messages.
        replicas: broker ids, the preferred leader first.
        replication_factor: of the partitions before this one, if there are any.

    Raises:
        KafkaError: INVALID_REPLICA_ASSIGNMENT.
    """
    check_replicas(image, replicas)
    if replication_factor is not None and len(replicas) != replication_factor:
        raise _invalid(
            f"{_ASSIGNMENT} a partition with {len(replicas)} replica(s), but this is not "
            f"consistent with previous partitions, which have {replication_factor} replica(s)."
        )
    if not any(image.is_active(broker_id) for broker_id in replicas):
        raise _invalid(
            "All brokers specified in the manual partition assignment for "
            f"partition {number} are fenced or in controlled shutdown."
        )
    return tuple(replicas)


def check_replicas(image: MetadataImage, replicas: list[int]) -> tuple[int, ...]:
    """Return the replicas that a request gives, if they are brokers, live or not.

    Raises:
        KafkaError: INVALID_REPLICA_ASSIGNMENT.
    """
    if not replicas:
        raise _invalid(f"{_ASSIGNMENT} an empty replica list.")
    previous: int | None = None
    for broker_id in sorted(replicas):
        if broker_id not in image.brokers:
            raise _invalid(f"{_ASSIGNMENT} broker {broker_id}, but no such broker is registered.")
        if broker_id == previous:
            raise _invalid(f"{_ASSIGNMENT} the broker {broker_id} more than once.")
        previous = broker_id
    return tuple(replicas)


def directory_of_new(image: MetadataImage, broker_id: int) -> bytes:
    """Return where a new replica will lie: known for brokers with a single log directory."""
    directories = image.brokers[broker_id].directories
    return directories[0] if len(directories) == 1 else ZERO_ID


def _invalid(text: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text)

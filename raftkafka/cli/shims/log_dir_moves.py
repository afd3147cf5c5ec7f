"""What kafka-reassign-partitions does with the log directories that a plan names (KIP-113).

Source: Kafka class ``ReassignPartitionsCommand``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from raftkafka.client.client import Client
from raftkafka.client.errors import ClientError, describe
from raftkafka.client.log_dirs import PartitionReplica, Place, find_replicas, move_replicas
from raftkafka.errors import ErrorCode

AGAIN_S = 0.1


class NotStarted(ClientError):
    """Some replicas are not on their brokers yet."""


def start_moves(client: Client, targets: Mapping[PartitionReplica, str], timeout_ms: int) -> None:
    """Ask brokers to keep replicas where a plan says; wait for those that do not have them yet.

    Raises:
        NotStarted: some still do not, after this time.
        ClientError: a broker refused.
    """
    pending = dict(targets)
    deadline = time.monotonic() + timeout_ms / 1000
    while pending:
        for replica, outcome in sorted(move_replicas(client, pending).items()):
            if outcome is ErrorCode.NONE:
                topic, partition = replica.partition
                print(
                    f"Successfully started moving log directory to {pending.pop(replica)} for "
                    f"replica {topic}-{partition} with broker {replica.node_id} "
                )
            elif outcome is not ErrorCode.REPLICA_NOT_AVAILABLE:
                raise ClientError(f"Failed to alter dir for {replica}: {describe(outcome)}")
        if pending and time.monotonic() >= deadline:
            plural = "" if len(pending) == 1 else "s"
            names = ",".join(str(replica) for replica in sorted(pending))
            raise NotStarted(
                f"Timed out before log directory move{plural} could be started for: {names}"
            )
        if pending:
            time.sleep(AGAIN_S)


def moves_text(
    targets: Mapping[PartitionReplica, str], places: Mapping[PartitionReplica, Place]
) -> str:
    """Return how far each replica is on its way, a line each."""
    return "\n".join(_state(it, targets[it], places[it]) for it in sorted(targets))


def all_arrived(
    targets: Mapping[PartitionReplica, str], places: Mapping[PartitionReplica, Place]
) -> bool:
    """Whether no replica of a plan is being copied to another directory."""
    return all(places[replica].future is None for replica in targets)


def cancel_moves(client: Client, targets: Mapping[PartitionReplica, str], timeout_ms: int) -> bool:
    """Keep those replicas where they are that are being copied; return whether there are any.

    Raises:
        ClientError: a broker refused.
    """
    back = {
        replica: place.current
        for replica, place in find_replicas(client, targets).items()
        if place.current is not None and place.future is not None
    }
    start_moves(client, back, timeout_ms)
    return bool(back)


def _state(replica: PartitionReplica, target: str, place: Place) -> str:
    where = f"Partition {replica.partition} on broker {replica.node_id}"
    if place.current is None:
        return (
            f"Partition {replica.partition} is not found in any live log dir on broker "
            f"{replica.node_id}. There is likely an offline log directory on the broker."
        )
    if place.future == target:
        return f"Reassignment of replica {replica} is still in progress."
    if place.future is not None:
        return f"{where} is being moved to log dir {place.future} instead of {target}."
    if place.current == target:
        return f"Reassignment of replica {replica} completed successfully."
    return f"{where} is not being moved from log dir {place.current} to {target}."

"""Plans of kafka-reassign-partitions: which topics to move, and which replicas a partition gets.

Source: Kafka class ``ReassignPartitionsCommand``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from raftkafka.cli.shims.json_files import misshapen, read_document
from raftkafka.client.errors import ClientError
from raftkafka.client.log_dirs import PartitionReplica, Place
from raftkafka.types import TopicPartition

T = TypeVar("T")

Plan = dict[TopicPartition, tuple[int, ...]]
"""The replicas of partitions, the preferred leader first."""
LogDirPlan = dict[PartitionReplica, str]
"""The log directories of replicas for which not any will do."""

ANY_LOG_DIR = "any"


def read_topics(path: str) -> list[str]:
    """Return the topics of a file for ``--generate``.

    Raises:
        ClientError: it cannot be read, or names a topic twice.
    """
    document = read_document(path)
    try:
        topics = [str(entry["topic"]) for entry in document.get("topics", ())]
    except (KeyError, TypeError) as error:
        raise misshapen(path, "topic", error) from error
    twice = _twice(topics)
    if twice:
        shown = ", ".join(twice)
        raise ClientError(f"List of topics to reassign contains duplicate entries: [{shown}]")
    return topics


def read_plan(path: str) -> tuple[Plan, LogDirPlan]:
    """Return the plan of a file, and the log directories that it names.

    Raises:
        ClientError: it cannot be read, or names a partition twice.
    """
    document = read_document(path)
    found: list[tuple[TopicPartition, tuple[int, ...]]] = []
    log_dirs: LogDirPlan = {}
    try:
        for entry in document.get("partitions", ()):
            key = TopicPartition(str(entry["topic"]), int(entry["partition"]))
            replicas = tuple(int(node_id) for node_id in entry["replicas"])
            log_dirs |= _log_dirs(key, replicas, entry.get("log_dirs"))
            found.append((key, replicas))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise misshapen(path, "topic, partition and replicas", error) from error
    twice = _twice([key for key, _ in found])
    if twice:
        shown = ",".join(str(key) for key in twice)
        raise ClientError(f"Partition reassignment contains duplicate topic partitions: {shown}")
    return dict(found), log_dirs


def check_plan(plan: Plan) -> None:
    """Check what ``--execute`` needs beyond a readable plan.

    Raises:
        ClientError: it is empty, or a partition's replicas are none or repeat.
    """
    if not plan:
        raise ClientError("Partition reassignment list cannot be empty")
    if not all(plan.values()):
        raise ClientError("Partition replica list cannot be empty")
    repeated = {key: _twice(replicas) for key, replicas in plan.items()}
    shown = ". ".join(
        f"{key} contains multiple entries for {ids_text(twice)}"
        for key, twice in repeated.items()
        if twice
    )
    if shown:
        raise ClientError(f"Partition replica lists may not contain duplicate entries: {shown}")


def plan_text(plan: Plan, places: Mapping[PartitionReplica, Place] | None = None) -> str:
    """Return a plan as Kafka writes it: one line of JSON, partitions in order.

    Args:
        plan: the replicas of partitions.
        places: where replicas lie; without it, or where that is not known, any directory will do.
    """
    known = places or {}
    partitions = [
        {
            "topic": key.topic,
            "partition": key.partition,
            "replicas": list(replicas),
            "log_dirs": [
                known.get(replica, Place()).current or ANY_LOG_DIR
                for replica in replicas_of(key, replicas)
            ],
        }
        for key, replicas in sorted(plan.items())
    ]
    return json.dumps(
        {"version": 1, "partitions": partitions}, separators=(",", ":"), ensure_ascii=False
    )


def ids_text(ids: Iterable[int]) -> str:
    """Return broker ids as Kafka's tools write them."""
    return ",".join(str(node_id) for node_id in ids)


def replicas_of(key: TopicPartition, node_ids: Iterable[int]) -> list[PartitionReplica]:
    """Return a partition's replicas on these brokers."""
    return [PartitionReplica(node_id, key) for node_id in node_ids]


def _log_dirs(
    key: TopicPartition, replicas: Sequence[int], log_dirs: Sequence[object] | None
) -> LogDirPlan:
    if log_dirs is None:
        return {}
    paths = [str(path) for path in log_dirs]
    if len(paths) != len(replicas):
        raise ClientError(
            f"Size of replicas list {list(replicas)} is different from size of log dirs list "
            f"[{', '.join(paths)}] for partition {key}"
        )
    pairs = zip(replicas_of(key, replicas), paths, strict=True)
    return {replica: path for replica, path in pairs if path != ANY_LOG_DIR}


def _twice(items: Sequence[T]) -> list[T]:
    return list(dict.fromkeys(item for item in items if items.count(item) > 1))

"""Throttles of reassignments: which replicas are slow, and how slow their brokers are then.

A topic lists the replicas that it throttles, a broker has a rate for all that it sends and
fetches of such replicas (KIP-73).

Source: Kafka class ``ReassignPartitionsCommand``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from raftkafka.cli.shims.reassignment_files import LogDirPlan, Plan, ids_text
from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.configs import Resource, ResourceType, alter_configs
from raftkafka.client.reassignments import Reassignment
from raftkafka.types import TopicPartition

LEADER_REPLICAS = "leader.replication.throttled.replicas"
FOLLOWER_REPLICAS = "follower.replication.throttled.replicas"
RATES = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
LOG_DIR_RATE = "replica.alter.log.dirs.io.max.bytes.per.second"


class Move(NamedTuple):
    """Who sends and who fetches, of one partition."""

    sources: frozenset[int]
    destinations: frozenset[int]


Moves = Mapping[TopicPartition, Move]


def moves_of(plan: Plan, current: Plan, ongoing: Mapping[TopicPartition, Reassignment]) -> Moves:
    """Return all moves: those that go on, and those of a plan in their place or beside them."""
    moves = {
        key: Move(
            frozenset(each.replicas) - frozenset(each.adding),
            frozenset(each.adding),
        )
        for key, each in ongoing.items()
    }
    for key, target in plan.items():
        sources = moves[key].sources if key in moves else frozenset(current[key])
        moves[key] = Move(sources, frozenset(target) - sources)
    return moves


def throttled_replicas(moves: Moves) -> dict[str, dict[str, str]]:
    """Return the configs of each topic that name the replicas to throttle, in Kafka's order."""
    leaders: dict[str, set[str]] = {}
    followers: dict[str, set[str]] = {}
    for key, move in moves.items():
        leaders.setdefault(key.topic, set()).update(
            f"{key.partition}:{node_id}" for node_id in move.sources
        )
        followers.setdefault(key.topic, set()).update(
            f"{key.partition}:{node_id}" for node_id in move.destinations
        )
    return {
        topic: {
            LEADER_REPLICAS: ",".join(sorted(leaders[topic])),
            FOLLOWER_REPLICAS: ",".join(sorted(followers[topic])),
        }
        for topic in sorted(leaders)
    }


def set_throttles(client: Client, moves: Moves, bytes_per_s: int) -> None:
    """Throttle what is moved between brokers.

    Raises:
        ClientError: a broker does not know the rates; then nothing is throttled.
    """
    involved = sorted(
        {node_id for move in moves.values() for node_id in move.sources | move.destinations}
    )
    for node_id in involved:
        alter_configs(client, _broker(node_id), to_set=dict.fromkeys(RATES, str(bytes_per_s)))
    for topic, configs in throttled_replicas(moves).items():
        alter_configs(client, Resource(ResourceType.TOPIC, topic), to_set=configs)


def set_log_dir_throttle(client: Client, log_dirs: LogDirPlan, bytes_per_s: int) -> None:
    """Throttle what is moved between log directories.

    Raises:
        ClientError: a broker does not know the rate.
    """
    for node_id in sorted({replica.node_id for replica in log_dirs}):
        alter_configs(client, _broker(node_id), to_set={LOG_DIR_RATE: str(bytes_per_s)})


def clear_throttles(client: Client, plan: Plan) -> None:
    """Remove every throttle of all brokers and of the topics of a plan.

    Raises:
        ClientError: a topic or a broker of the plan is not there.
    """
    brokers = {broker.node_id for broker in describe_cluster(client).brokers}
    involved = sorted(brokers.union(*plan.values()))
    plural = "" if len(involved) == 1 else "s"
    print(f"Clearing broker-level throttles on broker{plural} {ids_text(involved)}")
    for node_id in involved:
        alter_configs(client, _broker(node_id), to_set={}, to_delete=(*RATES, LOG_DIR_RATE))
    topics = sorted({key.topic for key in plan})
    plural = "" if len(topics) == 1 else "s"
    print(f"Clearing topic-level throttles on topic{plural} {','.join(topics)}")
    for topic in topics:
        alter_configs(
            client,
            Resource(ResourceType.TOPIC, topic),
            to_set={},
            to_delete=(LEADER_REPLICAS, FOLLOWER_REPLICAS),
        )


def _broker(node_id: int) -> Resource:
    return Resource(ResourceType.BROKER, str(node_id))

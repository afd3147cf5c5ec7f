"""Every API that is advertised: its versions and its handler. An API is added here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.schema import Response
from raftkafka.server.answers import Encoded
from raftkafka.server.handlers import (
    api_versions,
    cluster,
    configs,
    leader_elections,
    log_dirs,
    metadata,
    offsets,
    reassignments,
    records,
    topic_partitions,
    topics,
)

Handler = Callable[..., Response | Encoded | Coroutine[Any, Any, Response | Encoded]]
"""(context, request) -> response, or a coroutine that waits for it; each names its types."""


class Api(NamedTuple):
    """The versions that are answered, and by what; None: by the turn's own Produce or Fetch."""

    key: ApiKey
    min_version: int
    max_version: int
    handler: Handler | None


APIS = (
    Api(ApiKey.PRODUCE, 0, 11, None),  # 0 to 2 are named only because librdkafka asks for them
    Api(ApiKey.FETCH, 4, 16, None),
    Api(ApiKey.LIST_OFFSETS, 1, 9, offsets.handle_list_offsets),
    Api(ApiKey.METADATA, 0, 13, metadata.handle_metadata),
    Api(ApiKey.FIND_COORDINATOR, 0, 5, cluster.handle_find_coordinator),
    Api(ApiKey.API_VERSIONS, 0, 4, api_versions.handle_api_versions),
    Api(ApiKey.CREATE_TOPICS, 2, 7, topics.handle_create_topics),
    Api(ApiKey.DELETE_TOPICS, 1, 6, topics.handle_delete_topics),
    Api(ApiKey.DELETE_RECORDS, 0, 2, records.handle_delete_records),
    Api(ApiKey.INIT_PRODUCER_ID, 0, 4, cluster.handle_init_producer_id),
    Api(ApiKey.OFFSET_FOR_LEADER_EPOCH, 2, 4, offsets.handle_offset_for_leader_epoch),
    Api(ApiKey.DESCRIBE_CONFIGS, 1, 4, configs.handle_describe_configs),
    Api(ApiKey.ALTER_CONFIGS, 0, 2, configs.handle_alter_configs),
    Api(ApiKey.ALTER_REPLICA_LOG_DIRS, 1, 2, log_dirs.handle_alter_replica_log_dirs),
    Api(ApiKey.DESCRIBE_LOG_DIRS, 1, 4, log_dirs.handle_describe_log_dirs),
    Api(ApiKey.CREATE_PARTITIONS, 0, 3, topics.handle_create_partitions),
    Api(ApiKey.ELECT_LEADERS, 0, 2, leader_elections.handle_elect_leaders),
    Api(ApiKey.INCREMENTAL_ALTER_CONFIGS, 0, 1, configs.handle_incremental_alter_configs),
    Api(
        ApiKey.ALTER_PARTITION_REASSIGNMENTS,
        0,
        0,
        reassignments.handle_alter_partition_reassignments,
    ),
    Api(
        ApiKey.LIST_PARTITION_REASSIGNMENTS,
        0,
        0,
        reassignments.handle_list_partition_reassignments,
    ),
    Api(ApiKey.DESCRIBE_QUORUM, 0, 2, cluster.handle_describe_quorum),
    Api(ApiKey.DESCRIBE_CLUSTER, 0, 2, metadata.handle_describe_cluster),
    Api(ApiKey.DESCRIBE_PRODUCERS, 0, 0, records.handle_describe_producers),
    Api(ApiKey.ADD_RAFT_VOTER, 0, 1, cluster.handle_add_raft_voter),
    Api(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0, 0, topic_partitions.handle_describe_topic_partitions),
)

ADVERTISED = tuple((api.key, api.min_version, api.max_version) for api in APIS)

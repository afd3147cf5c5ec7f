"""Which part of the controller decides which of Kafka's requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from metadata.controller.alter_partition import alter_partition
from metadata.controller.configs import alter_configs, incremental_alter_configs
from metadata.controller.decision import Decision, Situation
from metadata.controller.leader_elections import elect_leaders
from metadata.controller.partitions import create_partitions
from metadata.controller.reassignments import (
    alter_partition_reassignments,
    list_partition_reassignments,
)
from metadata.controller.topic_deletion import delete_topics
from metadata.controller.topics import create_topics
from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.schema import Response

Decide = Callable[[Situation, Any], Decision[Response]]

DECIDERS: Mapping[ApiKey, Decide] = MappingProxyType(
    {
        ApiKey.CREATE_TOPICS: create_topics,
        ApiKey.DELETE_TOPICS: delete_topics,
        ApiKey.CREATE_PARTITIONS: create_partitions,
        ApiKey.ALTER_CONFIGS: alter_configs,
        ApiKey.INCREMENTAL_ALTER_CONFIGS: incremental_alter_configs,
        ApiKey.ALTER_PARTITION: alter_partition,
        ApiKey.ELECT_LEADERS: elect_leaders,
        ApiKey.ALTER_PARTITION_REASSIGNMENTS: alter_partition_reassignments,
        ApiKey.LIST_PARTITION_REASSIGNMENTS: list_partition_reassignments,
    }
)
"""Each takes the request of its API and answers with that API's response."""

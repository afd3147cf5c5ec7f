"""The configs of topics that kafka-topics shows beside their partitions."""

from __future__ import annotations

from collections.abc import Sequence

from raftkafka.client.client import Client
from raftkafka.client.configs import (
    ConfigSource,
    Resource,
    ResourceType,
    describe_configs,
    source_of,
)


class TopicConfigs:
    """What differs from Kafka's defaults, by topic; the broker's own settings count too."""

    def __init__(self, client: Client, names: Sequence[str]) -> None:
        resources = [Resource(ResourceType.TOPIC, name) for name in names]
        self._entries = {
            resource.name: entries
            for resource, entries in describe_configs(client, resources).items()
        }

    def overrides(self, topic: str) -> dict[str, str]:
        """Return key and value of what is not a default."""
        return {
            entry.name: "null" if entry.value is None else entry.value
            for entry in self._entries[topic]
            if source_of(entry.config_source) is not ConfigSource.DEFAULT_CONFIG
        }

    def min_insync_replicas(self, topic: str) -> int:
        """Return the value in effect."""
        for entry in self._entries[topic]:
            if entry.name == "min.insync.replicas" and entry.value is not None:
                return int(entry.value)
        return 1

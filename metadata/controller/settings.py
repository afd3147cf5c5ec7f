"""Settings that the controller itself goes by, as they hold for a topic.

The topic's own come first, then the dynamic default of all brokers, then the file's. Settings
for a single broker do not count: partitions of one topic lie on several.
"""

from __future__ import annotations

from metadata.image import MetadataImage
from metadata.records import BROKER_CONFIG, TOPIC_CONFIG
from raftkafka.config import BrokerConfig

MIN_INSYNC_REPLICAS = "min.insync.replicas"
UNCLEAN_LEADER_ELECTION = "unclean.leader.election.enable"


def min_isr(image: MetadataImage, config: BrokerConfig, topic: str) -> int:
    """Return the least size of the ISR for acks=all, be there as many replicas or not."""
    value = _set_value(image, topic, MIN_INSYNC_REPLICAS)
    return config.min_insync_replicas if value is None else int(value)


def unclean_election_allowed(image: MetadataImage, config: BrokerConfig, topic: str) -> bool:
    """Whether a replica that may lack records is better than no leader."""
    value = _set_value(image, topic, UNCLEAN_LEADER_ELECTION)
    if value is None:
        return config.unclean_leader_election_enable
    return value.strip().lower() == "true"


def _set_value(image: MetadataImage, topic: str, key: str) -> str | None:
    value = image.config(TOPIC_CONFIG, topic).get(key)
    return image.config(BROKER_CONFIG, "").get(key) if value is None else value

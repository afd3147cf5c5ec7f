"""The settings of each topic's logs: its own over the broker's, from the metadata as it is now."""

from __future__ import annotations

from metadata.image import MetadataImage
from metadata.records import BROKER_CONFIG, TOPIC_CONFIG
from raftkafka.config import BrokerConfig
from raftkafka.config.resolve import BrokerLevels, over
from raftkafka.log.log_config import LogConfig

ALL_BROKERS = ""


class LogConfigs:
    """Keeps what all topics share for as long as no broker key changes."""

    def __init__(self, node_id: int, config: BrokerConfig) -> None:
        self._node_id = node_id
        self._config = config
        self._levels: BrokerLevels | None = None
        self._defaults = LogConfig()

    def of(self, image: MetadataImage, topic: str) -> LogConfig:
        """Return the settings of one topic's logs on this broker."""
        cluster = image.config(BROKER_CONFIG, ALL_BROKERS)
        broker = image.config(BROKER_CONFIG, str(self._node_id))
        known = self._levels
        if known is None or known.cluster is not cluster or known.broker is not broker:
            self._levels = BrokerLevels(self._config, cluster, broker)
            self._defaults = self._levels.log_defaults()
        own = image.config(TOPIC_CONFIG, topic)
        return over(self._defaults, own) if own else self._defaults

"""Configuration: the tables of keys, server.properties, and the values in effect."""

from raftkafka.config.broker_keys import BrokerConfig
from raftkafka.config.endpoints import Endpoint
from raftkafka.config.load import LoadedConfig, load

__all__ = ["BrokerConfig", "Endpoint", "LoadedConfig", "load"]

"""A broker's configuration: all its keys in one table, and their values as typed attributes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from raftkafka.config.cluster_keys import ClusterKeys
from raftkafka.config.endpoints import Endpoint
from raftkafka.config.log_keys import LogKeys
from raftkafka.config.network_keys import NetworkKeys


class BrokerConfig(ClusterKeys, NetworkKeys, LogKeys):
    """What a broker runs with: one attribute per key, named as the key with underscores.

    Attributes hold what follows from several keys, too: ``log_dirs``, ``metadata_log_dir``,
    ``advertised_listeners`` and ``inter_broker_listener_name`` are never empty, ``listeners``
    and ``advertised_listeners`` leave out those of ``controller_listener_names``.
    ``BrokerConfig(num_partitions=3)`` is a broker at its defaults but for that.
    """

    given: Mapping[str, str] = MappingProxyType({})
    """The keys that the file and the command line set, and their text."""

    def __post_init__(self) -> None:
        """Fill in what follows from other keys."""
        values = self.__dict__
        values["log_dirs"] = self.log_dirs or self.log_dir
        values["metadata_log_dir"] = self.metadata_log_dir or self.log_dirs[0]
        values["listeners"] = self._for_clients(self.listeners)
        advertised = self.advertised_listeners or self.listeners
        values["advertised_listeners"] = self._for_clients(advertised)
        name = self.inter_broker_listener_name or self.listeners[0].name
        values["inter_broker_listener_name"] = name.upper()

    def _for_clients(self, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        protocols = dict(self.listener_security_protocol_map)
        controllers = {name.upper() for name in self.controller_listener_names}
        return tuple(
            endpoint._replace(protocol=protocols.get(endpoint.name, endpoint.protocol))
            for endpoint in endpoints
            if endpoint.name not in controllers
        )

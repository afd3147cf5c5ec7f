"""A broker's configuration: all its keys in one table, and their values as typed attributes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from raftkafka.config.cluster_keys import ClusterKeys
from raftkafka.config.coordinator_keys import GroupKeys, TransactionKeys
from raftkafka.config.endpoints import Endpoint
from raftkafka.config.keys import Effect, Key
from raftkafka.config.log_keys import LogKeys
from raftkafka.config.network_keys import NetworkKeys
from raftkafka.config.tls_keys import TlsKeys
from raftkafka.config.unused_keys import PREFIXES, REMOVED_KEYS, UNUSED_KEYS
from raftkafka.config.values import format_value


class BrokerConfig(ClusterKeys, NetworkKeys, TlsKeys, LogKeys, GroupKeys, TransactionKeys):
    """What a broker runs with: one attribute per key, named as the key with underscores.

    Some attributes hold what follows from several keys: ``log_dirs``, ``metadata_log_dir``,
    ``advertised_listeners`` and ``inter_broker_listener_name`` are never empty; ``listeners``
    and ``advertised_listeners`` are for clients, ``controller_listeners`` for the quorum.
    ``BrokerConfig(num_partitions=3)`` is a broker at its defaults but for that.
    """

    given: Mapping[str, str] = MappingProxyType({})
    """What was set, by a file, the command line or a caller: Kafka's names and their text."""

    controller_listeners: tuple[Endpoint, ...] = ()
    """Those of ``listeners`` that ``controller.listener.names`` names."""

    cluster_protocol: str = "PLAINTEXT"
    """The security protocol between nodes: that of the first of ``controller.listener.names``."""

    def __post_init__(self) -> None:
        """Fill in what follows from other keys."""
        values = self.__dict__
        if "given" not in values:
            values["given"] = MappingProxyType(self._texts())
        values["log_dirs"] = self.log_dirs or self.log_dir
        values["metadata_log_dir"] = self.metadata_log_dir or next(iter(self.log_dirs), "")
        advertised = self.advertised_listeners or self.listeners
        of_quorum = {name.upper() for name in self.controller_listener_names}
        protocols = dict(self.listener_security_protocol_map)
        for name in self.controller_listener_names[:1]:
            values["cluster_protocol"] = protocols.get(name.upper(), "PLAINTEXT")
        every = tuple(e._replace(protocol=protocols.get(e.name, "")) for e in self.listeners)
        values["listeners"] = tuple(e for e in every if e.name not in of_quorum)
        values["controller_listeners"] = tuple(e for e in every if e.name in of_quorum)
        values["advertised_listeners"] = tuple(
            e._replace(protocol=protocols.get(e.name, ""))
            for e in advertised
            if e.name not in of_quorum
        )
        first = next((e.name for e in self.listeners), "")
        values["inter_broker_listener_name"] = (self.inter_broker_listener_name or first).upper()

    def _texts(self) -> dict[str, str]:
        """Return the texts of values that a caller gave as values."""
        texts: dict[str, str] = {}
        for name, attribute in self.attributes.items():
            if attribute in self.__dict__ and self.keys[name].read is None:
                text = format_value(self.__dict__[attribute])
                if text is not None:
                    texts[name] = text
        return texts


BROKER_KEYS: Mapping[str, Key] = MappingProxyType(
    {**BrokerConfig.keys, **{key.name: key for key in (*REMOVED_KEYS, *UNUSED_KEYS)}}
)
"""Every broker key by Kafka's name, those without an attribute of ``BrokerConfig`` included."""


def effect_of(name: str) -> Effect | None:
    """Return what a key does here, or ``None`` if there is no such key."""
    if name in BROKER_KEYS:
        return BROKER_KEYS[name].effect
    return next((effect for prefix, effect in PREFIXES.items() if name.startswith(prefix)), None)

"""What a node is, by its configuration: broker, controller or both, alone or with others.

Source: Kafka's ``KafkaConfig`` (``process.roles``); without it, a voter is both and any other node
is a broker.
"""

from __future__ import annotations

from types import MappingProxyType

from metadata.cluster.settings import Address, ClusterSettings
from metadata.records import BrokerEndpoint
from raftkafka.config import BrokerConfig
from raftkafka.config.quorum_rules import is_lone
from raftkafka.config.voters import Voter, parse_server


def own_entry(config: BrokerConfig) -> Voter | None:
    """Return this node's entry among the voters, if it has one."""
    voters = config.controller_quorum_voters
    return next((voter for voter in voters if voter.node_id == config.node_id), None)


def has_peers(config: BrokerConfig) -> bool:
    """Whether there are, or may be, other nodes: then there is a cluster port."""
    return not is_lone(config)


def is_broker(config: BrokerConfig) -> bool:
    """Whether this node serves clients."""
    return not config.process_roles or "broker" in config.process_roles


def cluster_settings(config: BrokerConfig, incarnation_id: bytes, secret: bytes) -> ClusterSettings:
    """Return what the channels to other nodes need to know."""
    entry = own_entry(config)
    listeners = config.controller_listeners
    listen = None
    if entry is not None:
        listen = Address(*listeners[0][2:]) if listeners else Address(entry.host, entry.port)
    return ClusterSettings(
        node_id=config.node_id,
        incarnation_id=incarnation_id,
        voters=MappingProxyType({it.node_id: it for it in config.controller_quorum_voters}),
        bootstrap_servers=tuple(map(_address, config.controller_quorum_bootstrap_servers)),
        listen=listen,
        secret=secret,
    )


def cluster_endpoint(
    config: BrokerConfig, advertised: tuple[BrokerEndpoint, ...]
) -> BrokerEndpoint | None:
    """Return where other nodes find this one: a voter's entry, or the listener between brokers."""
    entry = own_entry(config)
    if entry is not None:
        name = next(iter(config.controller_listener_names), "CONTROLLER")
        return BrokerEndpoint(name, entry.host, entry.port, config.cluster_protocol)
    return next((it for it in advertised if it.name == config.inter_broker_listener_name), None)


def _address(server: str) -> Address:
    endpoint = parse_server(server)
    return Address(endpoint.host, endpoint.port)

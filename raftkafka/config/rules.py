"""What several keys must be together, and what their owner should know.

Source: Kafka 4.3 ``KafkaConfig.validateValues``, ``SocketServerConfigs``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from raftkafka.config import quorum_rules
from raftkafka.config.broker_keys import BrokerConfig
from raftkafka.config.endpoints import META_ADDRESSES, PLAINTEXT
from raftkafka.config.quorum_rules import Breach, Breaches

COMPACTS_LATER = (
    "compaction begins with the log cleaner; until then a log that is only compacted keeps "
    "everything"
)

NOT_ABOVE = (
    ("replica.fetch.wait.max.ms", "replica.lag.time.max.ms"),
    ("replica.fetch.wait.max.ms", "replica.socket.timeout.ms"),
    ("broker.heartbeat.interval.ms", "broker.session.timeout.ms"),
    ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
    ("log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"),
)
"""Pairs of keys of which the first may not be the greater."""


def breaches(config: BrokerConfig) -> Breaches:
    """Find what does not go together."""
    for rule in RULES:
        yield from rule(config)


def listeners_differ(config: BrokerConfig) -> Breaches:
    """Names and ports of listeners are different, but for IPv4 and IPv6 on one port."""
    serves_clients = not config.process_roles or "broker" in config.process_roles
    if not config.listeners and serves_clients:
        yield Breach("listeners", "clients need a listener of their own")
    every = (*config.listeners, *config.controller_listeners)
    for name, count in Counter(endpoint.name for endpoint in every).items():
        if count > 1:
            yield Breach("listeners", f"each listener must have a different name, not {name} twice")
    ports = Counter((e.port, ":" in e.host) for e in every if e.port)
    for (port, _), count in ports.items():
        if count > 1:
            yield Breach("listeners", f"each listener must have a different port, not {port} twice")


def listeners_are_plaintext(config: BrokerConfig) -> Breaches:
    """No listener is open that its owner believes to be guarded."""
    for endpoint in config.listeners:
        if not endpoint.protocol:
            yield Breach(
                "listeners",
                f"listener {endpoint.name} has no security protocol: add "
                f"{endpoint.name}:{PLAINTEXT} to listener.security.protocol.map",
            )
        elif endpoint.protocol != PLAINTEXT:
            yield Breach(
                "listeners",
                f"listener {endpoint.name} is {endpoint.protocol}, which is not supported yet: "
                f"valid is {PLAINTEXT}",
            )
    if config.security_inter_broker_protocol != PLAINTEXT:
        yield Breach("security.inter.broker.protocol", f"not supported yet: valid is {PLAINTEXT}")


def advertised_are_reachable(config: BrokerConfig) -> Breaches:
    """What clients are told names a listener, and a host that they can connect to."""
    names = {endpoint.name for endpoint in config.listeners}
    if config.listeners and config.inter_broker_listener_name not in names:
        name = config.inter_broker_listener_name
        yield Breach("inter.broker.listener.name", f"{name} is none of listeners")
    if "advertised.listeners" not in config.given:
        return
    for endpoint in config.advertised_listeners:
        if endpoint.name not in names:
            yield Breach("advertised.listeners", f"{endpoint.name} is none of listeners")
        if endpoint.host and endpoint.host in META_ADDRESSES:
            yield Breach(
                "advertised.listeners",
                f"nobody can connect to {endpoint.host}: give a name or an address of this host",
            )


def numbers_fit(config: BrokerConfig) -> Breaches:
    """Limits leave room for what they limit."""
    for smaller, greater in NOT_ABOVE:
        low, high = config.value_of(smaller), config.value_of(greater)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield Breach(smaller, f"must not be more than {greater}, which is {high}")
    if not config.max_connections_per_ip and not config.max_connections_per_ip_overrides:
        why = "0 shuts everyone out, unless max.connections.per.ip.overrides lets some in"
        yield Breach("max.connections.per.ip", why)


def log_dirs_differ(config: BrokerConfig) -> Breaches:
    """Each log directory is one, and comes once."""
    key = "log.dirs" if "log.dirs" in config.given else "log.dir"
    if not all(config.log_dirs):
        yield Breach(key, "names no directory")
    if len(set(config.log_dirs)) < len(config.log_dirs):
        yield Breach(key, "each directory must come once")


RULES: tuple[Callable[[BrokerConfig], Breaches], ...] = (
    listeners_differ,
    quorum_rules.cluster_listener_is_there,  # before others take a misspelt one for a client's
    listeners_are_plaintext,
    advertised_are_reachable,
    quorum_rules.roles_fit,
    quorum_rules.quorum_is_sound,
    quorum_rules.tls_is_complete,
    numbers_fit,
    log_dirs_differ,
)


def remarks(config: BrokerConfig) -> Iterator[str]:
    """Say what is not as it seems, though nothing is wrong."""
    yield from quorum_rules.remarks(config)
    if "compact" in config.log_cleanup_policy:
        yield f"log.cleanup.policy=compact: {COMPACTS_LATER}"

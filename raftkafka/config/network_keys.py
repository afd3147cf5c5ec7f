"""Broker keys of the network: listeners, connections, requests.

Names, types, defaults and ranges: Kafka 4.3 ``SocketServerConfigs``, ``ServerConfigs``.
"""

from __future__ import annotations

from raftkafka.config.effects import WITH_CLUSTER, WITH_QUOTAS, WITH_SESSIONS
from raftkafka.config.endpoints import (
    Endpoint,
    parse_endpoints,
    parse_ip_limits,
    parse_protocol_map,
)
from raftkafka.config.keys import Update
from raftkafka.config.section import (
    Section,
    converted,
    integer,
    long,
    optional_string,
    string,
)
from raftkafka.config.values import INT_MAX, Type

DEFAULT_PROTOCOLS = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"


class NetworkKeys(Section):
    """Where the broker listens, and how much of its peers it takes."""

    listeners: tuple[Endpoint, ...] = converted(
        parse_endpoints,
        Type.LIST,
        "listeners",
        default="PLAINTEXT://:9092",
        doc="Where clients connect: NAME://host:port, separated by commas. An empty host means "
        "every interface, port 0 lets the system choose.",
    )
    advertised_listeners: tuple[Endpoint, ...] = converted(
        parse_endpoints,
        Type.LIST,
        "advertised.listeners",
        default=None,
        doc="What clients are told to connect to; listeners if not set, with this host's name "
        "for an empty host.",
    )
    listener_security_protocol_map: tuple[tuple[str, str], ...] = converted(
        parse_protocol_map,
        Type.STRING,
        "listener.security.protocol.map",
        default=DEFAULT_PROTOCOLS,
        doc="The security protocol of each listener, NAME:PROTOCOL, separated by commas. So far "
        "a listener in use must be PLAINTEXT.",
    )
    inter_broker_listener_name: str | None = optional_string(
        "inter.broker.listener.name",
        default=None,
        doc="The listener that brokers use among themselves; the first PLAINTEXT one if not set.",
    )
    security_inter_broker_protocol: str = string(
        "security.inter.broker.protocol",
        default="PLAINTEXT",
        doc="The security protocol that brokers use among themselves, where "
        "inter.broker.listener.name is not set. So far it must be PLAINTEXT.",
    )
    http_listeners: tuple[Endpoint, ...] = converted(
        parse_endpoints,
        Type.LIST,
        "http.listeners",
        default="",
        doc="Where /metrics, /livez and /readyz are served, for example HTTP://localhost:9308; "
        "nowhere if empty. raftkafka's own.",
    )
    socket_send_buffer_bytes: int = integer(
        "socket.send.buffer.bytes",
        default=262144,
        at_least=-1,
        doc="SO_SNDBUF of a connection; -1 for the system's own. Kafka's default, 102400, takes "
        "more wake-ups for the same data.",
    )
    socket_receive_buffer_bytes: int = integer(
        "socket.receive.buffer.bytes",
        default=-1,
        at_least=-1,
        doc="SO_RCVBUF of a connection; -1 for the system's own, which grows with the load. "
        "Kafka's default, 102400, takes more wake-ups for the same data.",
    )
    socket_request_max_bytes: int = integer(
        "socket.request.max.bytes",
        default=104857600,
        at_least=1,
        doc="The size of the largest request; a connection that sends a larger one is closed.",
    )
    socket_listen_backlog_size: int = integer(
        "socket.listen.backlog.size",
        default=50,
        at_least=1,
        doc="How many connections may wait to be accepted.",
    )
    max_connections: int = integer(
        "max.connections",
        default=INT_MAX,
        at_least=0,
        update=Update.CLUSTER_WIDE,
        doc="How many connections the broker takes at a time.",
    )
    max_connections_per_ip: int = integer(
        "max.connections.per.ip",
        default=INT_MAX,
        at_least=0,
        update=Update.CLUSTER_WIDE,
        doc="How many connections one address may have at a time.",
    )
    max_connections_per_ip_overrides: tuple[tuple[str, int], ...] = converted(
        parse_ip_limits,
        Type.STRING,
        "max.connections.per.ip.overrides",
        default="",
        doc="Limits of single addresses in place of max.connections.per.ip: address:limit, "
        "separated by commas.",
    )
    max_connection_creation_rate: int = integer(
        "max.connection.creation.rate",
        default=INT_MAX,
        at_least=0,
        effect=WITH_QUOTAS,
        doc="How many connections are accepted in a second.",
    )
    connections_max_idle_ms: int = long(
        "connections.max.idle.ms",
        default=600000,
        doc="How long a connection may be silent before it is closed; -1 for ever.",
    )
    queued_max_requests: int = integer(
        "queued.max.requests",
        default=500,
        at_least=1,
        doc="How many requests may wait; beyond that, connections are not read.",
    )
    max_request_partition_size_limit: int = integer(
        "max.request.partition.size.limit",
        default=2000,
        at_least=1,
        doc="How many partitions one answer to DescribeTopicPartitions holds.",
    )
    fetch_max_bytes: int = integer(
        "fetch.max.bytes",
        default=57671680,
        at_least=1024,
        doc="The most that one Fetch is answered with, whatever it asks for.",
    )
    max_incremental_fetch_session_cache_slots: int = integer(
        "max.incremental.fetch.session.cache.slots",
        default=1000,
        at_least=0,
        effect=WITH_SESSIONS,
        doc="How many fetch sessions are kept.",
    )
    request_timeout_ms: int = integer(
        "request.timeout.ms",
        default=30000,
        effect=WITH_CLUSTER,
        doc="How long the broker waits for the controller to answer what a client asked.",
    )

"""Broker keys of the cluster: identity, quorum, topics, replication.

Names, types, defaults and ranges: Kafka 4.3 ``KRaftConfigs``, ``QuorumConfig``,
``ReplicationConfigs``, ``ServerConfigs``.
"""

from __future__ import annotations

from raftkafka.config.effects import WITH_CLUSTER, WITH_REPLICATION
from raftkafka.config.keys import Update
from raftkafka.config.section import (
    Section,
    boolean,
    converted,
    integer,
    long,
    optional_string,
    strings,
)
from raftkafka.config.values import Type
from raftkafka.config.voters import Voter, parse_servers, parse_voters


class ClusterKeys(Section):
    """Who this node is, with whom it agrees, and what topics get by default."""

    node_id: int = integer(
        "node.id",
        default=1,
        at_least=0,
        doc="The number of this node, its own in the cluster.",
    )
    broker_id: int = integer(
        "broker.id",
        default=-1,
        at_least=-1,
        doc="The old name of node.id; -1 for not set.",
    )
    process_roles: tuple[str, ...] = strings(
        "process.roles",
        default="",
        choices=("broker", "controller"),
        doc="What this node is: a broker, a controller, which votes, or both. Not set, a node "
        "among the voters is both, another one a broker. A lone node is both.",
    )
    broker_rack: str | None = optional_string(
        "broker.rack",
        default=None,
        doc="Where this broker stands; replicas of a partition are spread over racks.",
    )
    controller_listener_names: tuple[str, ...] = strings(
        "controller.listener.names",
        default="",
        doc="Which of the listeners are for other nodes; clients are not served there. The first "
        "one's security protocol holds between all nodes: PLAINTEXT or SSL. A node without "
        "controller.quorum.voters does not open them.",
    )
    controller_quorum_voters: tuple[Voter, ...] = converted(
        parse_voters,
        Type.LIST,
        "controller.quorum.voters",
        default="",
        doc="The nodes that keep the metadata: id@host:port, separated by commas; 1, 3 or 5, the "
        "same list on all nodes, for good. Empty for a lone node, which no other can join.",
    )
    controller_quorum_bootstrap_servers: tuple[str, ...] = converted(
        parse_servers,
        Type.LIST,
        "controller.quorum.bootstrap.servers",
        default="",
        doc="Where a broker that has no vote asks who the voters are: host:port of one or several "
        "of them. Not needed with controller.quorum.voters.",
    )
    controller_quorum_election_timeout_ms: int = integer(
        "controller.quorum.election.timeout.ms",
        default=1000,
        at_least=0,
        doc="How long voters hear nothing of a leader, about, before they elect another. A leader "
        "that hears of no majority for 0.6 of it steps down.",
    )
    cluster_secret_file: str | None = optional_string(
        "cluster.secret.file",
        default=None,
        doc="A file with the secret by which nodes know each other: 'raftkafka secret FILE' makes "
        "one. Without it or TLS, only nodes of the same machine are let in. raftkafka's own.",
    )
    num_partitions: int = integer(
        "num.partitions",
        default=1,
        at_least=1,
        doc="How many partitions a new topic gets that does not say.",
    )
    default_replication_factor: int = integer(
        "default.replication.factor",
        default=1,
        at_least=1,
        doc="How many replicas a new topic's partitions get when it does not say.",
    )
    min_insync_replicas: int = integer(
        "min.insync.replicas",
        default=1,
        at_least=1,
        update=Update.CLUSTER_WIDE,
        doc="How many replicas must hold a record before a producer with acks=all is answered.",
    )
    unclean_leader_election_enable: bool = boolean(
        "unclean.leader.election.enable",
        default=False,
        update=Update.CLUSTER_WIDE,
        doc="Whether a replica that may miss committed records can lead when no other is left.",
    )
    auto_create_topics_enable: bool = boolean(
        "auto.create.topics.enable",
        default=True,
        doc="Whether a client that asks for an unknown topic gets it created.",
    )
    delete_topic_enable: bool = boolean(
        "delete.topic.enable",
        default=True,
        doc="Whether topics can be deleted.",
    )
    controlled_shutdown_enable: bool = boolean(
        "controlled.shutdown.enable",
        default=True,
        doc="Whether a broker that stops hands its leaderships over first.",
    )
    broker_heartbeat_interval_ms: int = integer(
        "broker.heartbeat.interval.ms",
        default=2000,
        doc="How often a broker tells the controller that it lives.",
    )
    broker_session_timeout_ms: int = integer(
        "broker.session.timeout.ms",
        default=9000,
        doc="How long a broker may be silent before it is fenced.",
    )
    initial_broker_registration_timeout_ms: int = integer(
        "initial.broker.registration.timeout.ms",
        default=60000,
        doc="How long a starting broker tries to register.",
    )
    num_replica_fetchers: int = integer(
        "num.replica.fetchers",
        default=1,
        at_least=1,
        effect=WITH_REPLICATION,
        doc="Connections by which a follower fetches from one leader.",
    )
    replica_lag_time_max_ms: int = long(
        "replica.lag.time.max.ms",
        default=30000,
        effect=WITH_REPLICATION,
        doc="How long a follower may be behind before it leaves the in-sync replicas.",
    )
    replica_fetch_max_bytes: int = integer(
        "replica.fetch.max.bytes",
        default=1048576,
        at_least=0,
        effect=WITH_REPLICATION,
        doc="The most that a follower asks of one partition at a time.",
    )
    replica_fetch_response_max_bytes: int = integer(
        "replica.fetch.response.max.bytes",
        default=10485760,
        at_least=0,
        effect=WITH_REPLICATION,
        doc="The most that a follower asks of all partitions at a time.",
    )
    replica_fetch_min_bytes: int = integer(
        "replica.fetch.min.bytes",
        default=1,
        effect=WITH_REPLICATION,
        doc="How much a leader waits for before it answers a follower.",
    )
    replica_fetch_wait_max_ms: int = integer(
        "replica.fetch.wait.max.ms",
        default=500,
        effect=WITH_REPLICATION,
        doc="How long a leader waits for that much.",
    )
    replica_fetch_backoff_ms: int = integer(
        "replica.fetch.backoff.ms",
        default=1000,
        at_least=0,
        effect=WITH_REPLICATION,
        doc="How long a follower rests after a failed fetch.",
    )
    replica_socket_timeout_ms: int = integer(
        "replica.socket.timeout.ms",
        default=30000,
        effect=WITH_REPLICATION,
        doc="How long a follower waits for an answer.",
    )
    replica_socket_receive_buffer_bytes: int = integer(
        "replica.socket.receive.buffer.bytes",
        default=65536,
        effect=WITH_REPLICATION,
        doc="SO_RCVBUF of a follower's connection.",
    )
    replica_high_watermark_checkpoint_interval_ms: int = long(
        "replica.high.watermark.checkpoint.interval.ms",
        default=5000,
        at_least=1,
        doc="How often the high watermarks are written down.",
    )
    auto_leader_rebalance_enable: bool = boolean(
        "auto.leader.rebalance.enable",
        default=True,
        effect=WITH_CLUSTER,
        doc="Whether leaderships go back to the preferred replicas by themselves.",
    )
    leader_imbalance_check_interval_seconds: int = long(
        "leader.imbalance.check.interval.seconds",
        default=300,
        at_least=1,
        effect=WITH_CLUSTER,
        doc="How often that is looked at.",
    )
    unclean_leader_election_interval_ms: int = long(
        "unclean.leader.election.interval.ms",
        default=300000,
        at_least=1,
        effect=WITH_CLUSTER,
        doc="How often partitions without a leader are looked for that an unclean election may "
        "give one.",
    )

"""Broker keys of the coordinators: groups and their offsets, transactions.

Names, types, defaults and ranges: Kafka 4.3 ``GroupCoordinatorConfig``, ``TransactionLogConfig``,
``TransactionStateManagerConfig``. They are checked and kept; the coordinators read them.
"""

from __future__ import annotations

from raftkafka.config.checks import one_of
from raftkafka.config.effects import WITH_GROUPS, WITH_TRANSACTIONS
from raftkafka.config.section import Section, boolean, integer, long, string, strings
from raftkafka.config.values import INT_MAX, Type


class GroupKeys(Section):
    """Groups and their offsets."""

    group_initial_rebalance_delay_ms: int = integer(
        "group.initial.rebalance.delay.ms",
        default=3000,
        effect=WITH_GROUPS,
        doc="How long the first rebalance of an empty group waits for further members.",
    )
    group_min_session_timeout_ms: int = integer(
        "group.min.session.timeout.ms",
        default=6000,
        effect=WITH_GROUPS,
        doc="The shortest session that a member may ask for.",
    )
    group_max_session_timeout_ms: int = integer(
        "group.max.session.timeout.ms",
        default=1800000,
        effect=WITH_GROUPS,
        doc="The longest session that a member may ask for.",
    )
    group_max_size: int = integer(
        "group.max.size",
        default=INT_MAX,
        at_least=1,
        effect=WITH_GROUPS,
        doc="How many members a group may have.",
    )
    group_coordinator_rebalance_protocols: tuple[str, ...] = strings(
        "group.coordinator.rebalance.protocols",
        default="classic,consumer,streams",
        choices=("consumer", "classic", "share", "streams"),
        effect=WITH_GROUPS,
        doc="Which group protocols are spoken.",
    )
    group_consumer_session_timeout_ms: int = integer(
        "group.consumer.session.timeout.ms",
        default=45000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="How long a member may be silent (KIP-848).",
    )
    group_consumer_min_session_timeout_ms: int = integer(
        "group.consumer.min.session.timeout.ms",
        default=45000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="The least that a group may set for that.",
    )
    group_consumer_max_session_timeout_ms: int = integer(
        "group.consumer.max.session.timeout.ms",
        default=60000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="The most that a group may set for that.",
    )
    group_consumer_heartbeat_interval_ms: int = integer(
        "group.consumer.heartbeat.interval.ms",
        default=5000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="How often a member reports (KIP-848).",
    )
    group_consumer_min_heartbeat_interval_ms: int = integer(
        "group.consumer.min.heartbeat.interval.ms",
        default=5000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="The least that a group may set for that.",
    )
    group_consumer_max_heartbeat_interval_ms: int = integer(
        "group.consumer.max.heartbeat.interval.ms",
        default=15000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="The most that a group may set for that.",
    )
    group_consumer_assignment_interval_ms: int = integer(
        "group.consumer.assignment.interval.ms",
        default=1000,
        at_least=0,
        effect=WITH_GROUPS,
        doc="How much time lies between two assignments of a group.",
    )
    group_consumer_min_assignment_interval_ms: int = integer(
        "group.consumer.min.assignment.interval.ms",
        default=0,
        at_least=0,
        effect=WITH_GROUPS,
        doc="The least that a group may set for that.",
    )
    group_consumer_max_assignment_interval_ms: int = integer(
        "group.consumer.max.assignment.interval.ms",
        default=15000,
        at_least=0,
        effect=WITH_GROUPS,
        doc="The most that a group may set for that.",
    )
    group_consumer_max_size: int = integer(
        "group.consumer.max.size",
        default=INT_MAX,
        at_least=1,
        effect=WITH_GROUPS,
        doc="How many members a group may have (KIP-848).",
    )
    group_consumer_assignors: tuple[str, ...] = strings(
        "group.consumer.assignors",
        default="uniform,range",
        effect=WITH_GROUPS,
        doc="How the broker assigns partitions; the first is the default.",
    )
    group_consumer_migration_policy: str = string(
        "group.consumer.migration.policy",
        default="bidirectional",
        allowed=one_of(("bidirectional", "upgrade", "downgrade", "disabled"), any_case=True),
        effect=WITH_GROUPS,
        doc="Whether groups may change between the two protocols.",
    )
    offset_metadata_max_bytes: int = integer(
        "offset.metadata.max.bytes",
        default=4096,
        effect=WITH_GROUPS,
        doc="The longest text that may be committed with an offset.",
    )
    offsets_retention_minutes: int = integer(
        "offsets.retention.minutes",
        default=10080,
        at_least=1,
        effect=WITH_GROUPS,
        doc="How long the offsets of an empty group are kept.",
    )
    offsets_retention_check_interval_ms: int = long(
        "offsets.retention.check.interval.ms",
        default=600000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="How often such offsets are looked for.",
    )
    offsets_commit_timeout_ms: int = integer(
        "offsets.commit.timeout.ms",
        default=5000,
        at_least=1,
        effect=WITH_GROUPS,
        doc="How long a commit waits for the replicas.",
    )
    offsets_topic_num_partitions: int = integer(
        "offsets.topic.num.partitions",
        default=50,
        at_least=1,
        effect=WITH_GROUPS,
        doc="Partitions of __consumer_offsets; not to be changed later.",
    )
    offsets_topic_replication_factor: int = integer(
        "offsets.topic.replication.factor",
        default=3,
        at_least=1,
        kind=Type.SHORT,
        effect=WITH_GROUPS,
        doc="Replicas of __consumer_offsets; never more than there are brokers.",
    )
    offsets_topic_segment_bytes: int = integer(
        "offsets.topic.segment.bytes",
        default=104857600,
        at_least=1,
        effect=WITH_GROUPS,
        doc="Segment size of __consumer_offsets.",
    )
    offsets_topic_compression_codec: int = integer(
        "offsets.topic.compression.codec",
        default=0,
        effect=WITH_GROUPS,
        doc="Compression of what is written to __consumer_offsets: 0 none, 1 gzip, 2 "
        "snappy, 3 lz4, 4 zstd.",
    )


class TransactionKeys(Section):
    """Transactions."""

    transaction_max_timeout_ms: int = integer(
        "transaction.max.timeout.ms",
        default=900000,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="The longest transaction that a producer may ask for.",
    )
    transactional_id_expiration_ms: int = integer(
        "transactional.id.expiration.ms",
        default=604800000,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="How long a transactional id that is not used is remembered.",
    )
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int = integer(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        default=10000,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="How often transactions are looked for that took too long.",
    )
    transaction_remove_expired_transaction_cleanup_interval_ms: int = integer(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        default=3600000,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="How often transactional ids are looked for that expired.",
    )
    transaction_partition_verification_enable: bool = boolean(
        "transaction.partition.verification.enable",
        default=True,
        effect=WITH_TRANSACTIONS,
        doc="Whether a partition asks the coordinator before it takes part in a transaction.",
    )
    transaction_two_phase_commit_enable: bool = boolean(
        "transaction.two.phase.commit.enable",
        default=False,
        effect=WITH_TRANSACTIONS,
        doc="Whether transactions without a time limit are allowed (KIP-939).",
    )
    transaction_state_log_num_partitions: int = integer(
        "transaction.state.log.num.partitions",
        default=50,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="Partitions of __transaction_state; not to be changed later.",
    )
    transaction_state_log_replication_factor: int = integer(
        "transaction.state.log.replication.factor",
        default=3,
        at_least=1,
        kind=Type.SHORT,
        effect=WITH_TRANSACTIONS,
        doc="Replicas of __transaction_state; never more than there are brokers.",
    )
    transaction_state_log_min_isr: int = integer(
        "transaction.state.log.min.isr",
        default=2,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="min.insync.replicas of __transaction_state.",
    )
    transaction_state_log_segment_bytes: int = integer(
        "transaction.state.log.segment.bytes",
        default=104857600,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="Segment size of __transaction_state.",
    )
    add_partitions_to_txn_retry_backoff_ms: int = integer(
        "add.partitions.to.txn.retry.backoff.ms",
        default=20,
        at_least=1,
        effect=WITH_TRANSACTIONS,
        doc="How long the broker rests before it asks again to add a partition to a transaction.",
    )
    add_partitions_to_txn_retry_backoff_max_ms: int = integer(
        "add.partitions.to.txn.retry.backoff.max.ms",
        default=100,
        at_least=0,
        effect=WITH_TRANSACTIONS,
        doc="The most time that such attempts take.",
    )

"""The settings of one partition's log, resolved: topic overrides over the broker's defaults.

Names are Kafka's topic keys in snake case (``retention.ms`` is ``retention_ms``), values are in the
unit that the name ends in, and defaults are Kafka's. Source: Kafka ``LogConfig``, ``TopicConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

UNLIMITED = 2**63 - 1
"""Kafka's Long.MAX_VALUE: a limit that never applies."""

_DAY_MS = 24 * 60 * 60 * 1000
_HOUR_MS = 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What a log looks up in its configuration; replaced whole when a key changes."""

    cleanup_policy: frozenset[str] = frozenset({"delete"})
    """``delete`` and ``compact``, or either."""
    compression_type: str = "producer"
    compression_gzip_level: int = -1
    compression_lz4_level: int = 9
    compression_zstd_level: int = 3
    delete_retention_ms: int = _DAY_MS
    file_delete_delay_ms: int = 60_000
    flush_messages: int = UNLIMITED
    flush_ms: int = UNLIMITED
    flush_before_visible: bool = False
    follower_replication_throttled_replicas: tuple[str, ...] = ()
    index_interval_bytes: int = 4096
    leader_replication_throttled_replicas: tuple[str, ...] = ()
    max_compaction_lag_ms: int = UNLIMITED
    max_message_bytes: int = 1_048_588
    message_timestamp_after_max_ms: int = _HOUR_MS
    message_timestamp_before_max_ms: int = UNLIMITED
    message_timestamp_type: str = "CreateTime"
    min_cleanable_dirty_ratio: float = 0.5
    min_compaction_lag_ms: int = 0
    min_insync_replicas: int = 1
    preallocate: bool = False
    producer_id_expiration_ms: int = _DAY_MS
    """The broker's ``producer.id.expiration.ms``; no topic key."""
    retention_bytes: int = -1
    retention_ms: int = 7 * _DAY_MS
    segment_bytes: int = 1024 * 1024 * 1024
    segment_index_bytes: int = 10 * 1024 * 1024
    segment_jitter_ms: int = 0
    segment_ms: int = 7 * _DAY_MS
    unclean_leader_election_enable: bool = False

    is_compacted: bool = field(init=False)
    """Whether records are kept by key."""
    uses_log_append_time: bool = field(init=False)
    """Whether the broker's clock is the time of a record."""
    checks_records: bool = field(init=False)
    """Whether an append has to look at each record, and not only at the batch's header."""

    def __post_init__(self) -> None:
        """Derive what every append asks for."""
        is_compacted = "compact" in self.cleanup_policy
        uses_log_append_time = self.message_timestamp_type == "LogAppendTime"
        refuses_old = not uses_log_append_time and self.message_timestamp_before_max_ms != UNLIMITED
        # The class is frozen for everyone else.
        object.__setattr__(self, "is_compacted", is_compacted)
        object.__setattr__(self, "uses_log_append_time", uses_log_append_time)
        object.__setattr__(self, "checks_records", is_compacted or refuses_old)

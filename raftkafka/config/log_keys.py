"""Broker keys of the logs: folders, segments, retention, flushing, what batches are accepted.

Names, types, defaults and ranges: Kafka 4.3 ``ServerLogConfigs``, ``CleanerConfig``.
"""

from __future__ import annotations

from raftkafka.config.checks import Objection, between_or, positive_or_unlimited
from raftkafka.config.effects import WITH_CLEANER, WITH_CLUSTER, WITH_COMPRESSION
from raftkafka.config.keys import Update
from raftkafka.config.section import (
    Section,
    boolean,
    converted,
    double,
    integer,
    long,
    optional_integer,
    string,
    strings,
)
from raftkafka.config.values import LONG_MAX, Type

CLEANUP_POLICIES = ("compact", "delete")
COMPRESSIONS = ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
TIMESTAMP_TYPES = ("CreateTime", "LogAppendTime")
SEGMENT_BYTES_MIN = 1024 * 1024
LONGEST_MS = LONG_MAX
"""Kafka's "never"."""

CLUSTER_WIDE = Update.CLUSTER_WIDE


def only_producer(compression: str) -> Objection | None:
    """The codec that batches are stored in: the producer's, whatever it is."""
    if compression == "producer":
        return None
    if compression in COMPRESSIONS:
        return compression, "raftkafka keeps the producer's compression, so it must be: producer"
    return compression, f"String must be one of: {', '.join(COMPRESSIONS)}"


class LogKeys(Section):
    """Where logs lie and how they roll, age, flush and take batches."""

    log_dir: tuple[str, ...] = strings(
        "log.dir",
        default="/tmp/kafka-logs",
        doc="The log directories when log.dirs is not set. Started without a file, a broker takes "
        "a folder of its user's instead.",
    )
    log_dirs: tuple[str, ...] = converted(
        tuple,
        Type.LIST,
        "log.dirs",
        default=None,
        doc="The directories that hold the data, separated by commas. A new partition goes to "
        "the one with the fewest. log.dir if not set.",
    )
    metadata_log_dir: str = converted(
        str,
        Type.STRING,
        "metadata.log.dir",
        default=None,
        doc="The directory that holds the metadata journal; the first log directory if not set.",
    )
    log_dir_failure_timeout_ms: int = long(
        "log.dir.failure.timeout.ms",
        default=30000,
        at_least=1,
        effect=WITH_CLUSTER,
        doc="How long the controller may stay out of reach before a broker that has to report a "
        "failed log directory stops.",
    )
    num_recovery_threads_per_data_dir: int = integer(
        "num.recovery.threads.per.data.dir",
        default=2,
        at_least=1,
        doc="Threads per log directory that check logs after an unclean stop.",
    )
    log_segment_bytes: int = integer(
        "log.segment.bytes",
        default=1073741824,
        at_least=SEGMENT_BYTES_MIN,
        update=CLUSTER_WIDE,
        doc="The size at which a segment is full and the next one begins.",
    )
    log_roll_ms: int | None = optional_integer(
        "log.roll.ms",
        default=None,
        kind=Type.LONG,
        at_least=1,
        update=CLUSTER_WIDE,
        doc="The age at which the next segment begins; log.roll.hours if not set.",
    )
    log_roll_hours: int = integer(
        "log.roll.hours", default=168, at_least=1, doc="As log.roll.ms, which goes first."
    )
    log_roll_jitter_ms: int | None = optional_integer(
        "log.roll.jitter.ms",
        default=None,
        kind=Type.LONG,
        at_least=0,
        update=CLUSTER_WIDE,
        doc="The most that is taken at random off a segment's age, so that not all roll at once; "
        "log.roll.jitter.hours if not set.",
    )
    log_roll_jitter_hours: int = integer(
        "log.roll.jitter.hours",
        default=0,
        at_least=0,
        doc="As log.roll.jitter.ms, which goes first.",
    )
    log_retention_ms: int | None = optional_integer(
        "log.retention.ms",
        default=None,
        kind=Type.LONG,
        allowed=positive_or_unlimited(),
        update=CLUSTER_WIDE,
        doc="The age at which a segment is deleted, -1 for never; log.retention.minutes if not "
        "set.",
    )
    log_retention_minutes: int | None = optional_integer(
        "log.retention.minutes",
        default=None,
        allowed=positive_or_unlimited(),
        doc="As log.retention.ms, which goes first; log.retention.hours if not set.",
    )
    log_retention_hours: int = integer(
        "log.retention.hours",
        default=168,
        allowed=positive_or_unlimited(),
        doc="As log.retention.ms and log.retention.minutes, which go first.",
    )
    log_retention_bytes: int = long(
        "log.retention.bytes",
        default=-1,
        update=CLUSTER_WIDE,
        doc="The size of a partition above which its oldest segments are deleted, -1 for none.",
    )
    log_retention_check_interval_ms: int = long(
        "log.retention.check.interval.ms",
        default=300000,
        at_least=1,
        doc="How often retention is looked at.",
    )
    log_cleanup_policy: tuple[str, ...] = strings(
        "log.cleanup.policy",
        default="delete",
        choices=CLEANUP_POLICIES,
        update=CLUSTER_WIDE,
        doc="What becomes of old records: delete (by age and size), compact (the last of each "
        "key stays), or both. Compaction begins with the log cleaner; until then a log that is "
        "only compacted keeps everything.",
    )
    log_segment_delete_delay_ms: int = long(
        "log.segment.delete.delay.ms",
        default=60000,
        at_least=0,
        update=CLUSTER_WIDE,
        doc="How long deleted segments and topics stay on disk under another name.",
    )
    log_index_size_max_bytes: int = integer(
        "log.index.size.max.bytes",
        default=10485760,
        at_least=4,
        update=CLUSTER_WIDE,
        doc="The size at which a segment's index is full and the next segment begins.",
    )
    log_index_interval_bytes: int = integer(
        "log.index.interval.bytes",
        default=4096,
        at_least=0,
        update=CLUSTER_WIDE,
        doc="How many bytes of batches lie between two entries of an index.",
    )
    log_preallocate: bool = boolean(
        "log.preallocate",
        default=False,
        update=CLUSTER_WIDE,
        doc="Whether a segment's file gets its full size when it begins.",
    )
    log_flush_interval_messages: int = long(
        "log.flush.interval.messages",
        default=LONGEST_MS,
        at_least=1,
        update=CLUSTER_WIDE,
        doc="How many records a partition may hold unflushed. With 1, an acknowledgement means "
        "that the record is on disk.",
    )
    log_flush_interval_ms: int | None = optional_integer(
        "log.flush.interval.ms",
        default=None,
        kind=Type.LONG,
        at_least=0,
        update=CLUSTER_WIDE,
        doc="How long a record may stay unflushed; log.flush.scheduler.interval.ms if not set.",
    )
    log_flush_scheduler_interval_ms: int = long(
        "log.flush.scheduler.interval.ms",
        default=LONGEST_MS,
        at_least=1,
        doc="How often the broker looks for logs that are due to be flushed.",
    )
    log_flush_offset_checkpoint_interval_ms: int = integer(
        "log.flush.offset.checkpoint.interval.ms",
        default=60000,
        at_least=0,
        doc="How often the recovery points are written down.",
    )
    log_flush_start_offset_checkpoint_interval_ms: int = integer(
        "log.flush.start.offset.checkpoint.interval.ms",
        default=60000,
        at_least=0,
        doc="How often the first offsets of the logs are written down.",
    )
    log_flush_before_visible: bool = boolean(
        "log.flush.before.visible",
        default=False,
        update=CLUSTER_WIDE,
        doc="Whether consumers see a record only once it is flushed. The flush interval, by "
        "count and by time, decides when. raftkafka's own.",
    )
    message_max_bytes: int = integer(
        "message.max.bytes",
        default=1048588,
        at_least=0,
        update=CLUSTER_WIDE,
        doc="The size of the largest batch that is accepted, as compressed by the producer.",
    )
    compression_type: str = string(
        "compression.type",
        default="producer",
        allowed=("[producer]", only_producer),
        update=CLUSTER_WIDE,
        doc="Batches stay as the producer compressed them.",
    )
    compression_gzip_level: int = integer(
        "compression.gzip.level",
        default=-1,
        allowed=between_or(-1, 1, 9),
        effect=WITH_COMPRESSION,
        doc="The level of gzip, 1 to 9, or -1 for gzip's own.",
    )
    compression_lz4_level: int = integer(
        "compression.lz4.level",
        default=9,
        at_least=1,
        at_most=17,
        effect=WITH_COMPRESSION,
        doc="The level of lz4.",
    )
    compression_zstd_level: int = integer(
        "compression.zstd.level",
        default=3,
        at_least=-131072,
        at_most=22,
        effect=WITH_COMPRESSION,
        doc="The level of zstd.",
    )
    log_message_timestamp_type: str = string(
        "log.message.timestamp.type",
        default="CreateTime",
        choices=TIMESTAMP_TYPES,
        update=CLUSTER_WIDE,
        doc="Whether records keep their producer's time or get the broker's.",
    )
    log_message_timestamp_before_max_ms: int = long(
        "log.message.timestamp.before.max.ms",
        default=LONGEST_MS,
        at_least=0,
        update=CLUSTER_WIDE,
        doc="How far a producer's timestamp may lie in the past. Not looked at under "
        "LogAppendTime.",
    )
    log_message_timestamp_after_max_ms: int = long(
        "log.message.timestamp.after.max.ms",
        default=3600000,
        at_least=0,
        update=CLUSTER_WIDE,
        doc="How far a producer's timestamp may lie in the future. Not looked at under "
        "LogAppendTime.",
    )
    producer_id_expiration_ms: int = integer(
        "producer.id.expiration.ms",
        default=86400000,
        at_least=1,
        update=CLUSTER_WIDE,
        doc="How long a partition remembers an idempotent producer that went silent.",
    )
    producer_id_expiration_check_interval_ms: int = integer(
        "producer.id.expiration.check.interval.ms",
        default=600000,
        at_least=1,
        doc="How often silent producers are looked for.",
    )
    log_cleaner_enable: bool = boolean(
        "log.cleaner.enable", default=True, effect=WITH_CLEANER, doc="Whether logs are compacted."
    )
    log_cleaner_threads: int = integer(
        "log.cleaner.threads",
        default=1,
        at_least=0,
        effect=WITH_CLEANER,
        doc="How many logs are compacted at a time.",
    )
    log_cleaner_backoff_ms: int = long(
        "log.cleaner.backoff.ms",
        default=15000,
        at_least=0,
        effect=WITH_CLEANER,
        doc="How long the cleaner sleeps when no log needs it.",
    )
    log_cleaner_dedupe_buffer_size: int = long(
        "log.cleaner.dedupe.buffer.size",
        default=134217728,
        effect=WITH_CLEANER,
        doc="Bytes that all cleaner threads together use for the map of keys.",
    )
    log_cleaner_io_buffer_size: int = integer(
        "log.cleaner.io.buffer.size",
        default=524288,
        at_least=0,
        effect=WITH_CLEANER,
        doc="Bytes that all cleaner threads together use for reading and writing.",
    )
    log_cleaner_io_buffer_load_factor: float = double(
        "log.cleaner.io.buffer.load.factor",
        default=0.9,
        effect=WITH_CLEANER,
        doc="How full the map of keys may get.",
    )
    log_cleaner_io_max_bytes_per_second: float = double(
        "log.cleaner.io.max.bytes.per.second",
        default=1.7976931348623157e308,
        effect=WITH_CLEANER,
        doc="How much the cleaner may read and write in a second.",
    )
    log_cleaner_min_cleanable_ratio: float = double(
        "log.cleaner.min.cleanable.ratio",
        default=0.5,
        at_least=0,
        at_most=1,
        effect=WITH_CLEANER,
        update=CLUSTER_WIDE,
        doc="The share of a log that must be uncompacted before it is compacted.",
    )
    log_cleaner_min_compaction_lag_ms: int = long(
        "log.cleaner.min.compaction.lag.ms",
        default=0,
        at_least=0,
        effect=WITH_CLEANER,
        update=CLUSTER_WIDE,
        doc="How long a record stays uncompacted at least.",
    )
    log_cleaner_max_compaction_lag_ms: int = long(
        "log.cleaner.max.compaction.lag.ms",
        default=LONGEST_MS,
        at_least=1,
        effect=WITH_CLEANER,
        update=CLUSTER_WIDE,
        doc="How long a record stays uncompacted at most.",
    )
    log_cleaner_delete_retention_ms: int = long(
        "log.cleaner.delete.retention.ms",
        default=86400000,
        at_least=0,
        effect=WITH_CLEANER,
        update=CLUSTER_WIDE,
        doc="How long a compacted log keeps tombstones and transaction markers.",
    )

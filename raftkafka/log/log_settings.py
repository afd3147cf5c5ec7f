"""The broker's settings for its log directories."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogDirSettings:
    """Kafka's broker keys for all logs together; defaults are Kafka's."""

    paths: tuple[str, ...]
    """``log.dirs``."""
    recovery_threads_per_dir: int = 2
    recovery_point_checkpoint_ms: int = 60_000
    """``log.flush.offset.checkpoint.interval.ms``"""
    log_start_checkpoint_ms: int = 60_000
    """``log.flush.start.offset.checkpoint.interval.ms``"""
    high_watermark_checkpoint_ms: int = 5_000
    """``replica.high.watermark.checkpoint.interval.ms``"""
    retention_check_ms: int = 300_000
    """``log.retention.check.interval.ms``"""
    producer_expiry_check_ms: int = 600_000
    """``producer.id.expiration.check.interval.ms``"""

"""The rules of a leader: what it acknowledges, how far consumers read, which epoch it accepts."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from raftkafka.errors import ErrorCode, FencedLeaderEpoch, KafkaError, UnknownLeaderEpoch
from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from raftkafka.records import Record, build_batch
from raftkafka.types import TopicPartition
from replication.leader import ACKS_ALL, PartitionLeader
from tests.sim.memory_disk import MemoryDisk

NOW_MS = 1_700_000_000_000
DEFAULTS = LogConfig()


def make_log(config: LogConfig) -> PartitionLog:
    disk = MemoryDisk(random.Random(0))
    disk.mkdir("data/t-0")
    return PartitionLog.open(disk, "data/t-0", TopicPartition("t", 0), config)


def make_leader(
    *, isr: frozenset[int] = frozenset({1}), replicas: int = 1, config: LogConfig = DEFAULTS
) -> PartitionLeader:
    return PartitionLeader(
        1,
        make_log(config),
        leader_epoch=5,
        partition_epoch=9,
        replicas=frozenset(range(1, replicas + 1)),
        isr=isr,
        high_watermark=0,
    )


def append(leader: PartitionLeader, count: int = 1, acks: int = 1) -> int:
    """Append a batch of so many records; return the offset after it."""
    batch = build_batch([Record(i, NOW_MS, None, b"v") for i in range(count)])
    return leader.append(memoryview(bytearray(batch)), acks, NOW_MS).last_offset + 1


class Acks:
    """Collects what a waiting Produce is told."""

    def __init__(self) -> None:
        self.told: list[ErrorCode] = []

    def acknowledged(self, leader: PartitionLeader, error: ErrorCode) -> None:
        self.told.append(error)


class Fetches:
    """Counts how often a waiting Fetch is told to look again."""

    def __init__(self) -> None:
        self.calls = 0

    def advanced(self, leader: PartitionLeader) -> None:
        self.calls += 1


def test_alone_the_high_watermark_follows_the_write_not_the_append() -> None:
    leader = make_leader()
    append(leader, 3)
    leader.advance()
    assert leader.high_watermark == 0, "appended, but not in the file yet"
    leader.log.write()
    leader.advance()
    assert (leader.high_watermark, leader.visible_end) == (3, 3)


def test_rule_2_the_high_watermark_is_the_least_log_end_of_the_isr() -> None:
    leader = make_leader(isr=frozenset({1, 2, 3}), replicas=3)
    append(leader, 10)
    leader.log.write()
    leader.on_follower_log_end(2, 7)
    assert leader.high_watermark == 0, "3 has not fetched yet"
    leader.on_follower_log_end(3, 4)
    assert leader.high_watermark == 4
    leader.on_follower_log_end(3, 2)
    assert leader.high_watermark == 4, "it never moves back"


def test_rule_2_the_high_watermark_stands_while_the_isr_is_too_small() -> None:
    config = LogConfig(min_insync_replicas=2)
    leader = make_leader(isr=frozenset({1}), replicas=2, config=config)
    append(leader, 1)
    leader.log.write()
    leader.advance()
    assert leader.high_watermark == 0


def test_rule_3_a_single_replica_satisfies_any_minimum() -> None:
    leader = make_leader(config=LogConfig(min_insync_replicas=2))
    append(leader, 1, ACKS_ALL)
    leader.log.write()
    leader.advance()
    assert leader.high_watermark == 1


def test_rule_4_acks_all_is_refused_before_the_append_when_the_isr_is_too_small() -> None:
    config = LogConfig(min_insync_replicas=2)
    leader = make_leader(isr=frozenset({1}), replicas=2, config=config)
    with pytest.raises(KafkaError) as refused:
        append(leader, 1, ACKS_ALL)
    assert refused.value.code == ErrorCode.NOT_ENOUGH_REPLICAS
    assert leader.log.log_end_offset == 0


def test_rule_4_an_ack_waits_for_the_high_watermark_of_its_own_offset() -> None:
    leader = make_leader(isr=frozenset({1, 2}), replicas=2)
    acks = Acks()
    leader.wait_for_ack(acks, ACKS_ALL, append(leader, 2, ACKS_ALL))
    leader.log.write()
    leader.on_follower_log_end(2, 1)
    assert acks.told == []
    leader.on_follower_log_end(2, 2)
    assert acks.told == [ErrorCode.NONE]


def test_rule_4_an_ack_says_so_if_the_isr_fell_below_the_minimum_after_the_append() -> None:
    config = LogConfig(min_insync_replicas=2)
    leader = make_leader(isr=frozenset({1, 2, 3}), replicas=3, config=config)
    acks = Acks()
    leader.wait_for_ack(acks, ACKS_ALL, append(leader, 2, ACKS_ALL))
    leader.log.write()
    leader.on_follower_log_end(2, 2)
    leader.on_follower_log_end(3, 1)
    leader.isr = frozenset({1})
    leader.high_watermark = 2
    leader.advance()
    assert acks.told == [ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND]


def test_rule_10_a_reader_of_another_epoch_is_told_which_way_it_is_off() -> None:
    leader = make_leader()
    leader.check_epoch(-1)
    leader.check_epoch(5)
    with pytest.raises(FencedLeaderEpoch):
        leader.check_epoch(4)
    with pytest.raises(UnknownLeaderEpoch):
        leader.check_epoch(6)


def test_flush_messages_1_acknowledges_and_shows_only_what_is_fsynced() -> None:
    leader = make_leader(config=LogConfig(flush_messages=1))
    assert leader.flush_before_ack
    assert not leader.acks_on_write(ACKS_ALL)
    assert not leader.acks_on_write(1)
    all_acks, one_ack = Acks(), Acks()
    end = append(leader, 2, ACKS_ALL)
    leader.wait_for_ack(all_acks, ACKS_ALL, end)
    leader.wait_for_ack(one_ack, 1, end)
    leader.log.write()
    leader.advance()
    assert (leader.high_watermark, all_acks.told, one_ack.told) == (0, [], [])
    leader.log.mark_flushed(2)
    leader.advance()
    assert leader.high_watermark == 2
    assert all_acks.told == one_ack.told == [ErrorCode.NONE]


def test_flush_before_visible_hides_what_is_not_fsynced_but_acknowledges_it() -> None:
    leader = make_leader(config=LogConfig(flush_before_visible=True))
    acks = Acks()
    leader.wait_for_ack(acks, ACKS_ALL, append(leader, 2, ACKS_ALL))
    leader.log.write()
    leader.advance()
    assert acks.told == [ErrorCode.NONE]
    assert (leader.high_watermark, leader.visible_end) == (2, 0)
    assert leader.read(0, 1000, True) is None
    leader.log.mark_flushed(2)
    leader.advance()
    assert leader.visible_end == 2
    assert leader.read(0, 1000, True) is not None


def test_flush_before_visible_flushes_at_once_if_no_interval_is_set() -> None:
    def wants_flush(config: LogConfig) -> bool:
        leader = make_leader(config=config)
        append(leader, 1)
        leader.log.write()
        return leader.wants_flush

    assert not wants_flush(LogConfig())
    assert wants_flush(LogConfig(flush_before_visible=True))
    assert not wants_flush(LogConfig(flush_before_visible=True, flush_ms=1000))
    assert not wants_flush(LogConfig(flush_before_visible=True, flush_messages=2))


def test_no_consumer_reads_at_or_above_the_high_watermark() -> None:
    leader = make_leader(isr=frozenset({1, 2}), replicas=2)
    append(leader, 2)
    append(leader, 2)
    leader.log.write()
    leader.on_follower_log_end(2, 2)
    part = leader.read(0, 1 << 20, True)
    assert part is not None
    whole = leader.log.read(0, 1 << 20, 4, True)
    assert whole is not None
    assert 0 < len(part) < len(whole)
    assert leader.read(2, 1 << 20, True) is None


def test_a_waiting_fetch_is_told_of_new_records_once_they_are_readable() -> None:
    leader = make_leader(isr=frozenset({1, 2}), replicas=2)
    fetches = Fetches()
    leader.fetch_waiters[fetches] = None
    append(leader, 1)
    leader.log.write()
    leader.advance()
    assert fetches.calls == 0
    leader.on_follower_log_end(2, 1)
    assert fetches.calls == 1


def test_the_end_of_an_epoch_is_told_to_everyone_who_waits() -> None:
    leader = make_leader(isr=frozenset({1, 2}), replicas=2)
    acks, fetches = Acks(), Fetches()
    leader.fetch_waiters[fetches] = None
    leader.wait_for_ack(acks, ACKS_ALL, append(leader, 1, ACKS_ALL))
    leader.end()
    assert acks.told == [ErrorCode.NOT_LEADER_OR_FOLLOWER]
    assert fetches.calls == 1


def test_kafka_5634_records_beyond_the_high_watermark_are_not_deleted() -> None:
    leader = make_leader(isr=frozenset({1, 2}), replicas=2)
    append(leader, 5)
    leader.log.write()
    leader.on_follower_log_end(2, 3)
    with pytest.raises(KafkaError) as refused:
        leader.delete_records(4)
    assert refused.value.code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert leader.delete_records(-1) == 3, "-1 is the high watermark"


def test_a_wider_isr_holds_the_high_watermark_back_from_then_on() -> None:
    leader = make_leader(isr=frozenset({1}), replicas=2)
    append(leader, 1)
    leader.log.write()
    leader.advance()
    leader.on_partition_changed(10, leader.replicas, frozenset({1, 2}))
    append(leader, 1)
    leader.log.write()
    leader.advance()
    assert leader.high_watermark == 1
    leader.on_partition_changed(10, leader.replicas, frozenset({1}))
    assert leader.isr == {1, 2}, "news of a known partition epoch changes nothing"


def test_a_changed_configuration_takes_effect_with_the_next_advance() -> None:
    leader = make_leader(config=LogConfig(flush_messages=1))
    append(leader, 1)
    leader.log.write()
    leader.log.config = replace(leader.log.config, flush_messages=100)
    leader.advance()
    assert leader.high_watermark == 1

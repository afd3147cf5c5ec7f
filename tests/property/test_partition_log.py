"""A partition's log against a list of batches, through appends, cuts, restarts and power losses."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from raftkafka.log.epoch_cache import UNDEFINED_EPOCH
from raftkafka.log.log_config import LogConfig
from raftkafka.log.partition_log import PartitionLog
from raftkafka.records import Record, iterate_batches, iterate_records
from tests.sim.memory_disk import MemoryDisk
from tests.support.logs import (
    NOW_MS,
    flush,
    in_thread,
    make_batch,
    make_disk,
    max_timestamp,
    offset_for_timestamp,
    open_log,
)

CONFIGS = st.builds(
    LogConfig,
    segment_bytes=st.sampled_from([400, 1000, 3000]),
    index_interval_bytes=st.sampled_from([0, 150, 500]),
    segment_index_bytes=st.sampled_from([40, 10_000]),
    segment_ms=st.sampled_from([50, 10**9]),
    retention_ms=st.sampled_from([-1, 40]),
    retention_bytes=st.sampled_from([-1, 1500]),
    preallocate=st.booleans(),
)


@dataclass(frozen=True)
class Appended:
    """One batch of the model."""

    first_offset: int
    last_offset: int
    leader_epoch: int
    next_sequence: int | None
    """Of the one idempotent producer, if it is its batch."""
    records: tuple[Record, ...]


class LogMachine(RuleBasedStateMachine):
    """Drives a log and a list of batches the same way."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Appended] = []
        self.base = 0
        """The log ends here at least; after its last batch if what followed was deleted."""
        self.log_start = 0
        self.recovery_point = 0
        self.leader_epoch = 0
        self.count = 0
        self.may_resurrect = False
        """Whether records were taken back and that is not durable yet."""

    @initialize(seed=st.integers(0, 1000), config=CONFIGS)
    def start(self, seed: int, config: LogConfig) -> None:
        self.disk: MemoryDisk = make_disk(seed)
        self.config = config
        self.log: PartitionLog = open_log(self.disk, config)

    @property
    def end(self) -> int:
        return max(self.base, self.batches[-1].last_offset + 1 if self.batches else 0)

    # ------------------------------------------------------------------ appends

    @rule(
        sizes=st.lists(st.integers(0, 60), min_size=1, max_size=5),
        ages=st.lists(st.integers(-20, 100), min_size=1, max_size=5),
        idempotent=st.booleans(),
        write=st.booleans(),
    )
    def append(self, sizes: list[int], ages: list[int], idempotent: bool, write: bool) -> None:
        values = [b"%d:" % self.count + b"v" * size for size in sizes]
        self.count += 1
        timestamp = NOW_MS - ages[0] + self.count
        batch = make_batch(
            *values,
            timestamp=timestamp,
            producer_id=7 if idempotent else -1,
            producer_epoch=0 if idempotent else -1,
            base_sequence=self.sequence if idempotent else -1,
        )
        info = self.log.append_as_leader(batch, self.leader_epoch, NOW_MS)
        assert info.first_offset == self.end
        assert info.last_offset == self.end + len(values) - 1
        records = tuple(
            Record(info.first_offset + i, timestamp, None, value) for i, value in enumerate(values)
        )
        self.batches.append(
            Appended(
                info.first_offset,
                info.last_offset,
                self.leader_epoch,
                self.sequence + len(values) if idempotent else None,
                records,
            )
        )
        if write:
            self.log.write()

    @rule()
    def begin_leader_epoch(self) -> None:
        self.leader_epoch += 1

    @rule()
    def write(self) -> None:
        self.log.write()

    @rule()
    def flush_indexes(self) -> None:
        self.log.flush_indexes()

    @rule(checkpoint=st.booleans())
    def flush(self, checkpoint: bool) -> None:
        self.log.write()
        flush(self.disk, self.log)
        assert self.log.flushed_offset == self.end
        self.may_resurrect = False
        if checkpoint:
            self.recovery_point = self.log.flushed_offset
            in_thread(self.disk, self.log.save_epochs)

    # ------------------------------------------------------------------ reads

    @rule(
        where=st.floats(0, 1),
        max_bytes=st.sampled_from([0, 100, 300, 2000, 10**6]),
        bound=st.floats(0, 1),
        min_one_batch=st.booleans(),
    )
    def read(self, where: float, max_bytes: int, bound: float, min_one_batch: bool) -> None:
        self.log.write()
        offset = self.log_start + round(where * (self.end - self.log_start))
        upper = self.log_start + round(bound * (self.end - self.log_start))
        found = self.log.read(offset, max_bytes, upper, min_one_batch)
        wanted = [b for b in self.batches if b.last_offset >= offset and b.last_offset < upper]
        if not wanted or offset >= upper:
            assert found is None
            return
        if found is None:
            assert not min_one_batch, "there is a batch to read"
            return
        data = found.read()
        assert len(data) == len(found)
        read = read_records(data)
        assert len(data) <= max_bytes or (min_one_batch and len(list(iterate_batches(data))) == 1)
        assert read == [record for b in wanted for record in b.records][: len(read)]
        assert read, "at least one batch"

    @rule(where=st.floats(0, 1))
    def read_to_the_end(self, where: float) -> None:
        self.log.write()
        offset = self.log_start + round(where * (self.end - self.log_start))
        assert read_all(self.log, offset, self.end) == [
            r for b in self.batches if b.last_offset >= offset for r in b.records
        ]

    @rule(timestamp=st.integers(NOW_MS - 120, NOW_MS + 60))
    def look_up_timestamp(self, timestamp: int) -> None:
        found = offset_for_timestamp(self.log, timestamp, self.end)
        wanted = next((r for r in self.readable() if r.timestamp >= timestamp), None)
        assert (found and found[:2]) == (wanted and (wanted.timestamp, wanted.offset))
        if found is not None:
            assert found.leader_epoch == self.epoch_of(found.offset)

    @rule()
    def look_up_max_timestamp(self) -> None:
        found = max_timestamp(self.log, self.end)
        kept = [
            r
            for b in self.batches
            if b.last_offset >= self.log.segments.base_offset
            for r in b.records
        ]
        wanted = max(kept, key=lambda r: (r.timestamp, -r.offset), default=None)
        assert (found and found[:2]) == (wanted and (wanted.timestamp, wanted.offset))

    # ------------------------------------------------------------------ cuts

    @rule(where=st.floats(0.3, 1))
    def truncate(self, where: float) -> None:
        offset = self.log_start + round(where * (self.end - self.log_start))
        self.recovery_point = min(self.recovery_point, offset)
        end_before = self.end
        self.log.truncate_to(offset)
        self.forget(self.log.log_end_offset)
        assert self.log.log_end_offset in (offset, self.end)
        assert self.end <= offset
        if offset < end_before:
            self.may_resurrect = True
            # What follows is of a newer leader, or would contradict what was taken back.
            self.leader_epoch += 1

    def forget(self, end: int) -> None:
        """Only what is below ``end`` is there."""
        self.batches = [b for b in self.batches if b.last_offset < end]
        self.base = end
        self.log_start = min(self.log_start, end)
        self.recovery_point = min(self.recovery_point, end)

    @rule(ahead=st.integers(0, 50))
    def start_over(self, ahead: int) -> None:
        offset = self.end + ahead
        self.log.truncate_fully_and_start_at(offset)
        flush(self.disk, self.log)
        self.batches = []
        self.log_start = self.base = offset
        self.leader_epoch += 1
        self.recovery_point = self.log.flushed_offset

    @rule(where=st.floats(0, 1))
    def delete_records(self, where: float) -> None:
        offset = self.log_start + round(where * (self.end - self.log_start))
        self.log.write()  # only committed records are deleted, and those are written
        self.log.delete_records_before(offset)
        self.log_start = offset

    @rule(later_ms=st.integers(0, 100))
    def retention(self, later_ms: int) -> None:
        before = self.log.log_start_offset
        self.log.retention(NOW_MS + self.count + later_ms, self.end)
        for path in self.log.segments.deleted_files:
            self.disk.remove(path)
        self.log.segments.deleted_files.clear()
        self.log_start = max(before, self.log.segments.base_offset)
        if self.config.retention_ms < 0 and self.config.retention_bytes < 0:
            assert self.log.log_start_offset == before

    # ------------------------------------------------------------------ restarts

    @rule()
    def restart(self) -> None:
        in_thread(self.disk, self.log.close)
        self.recovery_point = self.log.flushed_offset
        assert self.recovery_point == self.end
        self.reopen(self.disk.after_kill(), clean=True)
        assert self.log.log_end_offset == self.end

    @rule()
    def kill(self) -> None:
        """The page cache stays: all that was written is there."""
        written = self.log.written_end_offset
        self.reopen(self.disk.after_kill(), clean=True)
        assert self.log.log_end_offset == written
        self.lose_from(written)

    @rule()
    def lose_power(self) -> None:
        """What was flushed is there, and nothing that was not appended."""
        flushed = self.log.flushed_offset
        self.reopen(self.disk.after_power_loss(), clean=False)
        end = self.log.log_end_offset
        assert end >= min(flushed, self.end)
        if self.may_resurrect:
            self.rebuild_model()
        else:
            self.lose_from(end)
        if self.batches and self.batches[-1].last_offset + 1 != end:
            assert end == self.log_start, "all that is left was deleted by request"
        self.base = end

    def lose_from(self, end: int) -> None:
        lost = [b for b in self.batches if b.last_offset >= end]
        self.batches = [b for b in self.batches if b.last_offset < end]
        self.base = end
        if lost:
            self.leader_epoch += 1

    def rebuild_model(self) -> None:
        """Records that were taken back may be back: take what is there, if it is in order."""
        durable = [b for b in self.batches if b.last_offset < self.recovery_point]
        there = [
            Appended(
                header.base_offset,
                header.last_offset,
                header.leader_epoch,
                header.base_sequence + header.record_count if header.producer_id >= 0 else None,
                tuple(iterate_records(batch)),
            )
            for segment in self.log.segments
            for header, batch in iterate_batches(
                self.disk.read(segment.path)[: segment.written_bytes]
            )
        ]
        first = self.log.segments.base_offset
        assert [b for b in there if b.last_offset < self.recovery_point] == [
            b for b in durable if b.first_offset >= first
        ]
        epochs = [b.leader_epoch for b in there]
        assert epochs == sorted(epochs), "what follows an epoch is not older"
        self.batches = [b for b in self.batches if b.last_offset < first] + there
        self.leader_epoch += 1

    def reopen(self, disk: MemoryDisk, *, clean: bool) -> None:
        self.disk = disk
        self.log = open_log(
            disk,
            self.config,
            recovery_point=self.recovery_point,
            log_start_offset=self.log_start,
            clean=clean,
        )

    # ------------------------------------------------------------------ what always holds

    def readable(self) -> list[Record]:
        return [r for b in self.batches for r in b.records if r.offset >= self.log_start]

    def epoch_of(self, offset: int) -> int:
        for batch in self.batches:
            if batch.first_offset <= offset <= batch.last_offset:
                return batch.leader_epoch
        return UNDEFINED_EPOCH

    @invariant()
    def ends_agree(self) -> None:
        if hasattr(self, "log"):
            log = self.log
            assert log.log_end_offset == self.end
            assert log.log_start_offset == self.log_start
            assert log.flushed_offset <= log.written_end_offset <= log.log_end_offset

    @invariant()
    def epochs_agree(self) -> None:
        if hasattr(self, "log"):
            for batch in self.batches:
                for offset in (batch.first_offset, batch.last_offset):
                    if offset >= self.log_start:
                        assert self.log.epochs.epoch_for(offset) == batch.leader_epoch

    @property
    def sequence(self) -> int:
        """What the idempotent producer sends next."""
        sequences = (b.next_sequence for b in reversed(self.batches) if b.next_sequence)
        return next(sequences, 0)

    @invariant()
    def producer_goes_on(self) -> None:
        if hasattr(self, "log"):
            known = producer_sequence(self.log)
            forgotten = not any(
                b.next_sequence and b.last_offset >= self.log.segments.base_offset
                for b in self.batches
            )
            assert known == self.sequence or (forgotten and known == 0)


def producer_sequence(log: PartitionLog) -> int:
    entry = dict(log.producers.items()).get(7)
    return entry.last_sequence + 1 if entry else 0


def read_records(data: bytes) -> list[Record]:
    return [record for _, batch in iterate_batches(data) for record in iterate_records(batch)]


def read_all(log: PartitionLog, offset: int, end: int) -> list[Record]:
    records: list[Record] = []
    while offset < end:
        found = log.read(offset, 700, end, True)
        assert found is not None
        records += read_records(found.read())
        offset = records[-1].offset + 1
    return records


def search(max_examples: int) -> None:
    run_state_machine_as_test(
        LogMachine,
        settings=settings(
            max_examples=max_examples,
            stateful_step_count=40,
            deadline=None,
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )


def test_a_log_is_a_list_of_batches() -> None:
    search(100)


@pytest.mark.long
def test_a_log_is_a_list_of_batches_at_length() -> None:
    search(1000)

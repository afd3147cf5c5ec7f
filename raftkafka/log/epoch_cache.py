"""Which leader epoch wrote which offsets: the start offset of each epoch, oldest first.

Pure. Followers truncate by it, never by the high watermark (KIP-101, KIP-279), and clients detect
truncation with it (KIP-320). Checkpoint file: a line ``0``, a line with the count, then
``epoch start_offset`` per line. Source: Kafka ``LeaderEpochFileCache``, ``CheckpointFile``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from raftkafka.log.checkpoints import DamagedCheckpoint

FILE_NAME = "leader-epoch-checkpoint"
FILE_VERSION = 0
UNDEFINED_EPOCH = -1
UNDEFINED_OFFSET = -1


class EpochEntry(NamedTuple):
    """``epoch`` wrote from ``start_offset`` on, until the next entry's."""

    epoch: int
    start_offset: int


class EpochEnd(NamedTuple):
    """Where an epoch ended: the offset after its last record; -1 if it is not known."""

    epoch: int
    end_offset: int


class EpochCache:
    """Epochs and start offsets, both strictly growing."""

    __slots__ = ("changed", "entries", "latest")

    def __init__(self, entries: list[EpochEntry] | None = None) -> None:
        self.entries: list[EpochEntry] = []
        self.latest = UNDEFINED_EPOCH
        """The newest epoch, -1 if there is none: an append compares only with this."""
        for entry in entries or ():
            self.assign(*entry)
        self.changed = False
        """Whether the checkpoint file is behind; whoever writes it resets this."""

    @classmethod
    def decode(cls, checkpoint: bytes) -> EpochCache:
        """Read a checkpoint file.

        Raises:
            DamagedCheckpoint: it is none, or of another version, or epochs or offsets do not grow.
        """
        try:
            version, count, *numbers = map(int, checkpoint.split())
        except ValueError as error:
            raise DamagedCheckpoint(f"leader epochs: {error}") from None
        if version != FILE_VERSION or len(numbers) != 2 * count:
            raise DamagedCheckpoint(f"version {version}, {len(numbers)} numbers, {count} entries")
        entries = [EpochEntry(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        for before, after in pairwise(entries):
            if after.epoch <= before.epoch or after.start_offset <= before.start_offset:
                raise DamagedCheckpoint(f"{after} after {before}")
        return cls(entries)

    def encode(self) -> bytes:
        """Return the content of the checkpoint file."""
        entries = tuple(self.entries)
        lines = [f"{FILE_VERSION}", f"{len(entries)}"]
        lines += (f"{epoch} {start_offset}" for epoch, start_offset in entries)
        return ("\n".join(lines) + "\n").encode()

    def assign(self, epoch: int, start_offset: int) -> None:
        """Record that ``epoch`` starts at ``start_offset``.

        An older epoch that is said to start later than a newer one proves the newer entries wrong:
        they go, as do entries at or after the start of a new epoch.
        """
        if self.entries and self.entries[-1].epoch == epoch:
            return
        entries = self.entries
        while entries and (entries[-1].epoch >= epoch or entries[-1].start_offset >= start_offset):
            entries.pop()
        entries.append(EpochEntry(epoch, start_offset))
        self._on_change()

    def epoch_for(self, offset: int) -> int:
        """Return the epoch that wrote ``offset``, -1 if that is not known."""
        for entry in reversed(self.entries):
            if entry.start_offset <= offset:
                return entry.epoch
        return UNDEFINED_EPOCH

    def end_offset_for(self, epoch: int, log_end_offset: int) -> EpochEnd:
        """Answer OffsetForLeaderEpoch: the largest known epoch up to ``epoch``, and its end.

        An epoch newer than all known ones is undefined. One older than all known ones is
        answered with itself, ending where the oldest known one starts (KIP-279).
        """
        if epoch == UNDEFINED_EPOCH or epoch > self.latest:
            return EpochEnd(UNDEFINED_EPOCH, UNDEFINED_OFFSET)
        end_offset = log_end_offset
        for entry in reversed(self.entries):
            if entry.epoch <= epoch:
                return EpochEnd(entry.epoch, end_offset)
            end_offset = entry.start_offset
        return EpochEnd(epoch, end_offset)

    def truncate_from_end(self, end_offset: int) -> None:
        """Forget epochs that start at ``end_offset`` or later: their records are gone."""
        entries = self.entries
        if entries and entries[-1].start_offset >= end_offset:
            while entries and entries[-1].start_offset >= end_offset:
                entries.pop()
            self._on_change()

    def truncate_from_start(self, start_offset: int) -> None:
        """Forget epochs that ended before ``start_offset``; the one around it now starts there."""
        entries = self.entries
        gone = sum(1 for entry in entries if entry.start_offset <= start_offset)
        if gone > 1 or (gone and entries[0].start_offset < start_offset):
            entries[:gone] = [EpochEntry(entries[gone - 1].epoch, start_offset)]
            self._on_change()

    def clear(self) -> None:
        """Forget everything."""
        if self.entries:
            self.entries.clear()
            self._on_change()

    def _on_change(self) -> None:
        self.latest = self.entries[-1].epoch if self.entries else UNDEFINED_EPOCH
        self.changed = True

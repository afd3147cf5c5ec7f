"""Sparse indexes of one segment: offset to position, and largest timestamp so far to offset.

What was added since the file was opened is in memory and written behind; what is on disk is
searched by ``pread``, with no descriptor held between look-ups. Formats (big-endian, no header):
``.index`` holds i32 relative last offset of a batch and i32 its start; ``.timeindex`` holds i64
timestamp and i32 relative last offset of the batch that brought it, strictly increasing.

Source: Kafka ``OffsetIndex``, ``TimeIndex``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from contextlib import suppress
from struct import Struct
from typing import NamedTuple

from raftkafka.disk import Disk

OFFSET_ENTRY = Struct(">ii")
TIME_ENTRY = Struct(">qi")
WINDOW_ENTRIES = 512
"""A search on disk ends by reading this many entries at once."""


class IndexEntry(NamedTuple):
    """Relative offset and position, or timestamp and relative offset."""

    key: int
    value: int


class Index:
    """Entries whose keys and values both grow, in a file of fixed-size entries.

    ``count`` counts all of them; the first ``_in_file`` are on disk, those from ``_first_kept``
    on are in memory.
    """

    __slots__ = (
        "_disk",
        "_entry",
        "_first_kept",
        "_in_file",
        "_keys",
        "_values",
        "count",
        "last",
        "path",
    )

    def __init__(self, disk: Disk, path: str, entry: Struct) -> None:
        self.path = path
        self.count = 0
        self.last: IndexEntry | None = None
        self._disk = disk
        self._entry = entry
        self._in_file = 0
        self._first_kept = 0
        self._keys = array("q")
        self._values = array("i")

    def load(self) -> bool:
        """Take over what the file holds; False if that cannot be an index (or there is none)."""
        try:
            file = self._disk.open(self.path)
        except FileNotFoundError:
            return False
        size = self._entry.size
        self.count = self._in_file = self._first_kept = file.size() // size
        if self.count:
            self.last = self._decode(file.pread(size, (self.count - 1) * size))
            # A file that another broker left open is filled up with zeros.
            return self.last.key > 0 or self.count == 1
        return True

    def append(self, key: int, value: int) -> None:
        """Add an entry; both numbers exceed those of the last one."""
        self._keys.append(key)
        self._values.append(value)
        self.last = IndexEntry(key, value)
        self.count += 1

    def floor_by_key(self, key: int) -> IndexEntry | None:
        """Return the last entry whose key is at most ``key``."""
        rank = self._rank(key, by_value=False)
        return self._at(rank - 1) if rank else None

    def floor_by_value(self, value: int) -> IndexEntry | None:
        """Return the last entry whose value is at most ``value``."""
        rank = self._rank(value, by_value=True)
        return self._at(rank - 1) if rank else None

    def keep_values_below(self, value: int) -> None:
        """Drop all entries whose value is ``value`` or more."""
        self._cut(self._rank(value - 1, by_value=True))

    def clear(self) -> None:
        """Drop all entries; the file stays if there is one, for making another costs more."""
        self._cut(0)
        with suppress(FileNotFoundError):
            self._disk.open(self.path).truncate(0)

    def flush(self) -> None:
        """Write to the file what it does not hold yet. Not synced: recovery rebuilds indexes."""
        if self._in_file < self.count:
            start = self._in_file - self._first_kept
            new = map(self._entry.pack, self._keys[start:], self._values[start:])
            file = self._disk.open(self.path, create=True)
            file.pwrite([b"".join(new)], self._in_file * self._entry.size)
            self._in_file = self.count

    def release(self) -> None:
        """Leave a file, be it empty, and keep nothing in memory: no more entries will come."""
        self._disk.open(self.path, create=True)
        self.flush()
        self._first_kept = self.count
        self._keys = array("q")
        self._values = array("i")

    def sync(self) -> None:
        """Wait until the file is durable. Inside ``Disk.run`` only."""
        self._disk.open(self.path).sync()

    def _decode(self, data: bytes, position: int = 0) -> IndexEntry:
        return IndexEntry(*self._entry.unpack_from(data, position))

    def _at(self, rank: int) -> IndexEntry:
        if rank >= self._first_kept:
            kept = rank - self._first_kept
            return IndexEntry(self._keys[kept], self._values[kept])
        size = self._entry.size
        return self._decode(self._disk.open(self.path).pread(size, rank * size))

    def _rank(self, target: int, *, by_value: bool) -> int:
        """Return how many entries have a key (or value) of at most ``target``."""
        column = self._values if by_value else self._keys
        if self._first_kept == 0 or (column and column[0] <= target):
            return self._first_kept + bisect_right(column, target)
        return self._rank_in_file(target, int(by_value))

    def _rank_in_file(self, target: int, column: int) -> int:
        """Narrow down by single reads, then read a window whole."""
        file = self._disk.open(self.path)
        size = self._entry.size
        low, high = 0, self._first_kept
        while high - low > WINDOW_ENTRIES:
            middle = (low + high) // 2
            if self._decode(file.pread(size, middle * size))[column] <= target:
                low = middle + 1
            else:
                high = middle
        window = file.pread((high - low) * size, low * size)
        entries = [entry[column] for entry in self._entry.iter_unpack(window)]
        return low + bisect_right(entries, target)

    def _cut(self, count: int) -> None:
        """Keep the first ``count`` entries."""
        kept = max(0, count - self._first_kept)
        del self._keys[kept:]
        del self._values[kept:]
        if count < self._in_file:
            self._disk.open(self.path).truncate(count * self._entry.size)
            self._in_file = count
        self._first_kept = min(self._first_kept, count)
        self.count = count
        self.last = self._at(count - 1) if count else None

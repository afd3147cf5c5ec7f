"""The journal on disk: numbered segments of frames, each zero-filled and synced before use.

Every segment starts with a frame that says whose journal it is and where the log stood when
the segment began, so the log can start at any of them once a snapshot covers what came
before. The calls block: the driver makes them inside ``Disk.run``, one at a time.
"""

from __future__ import annotations

from typing import NamedTuple

from metadata.raft import frames
from metadata.raft.frames import DamagedFrame, Record
from metadata.raft.identity import Identity, Seats
from metadata.raft.replay import Entry, Replay, header_record, read_header
from raftkafka.disk import Disk, File
from raftkafka.errors import DamagedDisk

SUFFIX = ".journal"
HEADER_SALT = b"segment"
FIRST_FRAME_BYTES_MAX = 1024
ADVICE = "restore the folder from a copy, or wipe it if other voters hold the log"


class _Segment(NamedTuple):
    number: int
    start_index: int
    """Last index of the log when the segment began."""


class Opened(NamedTuple):
    """What the folder held."""

    identity: Identity
    term: int
    voted_for: int | None
    entries: list[Entry]
    """The first one is where the log starts: it is covered by a snapshot, or (b"", 0, 0)."""
    seats: Seats
    """Which folders vote, as far as this one knows."""
    torn: str | None
    """Where a torn tail was cut, for the log."""


class JournalFiles:
    """Appends frames to the newest segment and drops the oldest ones."""

    def __init__(self, disk: Disk, folder: str, segment_bytes: int, fresh: Identity) -> None:
        self._disk = disk
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._identity = fresh
        """Whose journal it is; replaced by the stored one when the folder has one."""
        self._segments: list[_Segment] = []
        self._file: File | None = None
        self._size = 0
        self._end = 0
        self._state = Replay()
        """Where the log stands, without its entries."""

    def exists(self) -> bool:
        """Whether the folder holds any segment."""
        return bool(self._numbers())

    def open(self) -> Opened:
        """Read all segments, cut a torn tail, and get ready to append.

        Raises:
            ForeignDataFolder: another node or quorum wrote them; nothing was changed.
            DamagedDisk: anything but a torn tail is wrong.
        """
        numbers = self._numbers()
        torn = None
        for number in numbers:
            torn = self._load(number, is_newest=number == numbers[-1])
        if not numbers:
            self._roll(1, 0)
        state = self._state
        opened = Opened(
            self._identity, state.term, state.voted_for, state.entries, state.seats, torn
        )
        self._state = state.without_entries()
        return opened

    def append(self, records: list[Record]) -> None:
        """Write the records as one frame and wait until it is durable."""
        frame = frames.encode(records, self._salt(), self._end)
        if self._end + len(frame) > self._size:
            self._roll(self._segments[-1].number + 1, len(frame))
            frame = frames.encode(records, self._salt(), self._end)
        assert self._file is not None
        self._file.pwrite([frame], self._end)
        self._file.sync()
        self._end += len(frame)
        self._state.take(records)
        self._state = self._state.without_entries()

    def trim(self, index: int) -> None:
        """Remove the segments that a log starting after ``index`` does not need."""
        while len(self._segments) > 1 and self._segments[1].start_index <= index:
            self._disk.remove(self._path(self._segments.pop(0).number))
            # Or a power loss could bring this one back without the next: a gap.
            self._disk.sync_folder(self._folder)

    def close(self) -> None:
        """Close the newest segment."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _numbers(self) -> list[int]:
        names = [name for name in self._disk.listdir(self._folder) if name.endswith(SUFFIX)]
        stems = [name.removesuffix(SUFFIX) for name in names]
        numbers = sorted(int(stem) for stem in stems if stem.isdecimal())
        if numbers and numbers != list(range(numbers[0], numbers[-1] + 1)):
            raise DamagedDisk(f"{self._folder}: a segment is missing among {names}; {ADVICE}")
        return numbers

    def _load(self, number: int, *, is_newest: bool) -> str | None:
        """Add a segment to the log; say where its torn tail was, if it had one."""
        path = self._path(number)
        data = self._disk.read(path)
        try:
            torn_bytes = self._read(number, data)
            if torn_bytes and not is_newest:
                raise DamagedFrame(self._end, "a torn frame in a segment that has a successor")
        except DamagedFrame as damage:
            raise _damaged(path, damage.position, str(damage)) from None
        if is_newest:
            # What was read counts from now on, but it may never have reached the platter:
            # its writer was killed before the sync, or the sync failed. So it is written
            # anew, whole or not at all, without the torn tail.
            self._disk.replace(path, data[: self._end] + bytes(len(data) - self._end))
            self._file = self._disk.open(path)
        return f"{path}: {torn_bytes} bytes at {self._end}" if torn_bytes else None

    def _read(self, number: int, data: bytes) -> int:
        first = frames.first(data, HEADER_SALT + number.to_bytes(8))
        header = read_header(first.records)
        if header.size != len(data):
            raise DamagedFrame(len(data), f"the file should have {header.size} bytes")
        if not self._segments:
            header.identity.expect(self._identity, self._folder)
            self._identity = header.identity
            self._state = Replay.starting_at(header)
        elif header.identity != self._identity or not self._state.stands_at(header):
            raise DamagedFrame(0, "the segment does not continue the one before")
        scan = frames.scan(data, self._salt(number), first.end)
        for position, records in scan.frames:
            if not self._state.take(records):
                raise DamagedFrame(position, "the records do not continue the log")
        self._segments.append(_Segment(number, header.last_index))
        self._size, self._end = len(data), scan.end
        return scan.torn_bytes

    def _roll(self, number: int, room: int) -> None:
        """Begin a segment with room for at least ``room`` bytes after its header."""
        salt = HEADER_SALT + number.to_bytes(8)
        size = max(self._segment_bytes, room + FIRST_FRAME_BYTES_MAX)
        header = header_record(self._identity, size, self._state)
        first = frames.encode([header], salt, 0)
        assert len(first) <= FIRST_FRAME_BYTES_MAX
        self.close()
        path = self._path(number)
        self._disk.replace(path, first + bytes(size - len(first)))
        self._file = self._disk.open(path)
        self._segments.append(_Segment(number, self._state.last_index))
        self._size, self._end = size, len(first)

    def _salt(self, number: int | None = None) -> bytes:
        newest = self._segments[-1].number if number is None else number
        return self._identity.directory_id + newest.to_bytes(8)

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:012d}{SUFFIX}"


def _damaged(path: str, position: int, reason: str) -> DamagedDisk:
    return DamagedDisk(f"{path}: damaged at byte {position}: {reason}; {ADVICE}")

"""The quorum's folder: lock, journal and snapshot, and whether they fit together.

All calls block: the driver makes them inside ``Disk.run``, one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from metadata.raft import snapshot_file
from metadata.raft.frames import Record
from metadata.raft.identity import Identity, Seats
from metadata.raft.journal import Journal
from metadata.raft.journal_files import ADVICE, JournalFiles, Opened
from metadata.raft.settings import RaftSettings
from metadata.raft.snapshot_file import DamagedSnapshot, Snapshot
from raftkafka.disk import Disk, File, make_folder
from raftkafka.errors import DamagedDisk, DataFolderInUse

SEGMENT_BYTES = 1 << 20


class Recovered(NamedTuple):
    """What a node starts from."""

    identity: Identity
    journal: Journal
    snapshot: Snapshot | None
    torn: str | None
    """Where a torn tail was cut, for the log."""


class QuorumFolder:
    """One node's folder, locked while open."""

    def __init__(
        self, disk: Disk, path: str, settings: RaftSettings, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.path = path
        self._disk = disk
        self._settings = settings
        self._segment_bytes = segment_bytes
        self._snapshot_path = f"{path}/snapshot"
        self._lock: File | None = None
        self._journal_files: JournalFiles | None = None

    def open(self, fresh_directory_id: bytes) -> Recovered:
        """Lock the folder (made if it is missing) and read what it holds.

        Args:
            fresh_directory_id: names the folder if it is new; 16 random bytes.

        Raises:
            DataFolderInUse: another process has it.
            ForeignDataFolder: it belongs to another node or quorum.
            DamagedDisk: it holds something else than a journal and perhaps its torn tail.
        """
        make_folder(self._disk, self.path)
        self._lock = self._disk.lock(f"{self.path}/.lock")
        if self._lock is None:
            raise DataFolderInUse(f"{self.path} is in use by another process: stop that one first")
        snapshot = self._read_snapshot()
        settings = self._settings
        fresh = Identity(settings.node_id, fresh_directory_id, tuple(sorted(settings.voters)))
        files = JournalFiles(self._disk, self.path, self._segment_bytes, fresh)
        if snapshot is not None and not files.exists():
            raise DamagedDisk(f"{self.path}: a snapshot, but no journal beside it; {ADVICE}")
        opened = files.open()
        self._journal_files = files
        self._check_cover(opened, snapshot)
        journal = Journal(opened.term, opened.voted_for, opened.entries, opened.seats)
        return Recovered(opened.identity, journal, snapshot, opened.torn)

    def append(self, records: list[Record]) -> None:
        """Write records as one frame, durably."""
        self._files().append(records)

    def trim(self, index: int) -> None:
        """Remove segments that a log starting after ``index`` does not need."""
        self._files().trim(index)

    def write_snapshot(self, content: bytes) -> None:
        """Replace the snapshot, durably."""
        self._disk.replace(self._snapshot_path, content)

    def save_snapshot(
        self,
        index: int,
        term: int,
        sessions: list[object],
        seats: Seats,
        chunks: Sequence[bytes],
    ) -> int:
        """Replace the snapshot by one of ``chunks``, durably; return its size in bytes."""
        voters = sorted(self._settings.voters)
        content = snapshot_file.encode(index, term, voters, sessions, seats, chunks)
        self.write_snapshot(content)
        return len(content)

    def read_snapshot(self) -> tuple[int, bytes]:
        """Return the snapshot's last entry and the file's content, to be sent to a peer.

        Raises:
            DamagedDisk: it does not check.
        """
        content = self._disk.read(self._snapshot_path)
        return self._decode(content).last_index, content

    def close(self) -> None:
        """Let another process have the folder."""
        if self._journal_files is not None:
            self._journal_files.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _files(self) -> JournalFiles:
        assert self._journal_files is not None, "open the folder first"
        return self._journal_files

    def _read_snapshot(self) -> Snapshot | None:
        if not self._disk.exists(self._snapshot_path):
            return None
        return self._decode(self._disk.read(self._snapshot_path))

    def _decode(self, content: bytes) -> Snapshot:
        try:
            return snapshot_file.decode(content)
        except DamagedSnapshot as damage:
            raise DamagedDisk(f"{self._snapshot_path}: damaged: {damage}; {ADVICE}") from None

    def _check_cover(self, opened: Opened, snapshot: Snapshot | None) -> None:
        """Demand that snapshot and journal together leave no gap."""
        base, last = opened.entries[0][1], opened.entries[-1][1]
        covered = 0 if snapshot is None else snapshot.last_index
        if base > covered:
            raise DamagedDisk(
                f"{self.path}: the journal starts after entry {base}, but the snapshot covers "
                f"only {covered}; {ADVICE}"
            )
        # With peers, a snapshot ahead of the journal came from the leader just before a crash.
        if self._settings.is_alone and covered > last:
            raise DamagedDisk(
                f"{self.path}: the journal ends at entry {last}, before the snapshot, which "
                f"covers {covered}; {ADVICE}"
            )

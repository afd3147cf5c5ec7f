"""A disk in memory that keeps page cache and platter apart, and fails when told to.

One ``MemoryDisk`` is the disk as one life of the process sees it. ``after_kill`` and
``after_power_loss`` return the disk that the next life finds; what the dead one still does (its
``finally`` blocks, say) reaches nobody, as nothing of a killed process runs on.

Stricter than most file systems, as strict as POSIX: a new name, a rename and a removal are durable
once their folder was synced; syncing a file makes its content durable and not its name.
"""

from __future__ import annotations

import copy
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

import trio

from raftkafka.types import Buffer, Randomness

T = TypeVar("T")

SECTOR_BYTES = 512
NAME_BYTES_MAX = 255


@dataclass(slots=True, eq=False)
class _Content:
    """A file: what reads see, what the platter has, and the writes between them, in order."""

    mem: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list[tuple[int, bytes | None]])
    """(position, bytes) written there, or (size, None) for a truncation."""

    def apply(self, position: int, data: bytes | None) -> None:
        _apply(self.mem, position, data)
        self.unsynced.append((position, data))

    def sync(self) -> None:
        for position, data in self.unsynced:
            _apply(self.durable, position, data)
        self.unsynced.clear()

    def lose_power(self, random: Randomness) -> None:
        """Keep what was synced and a random part of the rest: a prefix, its last write torn."""
        kept = random.randrange(len(self.unsynced) + 1)
        for position, data in self.unsynced[:kept]:
            _apply(self.durable, position, data)
        if kept < len(self.unsynced):
            position, data = self.unsynced[kept]
            if data is not None:
                self._tear(position, data, random)
        self.mem[:] = self.durable
        self.unsynced.clear()

    def _tear(self, position: int, data: bytes, random: Randomness) -> None:
        torn = data[: random.randrange(len(data) + 1)]
        if torn and random.random() < 0.3:
            # Pages reach the platter in any order: the file grew, a sector of it never came.
            hole = random.randrange(len(torn))
            zeros = bytes(min(SECTOR_BYTES, len(torn) - hole))
            torn = torn[:hole] + zeros + torn[hole + len(zeros) :]
        _apply(self.durable, position, torn)


@dataclass(slots=True, eq=False)
class _Folder:
    mem: dict[str, _Content | _Folder] = field(default_factory=dict[str, "_Content | _Folder"])
    durable: dict[str, _Content | _Folder] = field(default_factory=dict[str, "_Content | _Folder"])


@dataclass(slots=True, eq=False)
class _NameChange:
    """One step of the directory tree: atomic, and not durable yet."""

    removed: list[tuple[_Folder, str]]
    added: tuple[_Folder, str, _Content | _Folder] | None = None

    @property
    def folders(self) -> set[_Folder]:
        return {folder for folder, _ in self.removed} | ({self.added[0]} if self.added else set())

    def harden(self) -> None:
        for folder, name in self.removed:
            folder.durable.pop(name, None)
        if self.added is not None:
            folder, name, node = self.added
            folder.durable[name] = node


@dataclass(slots=True)
class _Fault:
    operation: str
    prefix: str
    number: int
    times: int


class MemoryFile:
    """An open file of a ``MemoryDisk``."""

    __slots__ = ("_content", "_disk", "_unlock", "path")

    def __init__(
        self,
        disk: MemoryDisk,
        path: str,
        content: _Content,
        unlock: Callable[[], None] | None = None,
    ) -> None:
        self._disk = disk
        self._content: _Content | None = content
        self._unlock = unlock
        self.path = path

    def __del__(self) -> None:
        self.close()

    def _open_content(self) -> _Content:
        if self._content is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.path)
        return self._content

    def fileno(self) -> int:
        """There is no descriptor."""
        return -1

    def size(self) -> int:
        """Return the length in bytes."""
        return len(self._open_content().mem)

    def pread(self, length: int, position: int) -> bytes:
        """Read up to ``length`` bytes; fewer only at the end of the file."""
        self._disk.check("read", self.path)
        return bytes(memoryview(self._open_content().mem)[position : position + length])

    def pwrite(self, buffers: Sequence[Buffer], position: int) -> int:
        """Write all buffers; an injected failure lets a random part of them through."""
        content = self._open_content()
        data = b"".join(buffers)
        try:
            self._disk.check("write", self.path)
        except OSError:
            content.apply(position, data[: self._disk.random.randrange(len(data) + 1)])
            raise
        if data:
            content.apply(position, data)
        return len(data)

    def truncate(self, size: int) -> None:
        """Cut or extend (with zeros) to ``size`` bytes."""
        self._disk.check("truncate", self.path)
        self._open_content().apply(size, None)

    def is_warm(self, position: int, length: int) -> bool:
        """What the test says."""
        del position, length
        return not self._disk.is_cold

    def sync(self) -> None:
        """Make the content durable."""
        self._disk.assert_in_thread()
        content = self._open_content()
        try:
            self._disk.check("sync", self.path)
        except OSError:
            # As Linux does: the pages count as clean now, and a second sync would succeed.
            content.unsynced.clear()
            raise
        content.sync()

    def close(self) -> None:
        """Close; a second time does nothing."""
        self._content = None
        if self._unlock is not None:
            unlock, self._unlock = self._unlock, None
            unlock()


class MemoryDisk:
    """Folders and files in memory. Everything random comes from ``random``."""

    def __init__(
        self,
        random: Randomness,
        *,
        delay_max_s: float = 0.002,
        capacity_bytes: int = 1 << 40,
    ) -> None:
        self.random = random
        self.delay_max_s = delay_max_s
        """The longest that work in ``run`` takes, in the clock of the loop."""
        self.capacity_bytes = capacity_bytes
        self.is_cold = False
        """What ``File.is_warm`` denies."""
        self._root = _Folder()
        self._changes: list[_NameChange] = []
        self._faults: list[_Fault] = []
        self._locked: set[_Content] = set()
        self._boot_id = random.randbytes(8).hex()
        self._in_thread = False

    # ------------------------------------------------------------------ what tests do

    def fail(self, operation: str, prefix: str, number: int, *, times: int = -1) -> None:
        """Let ``operation`` raise OSError ``number`` on paths that start so, ``times`` times.

        Operations: open, read, write, truncate, sync, list, mkdir, rename, remove, sync_folder.
        """
        self._faults.append(_Fault(operation, prefix, number, times))

    def heal(self) -> None:
        """Forget all injected failures."""
        self._faults.clear()

    def corrupt(self, path: str, position: int, data: bytes) -> None:
        """Change bytes behind everyone's back, in the cache and on the platter."""
        content = self._file(path)
        for image in (content.mem, content.durable):
            _apply(image, position, data)

    def after_kill(self) -> Self:
        """Return the disk that the next process finds: all that this one wrote."""
        return self._next_life()

    def after_power_loss(self) -> Self:
        """Return the disk after a power cut: what was synced, and a random part of the rest."""
        disk = self._next_life()
        for change in disk._changes[: disk.random.randrange(len(disk._changes) + 1)]:
            change.harden()
        disk._changes.clear()
        _lose_power(disk._root, disk.random)
        disk._boot_id = disk.random.randbytes(8).hex()
        return disk

    def _next_life(self) -> Self:
        disk = type(self)(
            self.random, delay_max_s=self.delay_max_s, capacity_bytes=self.capacity_bytes
        )
        disk._root, disk._changes = copy.deepcopy((self._root, self._changes))
        disk._boot_id = self._boot_id
        return disk

    def check(self, operation: str, path: str) -> None:
        """Raise the failure that was injected for this operation, if any."""
        for fault in self._faults:
            if fault.operation == operation and path.startswith(fault.prefix) and fault.times:
                fault.times -= 1
                raise OSError(fault.number, os.strerror(fault.number), path)

    def assert_in_thread(self) -> None:
        """What waits for the device belongs into ``run``."""
        assert self._in_thread, "blocks the loop: call it inside Disk.run"

    # ------------------------------------------------------------------ files

    def open(self, path: str, *, create: bool = False) -> MemoryFile:
        """Open for reading and writing; ``create`` makes it if it is missing."""
        self.check("open", path)
        folder, name = self._parent(path)
        if create and name not in folder.mem:
            self._change(_NameChange([], (folder, name, _Content())))
        return MemoryFile(self, path, self._file(path))

    def read(self, path: str) -> bytes:
        """Return the whole content of a small file."""
        self.check("open", path)
        self.check("read", path)
        return bytes(self._file(path).mem)

    def exists(self, path: str) -> bool:
        """Whether a file or folder of that name is there."""
        try:
            self._node(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def listdir(self, path: str) -> list[str]:
        """Return the names in a folder, sorted."""
        self.check("list", path)
        return sorted(self._folder(path).mem)

    def size(self, path: str) -> int:
        """Return the length of a file in bytes."""
        return len(self._file(path).mem)

    def mkdir(self, path: str) -> None:
        """Make a folder and its parents; no error if it is there."""
        self.check("mkdir", path)
        folder = self._root
        for name in _names(path):
            if name not in folder.mem:
                self._change(_NameChange([], (folder, name, _Folder())))
            node = folder.mem[name]
            if isinstance(node, _Content):
                raise _os_error(errno.EEXIST, path)
            folder = node

    def rename(self, source: str, target: str) -> None:
        """Rename a file or folder, replacing a file."""
        self.check("rename", source)
        from_folder, from_name = self._parent(source)
        to_folder, to_name = self._parent(target)
        node = self._node(source)
        replaced = to_folder.mem.get(to_name)
        if isinstance(replaced, _Folder) and (replaced.mem or isinstance(node, _Content)):
            number = errno.ENOTEMPTY if isinstance(node, _Folder) else errno.EISDIR
            raise _os_error(number, target)
        self._change(_NameChange([(from_folder, from_name)], (to_folder, to_name, node)))

    def remove(self, path: str) -> None:
        """Remove a file; no error if it is missing."""
        self.check("remove", path)
        if self.exists(path):
            self._file(path)
            self._change(_NameChange([self._parent(path)]))

    def remove_tree(self, path: str) -> None:
        """Remove a folder and all in it."""
        self.check("remove", path)
        self._folder(path)
        self._change(_NameChange([self._parent(path)]))

    def free_bytes(self, path: str) -> tuple[int, int]:
        """Return (total, usable) bytes of the whole disk."""
        self._node(path)
        return self.capacity_bytes, self.capacity_bytes - _used_bytes(self._root)

    def lock(self, path: str) -> MemoryFile | None:
        """Take an exclusive lock, held until the file is closed; None if it is taken."""
        self.open(path, create=True)
        content = self._file(path)
        if content in self._locked:
            return None
        self._locked.add(content)
        return MemoryFile(self, path, content, lambda: self._locked.discard(content))

    def boot_id(self) -> str:
        """Return a name that a power loss changes."""
        return self._boot_id

    def sync_folder(self, path: str) -> None:
        """Make the names of this folder durable."""
        self.assert_in_thread()
        self.check("sync_folder", path)
        folders = {self._folder(path)}
        later: list[_NameChange] = []
        hardened: list[_NameChange] = []
        for change in reversed(self._changes):
            if change.folders & folders:
                hardened.append(change)
                folders |= change.folders  # what it builds on comes with it
            else:
                later.append(change)
        for change in reversed(hardened):
            change.harden()
        self._changes = later[::-1]

    def replace(self, path: str, content: bytes) -> None:
        """Write a file whole: temporary file, sync, rename, folder sync."""
        temporary = path + ".tmp"
        file = self.open(temporary, create=True)
        file.truncate(0)
        file.pwrite([content], 0)
        file.sync()
        file.close()
        self.rename(temporary, path)
        self.sync_folder(path.rpartition("/")[0] or "/")

    def run_both(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Run one after the other, so that every run is the same."""
        first()
        second()

    async def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` at a random instant of a random delay, as a thread would."""
        await trio.lowlevel.checkpoint_if_cancelled()
        delay_s = self.random.random() * self.delay_max_s
        before_s = self.random.random() * delay_s
        with trio.CancelScope(shield=True):
            await trio.sleep(before_s)
        self._in_thread = True
        try:
            return work()
        finally:
            self._in_thread = False
            with trio.CancelScope(shield=True):
                await trio.sleep(delay_s - before_s)

    # ------------------------------------------------------------------ the tree

    def _change(self, change: _NameChange) -> None:
        if change.added is not None and len(change.added[1].encode()) > NAME_BYTES_MAX:
            raise _os_error(errno.ENAMETOOLONG, change.added[1])
        for folder, name in change.removed:
            del folder.mem[name]
        if change.added is not None:
            folder, name, node = change.added
            folder.mem[name] = node
        self._changes.append(change)

    def _parent(self, path: str) -> tuple[_Folder, str]:
        head, _, name = path.rstrip("/").rpartition("/")
        return self._folder(head), name

    def _node(self, path: str) -> _Content | _Folder:
        node: _Content | _Folder = self._root
        for name in _names(path):
            if isinstance(node, _Content):
                raise _os_error(errno.ENOTDIR, path)
            if name not in node.mem:
                raise _os_error(errno.ENOENT, path)
            node = node.mem[name]
        return node

    def _file(self, path: str) -> _Content:
        node = self._node(path)
        if isinstance(node, _Folder):
            raise _os_error(errno.EISDIR, path)
        return node

    def _folder(self, path: str) -> _Folder:
        node = self._node(path)
        if isinstance(node, _Content):
            raise _os_error(errno.ENOTDIR, path)
        return node


def _apply(image: bytearray, position: int, data: bytes | None) -> None:
    """Write ``data`` at ``position``, or cut or extend to ``position`` bytes."""
    if data is None:
        del image[position:]
    if len(image) < position:
        image.extend(bytes(position - len(image)))
    if data is not None:
        image[position : position + len(data)] = data


def _lose_power(folder: _Folder, random: Randomness) -> None:
    folder.mem = dict(sorted(folder.durable.items()))
    for node in folder.mem.values():
        if isinstance(node, _Folder):
            _lose_power(node, random)
        else:
            node.lose_power(random)


def _used_bytes(folder: _Folder) -> int:
    nodes = folder.mem.values()
    return sum(_used_bytes(n) if isinstance(n, _Folder) else len(n.mem) for n in nodes)


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name]


def _os_error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)

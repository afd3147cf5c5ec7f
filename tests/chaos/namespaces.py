"""Network namespaces of Linux by themselves: made, entered by one thread, gone when let go.

They have no name in the file system: one lives as long as somebody holds its descriptor or runs
in it, so that nothing is left of it whatever becomes of the test. Needs root (CAP_SYS_ADMIN).
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
"""``linux/sched.h``: of the calling thread, its network namespace only."""
COMMAND_DEADLINE_S = 10.0

_libc = ctypes.CDLL(None, use_errno=True)


class CannotBuild(RuntimeError):
    """This machine lacks something that a network of namespaces needs; the message names it."""


class Namespace:
    """One network namespace. Descriptors that a thread opens inside stay in it for good."""

    def __init__(self) -> None:
        """Make an empty one; the calling thread stays where it is.

        Raises:
            CannotBuild: not root, or a kernel without network namespaces.
        """
        with _kept_namespace():
            if _libc.unshare(CLONE_NEWNET):
                why = os.strerror(ctypes.get_errno())
                raise CannotBuild(f"no new network namespace (root is needed): {why}")
            self._descriptor = _open_own()

    @property
    def path(self) -> str:
        """What ``ip link set ... netns`` takes for it, in any process of this user."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def enter(self) -> None:
        """Move the calling thread into it: sockets and processes that it makes belong there."""
        _enter(self._descriptor)

    @contextmanager
    def inside(self) -> Generator[None]:
        """Have the calling thread in it for a while."""
        with _kept_namespace():
            self.enter()
            yield

    def run(self, what: str, command: list[str], given: str = "") -> str:
        """Run a program inside and return what it printed.

        Args:
            what: what this machine lacks if the program fails.
            command: program and arguments.
            given: its standard input.

        Raises:
            CannotBuild: it is not installed, or it failed; with its own words.
        """
        with self.inside():
            try:
                done = subprocess.run(
                    command,
                    input=given,
                    capture_output=True,
                    text=True,
                    timeout=COMMAND_DEADLINE_S,
                    check=False,
                )
            except FileNotFoundError:
                raise CannotBuild(f"{what}: the program {command[0]} is missing") from None
        if done.returncode:
            raise CannotBuild(f"{what}: {' '.join(command)} said: {done.stderr.strip()}")
        return done.stdout

    def close(self) -> None:
        """Let go of it; it ends with its last process."""
        os.close(self._descriptor)


@contextmanager
def _kept_namespace() -> Generator[None]:
    before = _open_own()
    try:
        yield
    finally:
        _enter(before)
        os.close(before)


def _open_own() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))

"""Python source while a compiler writes it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


class Source:
    """Lines at a depth of indentation."""

    def __init__(self, head: str) -> None:
        self._lines = [head]
        self._depth = 1

    def add(self, line: str) -> None:
        """Append one line."""
        self._lines.append(" " * self._depth + line)

    @contextmanager
    def block(self, head: str) -> Generator[None, None, None]:
        """Append ``head``; what is added inside is its body."""
        self.add(head)
        self._depth += 1
        yield
        self._depth -= 1

    def text(self) -> str:
        """Return the whole."""
        return "\n".join(self._lines)

"""``raftkafka config check``: everything that is wrong with a file, or worth knowing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from raftkafka.config.load import NOTHING, examine
from raftkafka.errors import ConfigInvalid


class Checked(NamedTuple):
    """What to print, and the exit code: 0, or that of a wrong configuration."""

    text: str
    exit_code: int


def check(path: str | Path | None, overrides: Mapping[str, str] = NOTHING) -> Checked:
    """Check a file and overrides; a key that nobody knows is an error here."""
    findings = examine(path, overrides)
    errors = findings.wrong + findings.unknown
    lines = [f"error: {line}" for line in errors] + [f"hint: {line}" for line in findings.hints]
    count = {0: "no error", 1: "1 error"}.get(len(errors), f"{len(errors)} errors")
    lines.append(f"{path or 'overrides'}: {count}")
    return Checked("\n".join(lines) + "\n", ConfigInvalid.exit_code if errors else 0)

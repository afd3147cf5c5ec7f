"""The installed commands, run as people run them."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(sysconfig.get_path("scripts"))
DEADLINE_S = 60.0


class Done(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def command(*words: str) -> list[str]:
    """Return the words with the installed command's path in place of its name."""
    return [str(SCRIPTS / words[0]), *words[1:]]


def run(
    *words: str,
    given: str | bytes = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Done:
    """Run an installed command to its end; ``env`` is added to the environment."""
    done = subprocess.run(
        command(*words),
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    out, err = done.stdout.decode(errors="surrogateescape"), done.stderr.decode()
    return Done(done.returncode, out, err)


def output(*words: str, given: str | bytes = "", env: Mapping[str, str] | None = None) -> str:
    """Run an installed command that has to succeed; return what it wrote to stdout.

    Raises:
        AssertionError: it failed.
    """
    done = run(*words, given=given, env=env)
    assert done.code == 0, f"{words}: exit code {done.code}\n{done.out[-2000:]}{done.err[-2000:]}"
    return done.out

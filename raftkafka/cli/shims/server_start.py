"""kafka-server-start: a broker in the foreground, or behind it with ``-daemon``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from raftkafka.cli import run_file
from raftkafka.cli.config_words import parse_pairs
from raftkafka.cli.report import FAILED, UsageError, say
from raftkafka.cli.shims.options import KAFKA_VERSION, run_tool
from raftkafka.cli.start import run_broker
from raftkafka.client.errors import ClientError

USAGE = "USAGE: kafka-server-start [-daemon] server.properties [--override property=value]*"
LOG_NAME = "kafkaServer.out"
READY_S = 30.0
POLL_S = 0.02
LOG_TAIL_LINES = 5


def main() -> int:
    """Run kafka-server-start."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    words = list(arguments)
    daemon = bool(words) and words[0] == "-daemon"
    if daemon:
        del words[0]
    if not words or words[0] in ("-h", "--help"):
        say(USAGE)
        return FAILED
    if words[0] == "--version":
        print(f"{KAFKA_VERSION} (raftkafka)")
        return 0
    file, *rest = words
    overrides = _overrides(rest)
    if not Path(file).is_file():
        raise ClientError(f"{file} is no file", hint="name a server.properties")
    if daemon:
        return _run_behind([file, *rest])
    return run_broker(file, parse_pairs(overrides))


def _overrides(words: Sequence[str]) -> list[str]:
    overrides: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name != "--override":
            raise UsageError(f"{word} is not a recognized option", hint=USAGE)
        pair = value if equals else next(rest, None)
        if pair is None:
            raise UsageError("Option override requires an argument", hint=USAGE)
        overrides.append(pair)
    return overrides


def _run_behind(words: Sequence[str]) -> int:
    """Start a broker in a session of its own, and return once it serves clients."""
    folder = Path(os.environ.get("LOG_DIR") or Path(os.environ.get("RAFTKAFKA_HOME", ".")) / "logs")
    path = folder / LOG_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = path.open("ab")
    except OSError as error:
        raise ClientError(f"cannot write {path}: {error.strerror}") from error
    file, *rest = words
    command = [sys.executable, "-I", "-m", "raftkafka", "start", file, *rest]
    with log:
        start = log.tell()
        broker = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        code = broker.poll()
        if code is not None:
            _say_end_of(path, start)
            return code or FAILED
        if any(each.pid == broker.pid for each in run_file.running()):
            return 0
        time.sleep(POLL_S)
    say(f"the broker (pid {broker.pid}) is not ready after {READY_S:g} s; it goes on, see {path}")
    return 0


def _say_end_of(path: Path, start: int) -> None:
    """Write the last lines that the broker wrote."""
    with path.open("rb") as log:
        log.seek(start)
        lines = log.read().decode(errors="replace").splitlines()
    for line in lines[-LOG_TAIL_LINES:]:
        say(line)

"""``raftkafka start``: a broker in the foreground."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import cast

import click

from raftkafka.cli.config_words import parse_pairs


@click.command()
@click.argument("file", required=False, metavar="[server.properties]")
@click.option(
    "--override", "overrides", multiple=True, metavar="KEY=VALUE", help="Wins over the file."
)
def start(file: str | None, overrides: Sequence[str]) -> int:
    """Run a broker in the foreground; Ctrl-C stops it cleanly.

    Without a file everything has Kafka's default, but that data is kept in a folder of yours
    ($XDG_DATA_HOME/raftkafka) instead of /tmp/kafka-logs.
    """
    return run_broker(file, parse_pairs(overrides))


def run_broker(file: str | None, overrides: Mapping[str, str]) -> int:
    """Run a broker until it is told to stop; return its exit code.

    Raises:
        FatalError: it cannot start; with the exit code to end with.
    """
    from raftkafka.config import load

    defaults = {} if file is not None else {"log.dirs": str(own_data_folder())}
    loaded = load(file, overrides, defaults)
    with hidden("rich"):  # structlog imports it for tracebacks: a sixth of the time of a start
        from raftkafka.cli.serve import run

    return run(loaded.config, hints=loaded.hints, ready_line=True)


@contextmanager
def hidden(module: str) -> Generator[None]:
    """Let whoever imports this optional module find that it is not installed."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[module]


def own_data_folder() -> Path:
    """Return where a broker without a configuration keeps its data."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(base) / "raftkafka"

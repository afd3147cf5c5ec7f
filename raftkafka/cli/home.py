"""``raftkafka home``: a folder like an unpacked Kafka, for what expects one."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click

from raftkafka.cli.output import Output, output_option
from raftkafka.client.errors import ClientError

SCRIPT = """\
#!/bin/sh
# {command} of raftkafka: Kafka's flags and output, no JVM.
RAFTKAFKA_HOME=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
export RAFTKAFKA_HOME
[ -x {installed} ] && exec {installed} "$@"
exec {command} "$@"
"""
BATCH_FILE = """\
@echo off\r
rem {command} of raftkafka. Written for completeness: brokers do not run on Windows.\r
{command} %*\r
"""
SERVER = """\
# A broker by itself. Every key: raftkafka config docs
broker.id=0

# Where clients connect. Other machines need an address that they can reach in
# advertised.listeners, or the broker tells them this machine's name.
#listeners=PLAINTEXT://:9092
#advertised.listeners=PLAINTEXT://your.host.name:9092

# Where messages are kept: in this home, wherever the broker is started from.
log.dirs={home}/data

# For topics that are created without saying it.
num.partitions=1
log.retention.hours=168
"""
ZOOKEEPER = """\
# Nothing reads this file: raftkafka needs no ZooKeeper. It is here because scripts name it.
dataDir={home}/zookeeper
clientPort=2181
"""
CONSUMER = """\
# For kafka-console-consumer --consumer.config and its kin.
bootstrap.servers=localhost:9092
"""
PRODUCER = """\
# For kafka-console-producer --producer.config and its kin.
bootstrap.servers=localhost:9092
compression.type=none
"""
CONFIGS = {
    "server.properties": SERVER,
    "zookeeper.properties": ZOOKEEPER,
    "consumer.properties": CONSUMER,
    "producer.properties": PRODUCER,
}


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@output_option
def home(folder: Path, output: Output) -> None:
    """Write bin/*.sh and config/*.properties like Kafka's into DIR.

    The scripts call the installed commands. Files in config/ that are there already stay as
    they are.
    """
    root = folder.absolute()
    commands = tool_names()
    kept: list[str] = []
    try:
        for path, text in _scripts(root, commands):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            path.chmod(0o755)
        (root / "config").mkdir(parents=True, exist_ok=True)
        for name, text in CONFIGS.items():
            path = root / "config" / name
            if path.exists():
                kept.append(name)
            else:
                path.write_text(text.format(home=root))
    except OSError as error:
        raise ClientError(f"cannot write {error.filename or root}: {error.strerror}") from error
    stayed = f" Kept: {', '.join(kept)}." if kept else ""
    output.done(
        f"Wrote {root}.{stayed} Next: cd {folder} && bin/kafka-server-start.sh "
        "config/server.properties",
        home=str(root),
        commands=commands,
        kept=kept,
    )


def tool_names() -> list[str]:
    """Return the installed commands that stand for Kafka's, without ``.sh``."""
    scripts = entry_points(group="console_scripts")
    names = {script.name for script in scripts if script.module.startswith("raftkafka.cli.shims.")}
    return sorted(name for name in names if not name.endswith(".sh"))


def _scripts(root: Path, commands: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield path and content of every script."""
    installed = Path(sysconfig.get_path("scripts"))
    for command in commands:
        path = "'" + str(installed / command).replace("'", "'\\''") + "'"
        script = SCRIPT.format(command=command, installed=path)
        yield root / "bin" / f"{command}.sh", script
        batch_file = BATCH_FILE.format(command=command)
        yield root / "bin" / "windows" / f"{command}.bat", batch_file

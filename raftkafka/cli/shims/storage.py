"""kafka-storage: ids, and the format step that raftkafka can do without.

A broker formats its folders when it first starts. ``format`` only fixes the cluster's id
beforehand, for scripts that make one up.

Source: Kafka class ``StorageTool``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from raftkafka.cli.report import FAILED, UsageError, did_you_mean, say
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.errors import ClientError
from raftkafka.types import parse_uuid, uuid_text

COMMANDS = ("info", "format", "version-mapping", "feature-dependencies", "random-uuid")
USAGE = f"usage: kafka-storage [-h] {{{','.join(COMMANDS)}}} ..."
META_PROPERTIES = "meta.properties"
FORMATS = "raftkafka formats its folders when it first starts"


def main() -> int:
    """Run kafka-storage."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    if not arguments:
        say(USAGE)
        say("kafka-storage: error: too few arguments")
        return FAILED
    command, *rest = arguments
    match command:
        case "-h" | "--help":
            print(USAGE)
        case "random-uuid":
            _parser(command, "Print a random uuid.").read(rest)
            print(random_uuid())
        case "info":
            return _info(_config_parser(command).read(rest))
        case "format":
            _format(_format_parser().read(rest))
        case "version-mapping" | "feature-dependencies":
            raise ClientError(f"{command}: raftkafka has no metadata versions to choose from")
        case _:
            hint = did_you_mean(command, COMMANDS) or USAGE
            raise UsageError(f"kafka-storage: error: invalid choice: '{command}'", hint=hint)
    return 0


def random_uuid() -> str:
    """Return a new uuid in Kafka's text, never one that looks like an option."""
    while (text := uuid_text(secrets.token_bytes(16))).startswith("-"):
        pass
    return text


def _parser(command: str, purpose: str) -> OptionParser:
    return OptionParser(f"kafka-storage {command}", purpose, needs_options=False)


def _config_parser(command: str) -> OptionParser:
    parser = _parser(command, FORMATS)
    parser.value("config", "A server.properties.", also=("-c",))
    return parser


def _format_parser() -> OptionParser:
    parser = _config_parser("format")
    parser.value("cluster-id", "The id of the cluster.", also=("-t",))
    parser.flag("ignore-formatted", "Leave folders alone that are formatted.", also=("-g",))
    parser.flag("standalone", None, also=("-s",))
    parser.flag("no-initial-controllers", None, also=("-N",))
    parser.value("initial-controllers", None, also=("-I",))
    parser.value("release-version", None, also=("-r",))
    parser.values("feature", None, also=("-f",))
    parser.values("add-scram", None, also=("-S",))
    return parser


def _folders(options: Options) -> tuple[list[str], int]:
    """Return the configured folders, and the node's id."""
    from raftkafka.config import load

    config = load(options.must("config", str)).config
    folders = {*config.log_dirs}
    if config.metadata_log_dir:
        folders.add(config.metadata_log_dir)
    return sorted(folders), config.node_id


def _info(options: Options) -> int:
    from raftkafka.log.checkpoints import DamagedCheckpoint, decode_meta_properties

    folders, _ = _folders(options)
    problems: list[str] = []
    found: list[str] = []
    shown: str | None = None
    for folder in folders:
        path = Path(folder)
        meta = path / META_PROPERTIES
        if not path.is_dir():
            problems.append(
                f"{path} is not a directory" if path.exists() else f"{path} does not exist"
            )
            continue
        found.append(folder)
        if not meta.exists():
            problems.append(f"{path} is not formatted.")
            continue
        try:
            known = decode_meta_properties(meta.read_bytes())
        except DamagedCheckpoint as error:
            problems.append(f"{meta} cannot be read: {error}")
            continue
        directory = "" if known.directory_id is None else uuid_text(known.directory_id)
        shown = shown or (
            f"{{cluster.id={known.cluster_id}, directory.id={directory}, "
            f"node.id={known.node_id}, version=1}}"
        )
    if found:
        print("\n".join(("Found log directories:", *(f"  {folder}" for folder in found), "")))
    if shown is not None:
        print(f"Found metadata: {shown}\n")
    if problems:
        print("\n".join(("Found problems:", *(f"  {problem}" for problem in problems), "")))
    return FAILED if problems else 0


def _format(options: Options) -> None:
    from raftkafka.log.checkpoints import MetaProperties, encode_meta_properties

    folders, node_id = _folders(options)
    cluster_id = options.must("cluster-id", str)
    try:
        parse_uuid(cluster_id)
    except ValueError as error:
        raise ClientError(
            f"{cluster_id!r} is no cluster id", hint="make one: kafka-storage random-uuid"
        ) from error
    if "add-scram" in options:
        raise ClientError("--add-scram: there are no SCRAM users yet")
    new = [folder for folder in folders if not (Path(folder) / META_PROPERTIES).exists()]
    if len(new) < len(folders) and "ignore-formatted" not in options:
        done = next(folder for folder in folders if folder not in new)
        raise ClientError(
            f"Log directory {done} is already formatted. Use --ignore-formatted to ignore this "
            "directory and format the others."
        )
    if not new:
        print("All of the log directories are already formatted.")
        return
    say(f"hint: not needed: {FORMATS}")
    for folder in new:
        meta = MetaProperties(node_id, cluster_id, secrets.token_bytes(16))
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / META_PROPERTIES).write_bytes(encode_meta_properties(meta))
        except OSError as error:
            raise ClientError(f"cannot write to {folder}: {error.strerror}") from error
        print(f"Formatting data directory {folder} with metadata.version 4.3-IV0.")

"""``raftkafka config``: describe and alter what is in effect; check a file; the table of keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from raftkafka.cli.config_words import hint_at_key, parse_pairs
from raftkafka.cli.connect import bootstrap_option, connect
from raftkafka.cli.output import Output, output_option
from raftkafka.cli.report import USAGE, UsageError
from raftkafka.client.configs import (
    ConfigSource,
    Entry,
    Resource,
    ResourceType,
    alter_configs,
    describe_configs,
    source_of,
)
from raftkafka.client.errors import ClientError

COLUMNS = ("key", "value", "source", "read_only", "sensitive")
ENTITY = "{topic NAME | broker ID | brokers}"


@click.group()
def config() -> None:
    """Describe and alter configurations; check a file."""


@config.command()
@click.argument("entity", nargs=-1, required=True, metavar=ENTITY)
@click.option("--all", "show_all", is_flag=True, help="Defaults too.")
@click.option("-k", "--key", "keys", multiple=True, metavar="KEY", help="Only this; repeatable.")
@bootstrap_option
@output_option
def describe(
    entity: Sequence[str], show_all: bool, keys: Sequence[str], bootstrap: str, output: Output
) -> None:
    """Show what is set on a topic, on a broker, or on all brokers, and where it comes from."""
    resource = _resource(entity)
    with connect(bootstrap) as client:
        entries = describe_configs(client, [resource], keys=keys or None)[resource]
    shown = [
        entry
        for entry in entries
        if show_all or keys or source_of(entry.config_source) is not ConfigSource.DEFAULT_CONFIG
    ]
    rows = [_row(entry) for entry in shown]
    output.rows(COLUMNS, rows, objects=[_object(entry) for entry in shown])


@config.command()
@click.argument("entity", nargs=-1, required=True, metavar=f"{ENTITY} [KEY=VALUE]...")
@click.option("-d", "--delete", "deleted", multiple=True, metavar="KEY", help="Back to default.")
@click.option("--dry-run", is_flag=True, help="Let the broker check it, but change nothing.")
@bootstrap_option
@output_option
def alter(
    entity: Sequence[str], deleted: Sequence[str], dry_run: bool, bootstrap: str, output: Output
) -> None:
    """Set keys, or let them go back to their defaults; all or none."""
    pairs = parse_pairs(word for word in entity if "=" in word)
    resource = _resource([word for word in entity if "=" not in word])
    if not pairs and not deleted:
        raise UsageError("nothing to alter", hint="give KEY=VALUE or --delete KEY")
    with connect(bootstrap) as client:
        try:
            alter_configs(client, resource, to_set=pairs, to_delete=deleted, validate_only=dry_run)
        except ClientError as error:
            raise hint_at_key(error) from error
    done = "Would set" if dry_run else "Set"
    sentence = f"{done} {len(pairs)}, deleted {len(deleted)} on {' '.join(entity[:2])}."
    output.done(sentence, set=pairs, deleted=list(deleted), dry_run=dry_run)


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--override", "overrides", multiple=True, metavar="KEY=VALUE", help="As for start.")
@output_option
def check(file: Path, overrides: Sequence[str], output: Output) -> int:
    """Check a server.properties; exit 2 if a key is unknown or a value is wrong."""
    from raftkafka.config.load import examine

    findings = examine(file, parse_pairs(overrides))
    columns = ("finding", "text")
    rows = [("wrong", line) for line in findings.wrong]
    rows += [("unknown", line) for line in findings.unknown]
    rows += [("hint", line) for line in findings.hints]
    is_good = not findings.wrong and not findings.unknown
    if output.is_json:
        output.json(
            {"valid": is_good, "findings": [dict(zip(columns, r, strict=True)) for r in rows]}
        )
    else:
        for kind, line in rows:
            print(f"{kind}: {line}")
        if is_good:
            print(f"{file} is fine.")
    return 0 if is_good else USAGE


def _resource(words: Sequence[str]) -> Resource:
    match list(words):
        case ["topic", name]:
            return Resource(ResourceType.TOPIC, name)
        case ["broker", node_id] if node_id.isdecimal():
            return Resource(ResourceType.BROKER, node_id)
        case ["brokers"]:
            return Resource(ResourceType.BROKER, "")
        case _:
            raise UsageError(f"{' '.join(words)!r} is none of {ENTITY}")


def _row(entry: Entry) -> tuple[object, ...]:
    source = source_of(entry.config_source).name
    return (entry.name, entry.value, source, entry.read_only, entry.is_sensitive)


def _object(entry: Entry) -> dict[str, object]:
    synonyms = [
        {"key": each.name, "value": each.value, "source": source_of(each.source).name}
        for each in entry.synonyms
    ]
    return {**dict(zip(COLUMNS, _row(entry), strict=True)), "synonyms": synonyms}

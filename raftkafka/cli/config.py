"""``raftkafka config``: describe and alter what is in effect; check a file; the table of keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raftkafka.cli.config_words import hint_at_key, parse_pairs
from raftkafka.cli.connect import bootstrap_option, connect
from raftkafka.cli.output import Format, Output, output_option
from raftkafka.cli.report import UsageError
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

if TYPE_CHECKING:
    from raftkafka.config.keys import Key

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
    from raftkafka.config.check import check as check_file
    from raftkafka.config.load import examine

    given = parse_pairs(overrides)
    checked = check_file(file, given)
    if output.is_json:
        found = examine(file, given)
        is_valid = checked.exit_code == 0
        errors = found.wrong + found.unknown
        output.json({"valid": is_valid, "errors": errors, "hints": found.hints})
    else:
        print(checked.text, end="")
    return checked.exit_code


@config.command()
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown")
def docs(form: str) -> None:
    """Show every key of server.properties and of topics, and what it does."""
    if form == "markdown":
        from raftkafka.config.docs import render

        print(render(), end="")
        return
    from raftkafka.config.broker_keys import BROKER_KEYS
    from raftkafka.config.topic_keys import TOPIC_KEYS

    tables = (("broker", BROKER_KEYS), ("topic", TOPIC_KEYS))
    rows = [_key(kind, key) for kind, table in tables for key in table.values()]
    Output(Format.JSON).json(rows)


def _key(kind: str, key: Key) -> dict[str, object]:
    return {
        "of": kind,
        "key": key.name,
        "type": key.type.name.lower(),
        "default": key.default,
        "unit": key.unit or None,
        "valid": key.valid or None,
        "update": key.update.value,
        "effect": str(key.effect),
        "doc": key.doc,
    }


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

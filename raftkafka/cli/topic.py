"""``raftkafka topic``: create, list, describe, alter and delete topics."""

from __future__ import annotations

from collections.abc import Sequence

import click

from raftkafka.cli.config_words import hint_at_key, parse_pairs
from raftkafka.cli.connect import bootstrap_option, connect
from raftkafka.cli.output import Output, output_option
from raftkafka.cli.report import UsageError
from raftkafka.client.errors import ClientError
from raftkafka.client.topics import (
    Partition,
    Topic,
    create_partitions,
    create_topic,
    delete_topics,
    describe_topics,
    list_topics,
)
from raftkafka.errors import ErrorCode
from raftkafka.types import uuid_text

COLUMNS = ("topic", "partition", "leader", "epoch", "replicas", "isr", "elr", "offline")


@click.group()
def topic() -> None:
    """Create, list, describe, alter and delete topics."""


@topic.command("list")
@click.option("--internal", is_flag=True, help="Show internal topics too.")
@bootstrap_option
@output_option
def list_(internal: bool, bootstrap: str, output: Output) -> None:
    """List topics by name."""
    with connect(bootstrap) as client:
        topics = [each for each in list_topics(client) if internal or not each.is_internal]
    output.rows(
        ["topic"],
        [(each.name,) for each in topics],
        objects=[
            {
                "topic": each.name,
                "topic_id": uuid_text(each.topic_id),
                "partitions": len(each.partitions),
                "replication_factor": each.replication_factor,
                "internal": each.is_internal,
            }
            for each in topics
        ],
    )


@topic.command()
@click.argument("names", nargs=-1, metavar="[TOPIC]...")
@bootstrap_option
@output_option
def describe(names: Sequence[str], bootstrap: str, output: Output) -> None:
    """Show partitions: who leads, who replicates, who is in sync; of all topics without names."""
    with connect(bootstrap) as client:
        wanted = names or [each.name for each in list_topics(client) if not each.is_internal]
        topics = describe_topics(client, wanted)
    rows = [_row(each.name, partition) for each in topics for partition in each.partitions]
    output.rows(COLUMNS, rows, objects=[_object(each) for each in topics])


@topic.command()
@click.argument("name", metavar="TOPIC")
@click.option("-p", "--partitions", type=click.IntRange(1), help="How many.  [default: broker's]")
@click.option("-r", "--replication-factor", type=click.IntRange(1, 32767), help="Replicas of each.")
@click.option("-c", "--config", "configs", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@click.option("--if-not-exists", is_flag=True, help="Succeed if the topic is there already.")
@click.option("--dry-run", is_flag=True, help="Let the broker check it, but create nothing.")
@bootstrap_option
@output_option
def create(
    name: str,
    partitions: int | None,
    replication_factor: int | None,
    configs: Sequence[str],
    if_not_exists: bool,
    dry_run: bool,
    bootstrap: str,
    output: Output,
) -> None:
    """Create a topic."""
    pairs = parse_pairs(configs)
    created = True
    with connect(bootstrap) as client:
        try:
            create_topic(
                client,
                name,
                partitions=partitions or -1,
                replication_factor=replication_factor or -1,
                configs=pairs,
                validate_only=dry_run,
            )
        except ClientError as error:
            if not (if_not_exists and error.code is ErrorCode.TOPIC_ALREADY_EXISTS):
                raise hint_at_key(error) from error
            created = False
    created = created and not dry_run
    done = "Created" if created else "Would create" if dry_run else "Nothing to do: there is"
    output.done(f"{done} topic {name}.", topic=name, created=created)


@topic.command()
@click.argument("name", metavar="TOPIC")
@click.option("-p", "--partitions", type=click.IntRange(1), help="The new total.")
@click.option("-c", "--config", "configs", multiple=True, metavar="KEY=VALUE", help="Set a config.")
@click.option("-d", "--delete-config", "deleted", multiple=True, metavar="KEY", help="Unset one.")
@bootstrap_option
@output_option
def alter(
    name: str,
    partitions: int | None,
    configs: Sequence[str],
    deleted: Sequence[str],
    bootstrap: str,
    output: Output,
) -> None:
    """Give a topic more partitions, or other configs."""
    if partitions is None and not configs and not deleted:
        raise UsageError("nothing to alter", hint="give --partitions, --config or --delete-config")
    pairs = parse_pairs(configs)
    with connect(bootstrap) as client:
        if pairs or deleted:
            from raftkafka.client.configs import Resource, ResourceType, alter_configs

            resource = Resource(ResourceType.TOPIC, name)
            try:
                alter_configs(client, resource, to_set=pairs, to_delete=deleted)
            except ClientError as error:
                raise hint_at_key(error) from error
        if partitions is not None:
            create_partitions(client, {name: partitions})
    output.done(f"Altered topic {name}.", topic=name, altered=True)


@topic.command()
@click.argument("names", nargs=-1, required=True, metavar="TOPIC...")
@click.option("--if-exists", is_flag=True, help="Succeed if a topic is not there.")
@bootstrap_option
@output_option
def delete(names: Sequence[str], if_exists: bool, bootstrap: str, output: Output) -> None:
    """Delete topics and all their messages."""
    with connect(bootstrap) as client:
        there = {each.name for each in list_topics(client)}
        wanted = [name for name in names if name in there or not if_exists]
        if wanted:
            delete_topics(client, wanted)
    sentence = f"Deleted {', '.join(wanted)}." if wanted else "Nothing to delete."
    output.done(sentence, deleted=wanted)


def _row(name: str, partition: Partition) -> tuple[object, ...]:
    return (
        name,
        partition.partition,
        partition.leader,
        partition.leader_epoch,
        partition.replicas,
        partition.isr,
        partition.elr,
        partition.offline,
    )


def _object(each: Topic) -> dict[str, object]:
    partitions = [
        dict(zip(COLUMNS[1:], _row(each.name, partition)[1:], strict=True))
        for partition in each.partitions
    ]
    return {
        "topic": each.name,
        "topic_id": uuid_text(each.topic_id),
        "internal": each.is_internal,
        "replication_factor": each.replication_factor,
        "partitions": partitions,
    }

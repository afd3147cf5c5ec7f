"""``raftkafka cluster``: its id, its brokers, their log directories."""

from __future__ import annotations

from collections.abc import Sequence

import click

from raftkafka.cli.connect import bootstrap_option, connect
from raftkafka.cli.output import Output, output_option
from raftkafka.client.client import Client
from raftkafka.client.cluster import Cluster, describe_cluster, describe_log_dirs
from raftkafka.client.errors import ClientError
from raftkafka.errors import ErrorCode


@click.group()
def cluster() -> None:
    """Show the cluster, its brokers and their disks."""


@cluster.command("id")
@bootstrap_option
@output_option
def id_(bootstrap: str, output: Output) -> None:
    """Show the cluster's id."""
    with connect(bootstrap) as client:
        cluster_id = describe_cluster(client).cluster_id
    output.done(cluster_id or "", cluster_id=cluster_id)


@cluster.command()
@bootstrap_option
@output_option
def describe(bootstrap: str, output: Output) -> None:
    """Show the brokers: which of them is the controller, which are fenced (down, or cut off)."""
    with connect(bootstrap) as client:
        found = _with_fenced(client)
    columns = ("broker", "host", "port", "rack", "controller", "state")
    rows = [
        (
            each.node_id,
            each.host,
            each.port,
            each.rack,
            each.node_id == found.controller_id,
            "fenced" if each.is_fenced else "active",
        )
        for each in found.brokers
    ]
    brokers = [dict(zip(columns, row, strict=True)) for row in rows]
    if output.is_json:
        facts = {"cluster_id": found.cluster_id, "controller": found.controller_id}
        output.json({**facts, "brokers": brokers})
    else:
        output.heading(f"Cluster {found.cluster_id}")
        output.rows(columns, rows)


@cluster.command("log-dirs")
@click.option("--broker", "node_ids", type=int, multiple=True, help="Only this; repeatable.")
@click.option("--topic", "topics", multiple=True, help="Only this; repeatable.")
@bootstrap_option
@output_option
def log_dirs(
    node_ids: Sequence[int], topics: Sequence[str], bootstrap: str, output: Output
) -> None:
    """Show replicas by broker and log directory, and their sizes in bytes."""
    with connect(bootstrap) as client:
        asked = node_ids or [each.node_id for each in describe_cluster(client).brokers]
        found = describe_log_dirs(client, asked, topics=topics or None)
    rows = [
        (node_id, log_dir.path, _state(log_dir.error), key.topic, key.partition, replica.size_bytes)
        for node_id, log_dirs in found.items()
        for log_dir in log_dirs
        for key, replica in sorted(log_dir.replicas.items())
    ]
    output.rows(("broker", "log_dir", "state", "topic", "partition", "size_bytes"), rows)


def _with_fenced(client: Client) -> Cluster:
    try:
        return describe_cluster(client, include_fenced=True)
    except ClientError as error:
        if error.code is not ErrorCode.UNSUPPORTED_VERSION:
            raise
        return describe_cluster(client)  # a broker older than Kafka 4.0


def _state(error: ErrorCode) -> str:
    return "online" if error is ErrorCode.NONE else error.name

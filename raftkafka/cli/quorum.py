"""``raftkafka quorum``: who leads the metadata quorum, who follows, who is let in again."""

from __future__ import annotations

import click

from raftkafka.cli.connect import bootstrap_option, connect
from raftkafka.cli.output import Output, output_option
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.quorum import QuorumInfo, QuorumReplica, describe_quorum, readmit_voter
from raftkafka.types import ZERO_ID, uuid_text

COLUMNS = ("node", "role", "log_end_offset", "lag", "behind_ms", "directory_id", "address")


@click.group()
def quorum() -> None:
    """Show the quorum that keeps the metadata; let a voter in again."""


@quorum.command()
@bootstrap_option
@output_option
def describe(bootstrap: str, output: Output) -> None:
    """Show its leader, voters and observers, and how far each has come.

    A voter that lost its metadata is there twice: as it was, and with no vote as it is now.
    """
    with connect(bootstrap) as client:
        cluster_id = describe_cluster(client).cluster_id
        found = describe_quorum(client)
    rows = [_row(found, each) for each in (*found.voters, *found.observers)]
    if output.is_json:
        output.json(
            {
                "cluster_id": cluster_id,
                "leader": found.leader_id,
                "epoch": found.leader_epoch,
                "high_watermark": found.high_watermark,
                "max_follower_lag": found.max_follower_lag,
                "max_follower_lag_ms": found.max_follower_lag_ms,
                "nodes": [dict(zip(COLUMNS, row, strict=True)) for row in rows],
            }
        )
        return
    output.heading(
        f"Quorum of cluster {cluster_id}: node {found.leader_id} leads in epoch "
        f"{found.leader_epoch}, high watermark {found.high_watermark}"
    )
    output.rows(COLUMNS, rows)


@quorum.command()
@click.argument("node_id", metavar="NODE", type=click.IntRange(0))
@bootstrap_option
@output_option
def readmit(node_id: int, bootstrap: str, output: Output) -> None:
    """Let a voter whose metadata was lost vote again.

    A voter that comes back with an empty folder may have promised something before, so that it
    only follows until somebody says that this is meant. It must run, and have caught up.
    """
    with connect(bootstrap) as client:
        readmit_voter(client, node_id)
    output.done(f"Node {node_id} votes again.", node=node_id, readmitted=True)


def _role(found: QuorumInfo, replica: QuorumReplica) -> str:
    if replica is found.leader:
        return "leader"
    if replica in found.voters:
        return "voter"
    voters = {voter.node_id for voter in found.voters}
    return "no vote" if replica.node_id in voters else "observer"


def _row(found: QuorumInfo, replica: QuorumReplica) -> tuple[object, ...]:
    leader = found.leader
    behind_ms = None
    if leader.last_caught_up_ms is not None and replica.last_caught_up_ms is not None:
        behind_ms = leader.last_caught_up_ms - replica.last_caught_up_ms
    endpoints = found.endpoints.get(replica.node_id, ())
    return (
        replica.node_id,
        _role(found, replica),
        replica.log_end_offset,
        leader.log_end_offset - replica.log_end_offset,
        behind_ms,
        None if replica.directory_id == ZERO_ID else uuid_text(replica.directory_id),
        str(endpoints[0].address) if endpoints else None,
    )

"""kafka-metadata-quorum: who leads the metadata quorum, and how far each node has come.

Source: Kafka class ``MetadataQuorumCommand``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from raftkafka.cli.report import FAILED, UsageError, did_you_mean, say
from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.errors import ClientError
from raftkafka.client.quorum import QuorumInfo, QuorumReplica, describe_quorum
from raftkafka.types import ZERO_ID, uuid_text

COMMANDS = ("describe", "add-controller", "remove-controller")
USAGE = f"usage: kafka-metadata-quorum [options] {{{','.join(COMMANDS)}}} ..."
HEADER = (
    "NodeId",
    "DirectoryId",
    "LogEndOffset",
    "Lag",
    "LastFetchTimestamp",
    "LastCaughtUpTimestamp",
    "Status",
)
CLOCKS_APART_MS = 1000
"""How far ahead of this machine's clock the leader's may be without a word."""


def main() -> int:
    """Run kafka-metadata-quorum."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    if not arguments:
        say(USAGE)
        say("kafka-metadata-quorum: error: too few arguments")
        return FAILED
    options = _parser().read(arguments)
    _check(options)
    required = "--bootstrap-server/--bootstrap-controller is required"
    with connect(options, required=f"kafka-metadata-quorum: error: {required}") as client:
        if "replication" in options:
            human = "human-readable" in options
            print_replication(describe_quorum(client), now_ms() if human else None)
        else:
            _print_status(client)
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-metadata-quorum", "Show the state of the metadata quorum.")
    add_connection(parser)
    parser.value("bootstrap-controller", None)
    parser.flag("status", "describe: a summary.")
    parser.flag("replication", "describe: how far each voter and observer has come.")
    parser.flag("human-readable", "With --replication: how long ago, instead of timestamps.")
    for name, also in (("controller-id", "-i"), ("controller-directory-id", "-d")):
        parser.value(name, None, also=(also,))
    parser.flag("dry-run", None)
    return parser


def _check(options: Options) -> None:
    prefix = "kafka-metadata-quorum: error:"
    command = options.words[0] if options.words else None
    if command is None:
        raise UsageError(f"{prefix} too few arguments", hint=USAGE)
    if command not in COMMANDS:
        close = did_you_mean(command, COMMANDS) or USAGE
        raise UsageError(f"{prefix} invalid choice: '{command}'", hint=close)
    if len(options.words) > 1:
        raise UsageError(f"{prefix} unrecognized arguments: '{' '.join(options.words[1:])}'")
    if "bootstrap-controller" in options:
        raise ClientError(
            "--bootstrap-controller is not supported",
            hint="any broker answers: use --bootstrap-server",
        )
    if command != "describe":
        raise ClientError(
            f"{command}: the voters are those of controller.quorum.voters, and do not change",
            hint="a voter that lost its metadata is let in by `raftkafka quorum readmit`",
        )
    if "status" in options and "replication" in options:
        text = "Only one of --status or --replication should be specified"
        raise ClientError(f"{text} with describe sub-command")
    if "status" not in options and "replication" not in options:
        raise ClientError(
            "One of --status or --replication must be specified with describe sub-command"
        )
    if "status" in options and "human-readable" in options:
        raise ClientError("The option --human-readable is only supported along with --replication")


def _print_status(client: Client) -> None:
    cluster_id = describe_cluster(client).cluster_id
    quorum = describe_quorum(client)
    rows = (
        ("ClusterId", cluster_id),
        ("LeaderId", quorum.leader_id),
        ("LeaderEpoch", quorum.leader_epoch),
        ("HighWatermark", quorum.high_watermark),
        ("MaxFollowerLag", quorum.max_follower_lag),
        ("MaxFollowerLagTimeMs", quorum.max_follower_lag_ms),
        ("CurrentVoters", nodes_text(quorum, quorum.voters)),
        ("CurrentObservers", nodes_text(quorum, quorum.observers)),
    )
    for name, value in rows:
        print(f"{name + ':':<24}{value}")


def nodes_text(quorum: QuorumInfo, replicas: Iterable[QuorumReplica]) -> str:
    """Return nodes as Kafka writes them: almost JSON, without what is not known."""
    nodes: list[str] = []
    for replica in replicas:
        facts = [f'"id": {replica.node_id}']
        if replica.directory_id != ZERO_ID:
            facts.append(f'"directoryId": "{uuid_text(replica.directory_id)}"')
        endpoints = quorum.endpoints.get(replica.node_id, ())
        if endpoints:
            shown = ", ".join(f'"{endpoint}"' for endpoint in endpoints)
            facts.append(f'"endpoints": [{shown}]')
        nodes.append("{" + ", ".join(facts) + "}")
    return f"[{', '.join(nodes)}]"


def print_replication(quorum: QuorumInfo, since_ms: int | None) -> None:
    """Print a line for each node: the leader, the other voters, the observers.

    Args:
        quorum: as its leader sees it.
        since_ms: now, to print how long ago things were; None for when they were.

    Raises:
        ClientError: no leader; or the leader's clock is ahead of ours.
    """
    leader = quorum.leader
    followers = [voter for voter in quorum.voters if voter is not leader]
    groups = (([leader], "Leader"), (followers, "Follower"), (quorum.observers, "Observer"))
    rows = [
        (
            str(each.node_id),
            uuid_text(each.directory_id),
            str(each.log_end_offset),
            str(leader.log_end_offset - each.log_end_offset),
            _when(each.last_fetch_ms, "last fetch", since_ms),
            _when(each.last_caught_up_ms, "last caught up", since_ms),
            status,
        )
        for group, status in groups
        for each in group
    ]
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    for row in (HEADER, *rows):
        cells = [value.ljust(width) for value, width in zip(row, widths, strict=True)]
        print("".join(f"{cell}\t" for cell in cells))


def _when(then_ms: int | None, what: str, since_ms: int | None) -> str:
    if then_ms is None:
        return "-1"
    if since_ms is None:
        return str(then_ms)
    ago_ms = since_ms - then_ms
    if ago_ms < -CLOCKS_APART_MS:
        raise ClientError(
            "Error while computing relative time, possible drift in system clock. "
            f"Current timestamp is {since_ms}, {what} timestamp is {then_ms}"
        )
    return f"{max(0, ago_ms)} ms ago"


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000

"""kafka-leader-election: give partitions their preferred leader, or any at all.

Source: Kafka class ``LeaderElectionCommand``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.java_errors import java_class
from raftkafka.cli.shims.json_files import misshapen, read_document
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.elections import ElectionType, Outcome, elect_leaders
from raftkafka.client.errors import ClientError
from raftkafka.errors import ErrorCode
from raftkafka.types import TopicPartition

SCOPES = ("topic", "all-topic-partitions", "path-to-json-file")
WHOLE_REFUSALS = {
    ErrorCode.REQUEST_TIMED_OUT: "Timeout waiting for election results",
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED: "Not authorized to perform leader election",
}


def main() -> int:
    """Run kafka-leader-election."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().read(arguments)
    election_type = _check(options)
    partitions = _partitions(options)
    if any(word.partition("=")[0] == "--admin.config" for word in arguments):
        print(
            "Option --admin.config has been deprecated and will be removed in a future version. "
            "Use --command-config instead."
        )
    with connect(options, required="Missing required option(s): bootstrap-server") as client:
        try:
            outcomes = elect_leaders(client, election_type, partitions)
        except ClientError as error:
            said = WHOLE_REFUSALS.get(error.code) if error.code is not None else None
            if said is None:
                raise
            print(said)
            raise ClientError(said) from error
    return _report(election_type, outcomes)


def _parser() -> OptionParser:
    parser = OptionParser(
        "kafka-leader-election", "Elect leaders of partitions.", needs_options=False
    )
    add_connection(parser, config_also=("--admin.config",))
    parser.value(
        "election-type",
        "preferred: the first replica, if it is in sync; unclean: any live replica of a "
        "partition without a leader, though messages may be lost.",
        _election_type,
    )
    parser.value("topic", "The topic of one partition.")
    parser.value("partition", "The partition, with --topic.", int)
    parser.flag("all-topic-partitions", "All partitions that need it.")
    parser.value("path-to-json-file", '{"partitions": [{"topic": "t", "partition": 0}]}')
    return parser


def _election_type(text: str) -> ElectionType:
    try:
        return ElectionType[text.upper()]
    except KeyError:
        raise ValueError(text) from None


def _check(options: Options) -> ElectionType:
    election_type = options.get("election-type", ElectionType)
    missing: list[str] = []
    if "bootstrap-server" not in options and "zookeeper" not in options:
        missing.append("bootstrap-server")
    if election_type is None:
        missing.append("election-type")
    if missing or election_type is None:
        raise ClientError(f"Missing required option(s): {', '.join(missing)}")
    if sum(scope in options for scope in SCOPES) != 1:
        raise ClientError(
            f"One and only one of the following options is required: {', '.join(SCOPES)}"
        )
    if "topic" in options and "partition" not in options:
        raise ClientError("Missing required option(s): partition")
    if "partition" in options and "topic" not in options:
        raise ClientError("Option partition is only allowed if topic is used")
    return election_type


def _partitions(options: Options) -> Set[TopicPartition] | None:
    """Return which partitions are meant; None: all."""
    path = options.get("path-to-json-file", str)
    if path is not None:
        return read_partitions(path)
    topic = options.get("topic", str)
    return None if topic is None else {TopicPartition(topic, options.must("partition", int))}


def read_partitions(path: str) -> Set[TopicPartition]:
    """Return the partitions of a file in Kafka's JSON.

    Raises:
        ClientError: it cannot be read, or names a partition twice.
    """
    document = read_document(path, not_json="Replica election data is empty")
    if "partitions" not in document:
        raise ClientError('Replica election data is missing "partitions" field')
    try:
        found = [
            TopicPartition(str(entry["topic"]), int(entry["partition"]))
            for entry in document["partitions"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise misshapen(path, "topic and partition", error) from error
    twice = sorted({key for key in found if found.count(key) > 1})
    if twice:
        raise ClientError(f"Replica election data contains duplicate partitions: [{_names(twice)}]")
    return set(found)


def _report(election_type: ElectionType, outcomes: Mapping[TopicPartition, Outcome]) -> int:
    """Print what became of the partitions.

    Raises:
        ClientError: for some, nobody could be elected.
    """
    elected = [key for key, outcome in outcomes.items() if outcome.code is ErrorCode.NONE]
    not_needed = [
        key for key, outcome in outcomes.items() if outcome.code is ErrorCode.ELECTION_NOT_NEEDED
    ]
    failed = outcomes.keys() - set(elected) - set(not_needed)
    kind = election_type.name
    if elected:
        done = f"Successfully completed leader election ({kind}) for partitions"
        print(f"{done} {_names(elected)}")
    if not_needed:
        print(f"Valid replica already elected for partitions {_names(not_needed)}")
    for key in sorted(failed):
        reason = f"{java_class(outcomes[key].code)}: {outcomes[key].message}"
        print(f"Error completing leader election ({kind}) for partition: {key}: {reason}")
    if failed:
        raise ClientError(f"{len(failed)} replica(s) could not be elected")
    return 0


def _names(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(str(key) for key in sorted(partitions))

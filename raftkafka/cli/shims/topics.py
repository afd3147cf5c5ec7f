"""kafka-topics: create, list, describe, alter and delete topics.

Source: Kafka class ``TopicCommand``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raftkafka.cli.report import FAILED, UsageError, one_line, say
from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.cli.shims.topic_filter import INTERNAL_TOPICS, topic_filter
from raftkafka.cli.shims.topic_lines import REPORTS, partition_line, reports_of, topic_line
from raftkafka.client.client import Client
from raftkafka.client.errors import ClientError
from raftkafka.client.reassignments import Reassignment, list_reassignments
from raftkafka.client.topics import (
    DESCRIBE_PAGE_PARTITIONS,
    Topic,
    create_partitions,
    create_topic,
    delete_topics,
    describe_topics,
    list_topics,
)
from raftkafka.errors import ErrorCode
from raftkafka.types import ZERO_ID, TopicPartition, parse_uuid

ACTIONS = ("list", "describe", "create", "alter", "delete")
ONLY_WITH = {
    "config": ("create", "alter"),
    "partitions": ("create", "alter"),
    "replication-factor": ("create",),
    "replica-assignment": ("create", "alter"),
    "topics-with-overrides": ("describe",),
    "if-exists": ("alter", "delete", "describe"),
    "if-not-exists": ("create",),
    "exclude-internal": ("list", "describe"),
} | dict.fromkeys(REPORTS, ("describe",))
REPLICATION_FACTOR_MAX = 32767


def main() -> int:
    """Run kafka-topics."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().read(arguments)
    action = _check(options)
    client = connect(options, required="--bootstrap-server must be specified")
    try:
        with client:
            _DO[action](client, options)
    except UsageError:
        raise
    except ClientError as error:
        print(f"Error while executing topic command : {one_line(error)}")
        return FAILED
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-topics", "Create, list, describe, alter or delete topics.")
    add_connection(parser)
    for action in ACTIONS:
        parser.flag(action, f"{action.capitalize()} topics.")
    parser.value("topic", "The topic; a regular expression but with --create.")
    parser.value("topic-id", "The topic to describe, by id.")
    parser.value("partitions", "How many partitions the topic shall have.", int)
    parser.value("replication-factor", "How many replicas each partition shall have.", int)
    parser.value("replica-assignment", "Brokers by hand: P0R0:P0R1,P1R0:P1R1,...")
    parser.values("config", "name=value, with --create.")
    parser.value("delete-config", None)
    parser.flag("if-exists", "Do nothing, without an error, if the topic is not there.")
    parser.flag("if-not-exists", "Do nothing, without an error, if the topic is there.")
    parser.flag("exclude-internal", "Leave internal topics out.")
    parser.flag("topics-with-overrides", "Describe only topics with configs of their own.")
    parser.flag("under-replicated-partitions", "Describe only partitions that miss replicas.")
    parser.flag("unavailable-partitions", "Describe only partitions without a live leader.")
    parser.flag("under-min-isr-partitions", "Describe only those below min.insync.replicas.")
    parser.flag("at-min-isr-partitions", "Describe only those just at min.insync.replicas.")
    parser.value(
        "partition-size-limit-per-response",
        "Partitions to describe in one answer.",
        int,
        default=DESCRIBE_PAGE_PARTITIONS,
    )
    for obsolete in ("force", "disable-rack-aware"):
        parser.flag(obsolete, None)
    return parser


def _check(options: Options) -> str:
    """Return the action; fail if options do not go together."""
    actions = [action for action in ACTIONS if action in options]
    if len(actions) != 1:
        options.fail(
            "Command must include exactly one action: "
            "--list, --describe, --create, --alter or --delete"
        )
    (action,) = actions
    if "delete-config" in options:
        say("--delete-config is ignored; use kafka-configs --alter --delete-config")
    if action == "describe" and "if-exists" in options and not _names_topic(options):
        options.fail("--topic or --topic-id is required to describe a topic")
    if action not in ("list", "describe"):
        options.must("topic", str)
    if action == "alter":
        if "config" in options:
            options.fail(
                'Option "[config]" can\'t be used with option "[alter]": use kafka-configs'
            )
        options.must("partitions", int)
    for name, allowed in ONLY_WITH.items():
        if action not in allowed:
            options.forbid(action, name)
    if action == "create" and "replica-assignment" in options:
        options.forbid("replica-assignment", "partitions", "replication-factor")
    reports = [name for name in (*REPORTS, "topics-with-overrides") if name in options]
    if len(reports) > 1 and "topics-with-overrides" in reports:
        options.forbid("topics-with-overrides", reports[0])
    return action


def _names_topic(options: Options) -> bool:
    return "topic" in options or "topic-id" in options


def _create(client: Client, options: Options) -> None:
    name = options.must("topic", str)
    if "." in name or "_" in name:
        print(
            "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore "
            "('_') could collide. To avoid issues it is best to use either, but not both."
        )
    replication_factor = options.get("replication-factor", int)
    if replication_factor is not None and not 1 <= replication_factor <= REPLICATION_FACTOR_MAX:
        limit = REPLICATION_FACTOR_MAX
        raise ClientError(f"The replication factor must be between 1 and {limit} inclusive")
    partitions = options.get("partitions", int)
    if partitions is not None and partitions < 1:
        raise ClientError("The partitions must be greater than 0")
    try:
        create_topic(
            client,
            name,
            partitions=-1 if partitions is None else partitions,
            replication_factor=-1 if replication_factor is None else replication_factor,
            assignment=_assignment(options),
            configs=_configs(options),
        )
    except ClientError as error:
        exists = error.code is ErrorCode.TOPIC_ALREADY_EXISTS
        if not (exists and "if-not-exists" in options):
            raise
        return
    print(f"Created topic {name}.")


def _list(client: Client, options: Options) -> None:
    print("\n".join(topic.name for topic in _matching(client, options)))


def _alter(client: Client, options: Options) -> None:
    topics = _existing(client, options)
    if not topics:
        return
    total = options.must("partitions", int)
    assignment = _assignment(options)
    create_partitions(
        client,
        {topic.name: total for topic in topics},
        assignments={topic.name: assignment[len(topic.partitions) :] for topic in topics},
    )


def _delete(client: Client, options: Options) -> None:
    topics = _existing(client, options)
    if topics:
        delete_topics(client, [topic.name for topic in topics])


def _describe(client: Client, options: Options) -> None:
    from raftkafka.cli.shims.topic_configs import TopicConfigs

    names = [topic.name for topic in _to_describe(client, options)]
    page = options.must("partition-size-limit-per-response", int)
    topics = describe_topics(client, names, page_partitions=page)
    configs = TopicConfigs(client, names)
    alive = {broker.node_id for broker in client.metadata([]).brokers}
    moves = _moves(client, topics)
    selected = [name for name in REPORTS if name in options]
    only_overridden = "topics-with-overrides" in options
    for topic in topics:
        overrides = configs.overrides(topic.name)
        if not selected and (overrides or not only_overridden):
            print(topic_line(topic, moves.get(TopicPartition(topic.name, 0)), overrides))
        if only_overridden:
            continue
        for partition in topic.partitions:
            move = moves.get(TopicPartition(topic.name, partition.partition))
            min_insync = configs.min_insync_replicas(topic.name)
            if not selected or reports_of(partition, move, min_insync, alive) & set(selected):
                print(partition_line(topic.name, partition, move, alive))


def _moves(client: Client, topics: Sequence[Topic]) -> Mapping[TopicPartition, Reassignment]:
    """Return the reassignments of topics; none where a broker does not tell."""
    partitions = [
        TopicPartition(topic.name, partition.partition)
        for topic in topics
        for partition in topic.partitions
    ]
    try:
        return list_reassignments(client, partitions)
    except ClientError as error:
        if error.code in (ErrorCode.UNSUPPORTED_VERSION, ErrorCode.CLUSTER_AUTHORIZATION_FAILED):
            return {}
        raise


def _to_describe(client: Client, options: Options) -> list[Topic]:
    text = options.get("topic-id", str)
    topic_id = ZERO_ID if text is None else _topic_id(text)
    if topic_id == ZERO_ID:
        return _existing(client, options)
    excluded = INTERNAL_TOPICS if "exclude-internal" in options else frozenset[str]()
    topics = [topic for topic in list_topics(client) if topic.name not in excluded]
    found = [topic for topic in topics if topic.topic_id == topic_id]
    if not found and "if-exists" not in options:
        raise ClientError(f"TopicId '{text}' does not exist as expected")
    return found


def _topic_id(text: str) -> bytes:
    try:
        return parse_uuid(text)
    except ValueError as error:
        raise ClientError(f"'{text}' is no topic id") from error


def _matching(client: Client, options: Options) -> list[Topic]:
    exclude = "exclude-internal" in options
    matches = topic_filter(options.get("topic", str), exclude_internal=exclude)
    return [topic for topic in list_topics(client) if matches(topic.name)]


def _existing(client: Client, options: Options) -> list[Topic]:
    topics = _matching(client, options)
    name = options.get("topic", str)
    if not topics and name and "if-exists" not in options:
        raise ClientError(f"Topic '{name}' does not exist as expected")
    return topics


def _assignment(options: Options) -> list[list[int]]:
    text = options.get("replica-assignment", str)
    if not text:
        return []
    try:
        assignment = [[int(node) for node in part.split(":")] for part in text.split(",")]
    except ValueError as error:
        raise ClientError(f"'{text}' is no list of broker ids") from error
    for index, brokers in enumerate(assignment):
        twice = sorted({node for node in brokers if brokers.count(node) > 1})
        if twice:
            shown = ",".join(str(node) for node in twice)
            raise ClientError(f"Partition replica lists may not contain duplicate entries: {shown}")
        if len(brokers) != len(assignment[0]):
            raise ClientError(f"Partition {index} has different replication factor: {brokers}")
    return assignment


def _configs(options: Options) -> dict[str, str]:
    configs: dict[str, str] = {}
    for word in options.all("config"):
        key, equals, value = word.partition("=")
        if not equals or not value.strip():
            raise ClientError(
                "requirement failed: Invalid topic config: all configs to be added must be in the "
                'format "key=val".'
            )
        configs[key.strip()] = value.strip()
    return configs


_DO = {
    "create": _create,
    "list": _list,
    "alter": _alter,
    "delete": _delete,
    "describe": _describe,
}

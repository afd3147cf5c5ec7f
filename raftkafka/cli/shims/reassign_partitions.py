"""kafka-reassign-partitions: plan moves of partitions to other brokers, start, watch, stop them.

Source: Kafka class ``ReassignPartitionsCommand``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raftkafka.cli.report import FAILED, one_line
from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.log_dir_moves import (
    NotStarted,
    all_arrived,
    cancel_moves,
    moves_text,
    start_moves,
)
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.cli.shims.reassignment_files import (
    LogDirPlan,
    Plan,
    check_plan,
    ids_text,
    plan_text,
    read_plan,
    read_topics,
    replicas_of,
)
from raftkafka.cli.shims.reassignment_proposal import proposed, read_broker_list
from raftkafka.cli.shims.replication_throttles import (
    Moves,
    clear_throttles,
    moves_of,
    set_log_dir_throttle,
    set_throttles,
)
from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.errors import ClientError, RequestFailed
from raftkafka.client.log_dirs import find_replicas
from raftkafka.client.reassignments import alter_reassignments, list_reassignments
from raftkafka.client.topics import describe_topics, list_topics
from raftkafka.errors import ErrorCode
from raftkafka.types import TopicPartition

ACTIONS = ("generate", "execute", "verify", "cancel", "list")
NEEDED = {
    "generate": ("topics-to-move-json-file", "broker-list"),
    "execute": ("reassignment-json-file",),
    "verify": ("reassignment-json-file",),
    "cancel": ("reassignment-json-file",),
    "list": (),
}
ALLOWED = {
    "generate": ("disable-rack-aware",),
    "execute": (
        "additional",
        "disallow-replication-factor-change",
        "replica-alter-log-dirs-throttle",
        "throttle",
        "timeout",
    ),
    "verify": ("preserve-throttles",),
    "cancel": ("preserve-throttles", "timeout"),
    "list": (),
}
NO_THROTTLE = -1


class _Refused(ClientError):
    """Kafka prints these without ``Error:`` before them."""


def main() -> int:
    """Run kafka-reassign-partitions."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().read(arguments)
    action = _check(options)
    required = "Please specify either --bootstrap-server or --bootstrap-controller"
    with connect(options, required=required, client_id="reassign-partitions-tool") as client:
        try:
            _DO[action](client, options)
        except _Refused as error:
            print(error)
            return FAILED
        except ClientError as error:
            print(f"Error: {one_line(error)}")
            return FAILED
    return 0


def _parser() -> OptionParser:
    parser = OptionParser(
        "kafka-reassign-partitions", "Move partitions between brokers.", needs_options=False
    )
    add_connection(parser)
    parser.value("bootstrap-controller", None)
    parser.flag("generate", "Print a plan that moves topics to the brokers of --broker-list.")
    parser.flag("execute", "Start what --reassignment-json-file says.")
    parser.flag("verify", "Tell how far that is; when all is done, remove throttles.")
    parser.flag("cancel", "Stop it: go back to the replicas of before.")
    parser.flag("list", "List all reassignments that go on.")
    parser.value(
        "reassignment-json-file",
        '{"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": [1, 2, 3]}]}',
    )
    parser.value("topics-to-move-json-file", '{"version": 1, "topics": [{"topic": "t"}]}')
    parser.value("broker-list", "With --generate: the brokers to move to, 1,2,3.")
    parser.flag("disable-rack-aware", "With --generate: whatever the brokers' racks are.")
    parser.value("throttle", "With --execute: bytes/s between brokers.", int, default=NO_THROTTLE)
    parser.value(
        "replica-alter-log-dirs-throttle",
        "With --execute: bytes/s between log directories.",
        int,
        default=NO_THROTTLE,
    )
    parser.value("timeout", "How long to wait for replicas, in ms.", int, default=10_000)
    parser.flag("additional", "With --execute: even while other reassignments go on.")
    parser.flag(
        "disallow-replication-factor-change",
        "With --execute: refuse a plan that gives a partition more or fewer replicas.",
    )
    parser.flag("preserve-throttles", "With --verify, --cancel: let throttles be.")
    return parser


def _check(options: Options) -> str:
    """Return the action; fail if options do not go together."""
    actions = [action for action in ACTIONS if action in options]
    if len(actions) != 1:
        names = ", ".join(f"--{action}" for action in ACTIONS)
        options.fail(f"Command must include exactly one action: {names}")
    (action,) = actions
    if "bootstrap-controller" in options:
        raise ClientError(
            "--bootstrap-controller is not supported",
            hint="any broker answers: use --bootstrap-server",
        )
    for name in NEEDED[action]:
        options.must(name, str)
    known = {name for names in (*NEEDED.values(), *ALLOWED.values()) for name in names}
    for name in sorted(known - {*NEEDED[action], *ALLOWED[action]}):
        if name in options:
            options.fail(f'Option "[{name}]" can\'t be used with action "[{action}]"')
    return action


def _generate(client: Client, options: Options) -> None:
    node_ids = read_broker_list(options.must("broker-list", str))
    topics = read_topics(options.must("topics-to-move-json-file", str))
    current = _assignments(client, topics)
    brokers = [each for each in describe_cluster(client).brokers if each.node_id in node_ids]
    plan = proposed(current, brokers, by_rack="disable-rack-aware" not in options)
    print(f"Current partition replica assignment\n{_with_places(client, current)}\n")
    print(f"Proposed partition reassignment configuration\n{plan_text(plan)}")


def _with_places(client: Client, current: Plan) -> str:
    """Return what is there in the form of a plan, for the way back."""
    replicas = [it for key, node_ids in current.items() for it in replicas_of(key, node_ids)]
    return plan_text(current, find_replicas(client, replicas))


def _execute(client: Client, options: Options) -> None:
    plan, log_dirs = read_plan(options.must("reassignment-json-file", str))
    check_plan(plan)
    ongoing = list_reassignments(client)
    if ongoing and "additional" not in options:
        raise _Refused(
            "Cannot execute because there is an existing partition assignment.  Use --additional "
            "to override this and create a new partition assignment in addition to the existing "
            "one. The --additional flag can also be used to change the throttle by resubmitting "
            "the current reassignment."
        )
    known = {broker.node_id for broker in describe_cluster(client).brokers}
    strangers = sorted({node_id for ids in plan.values() for node_id in ids} - known)
    if strangers:
        raise ClientError(f"Unknown broker id {strangers[0]}")
    current = _current(client, plan)
    print(f"Current partition replica assignment\n\n{_with_places(client, current)}\n")
    print("Save this to use as the --reassignment-json-file option during rollback")
    _throttle(client, options, moves_of(plan, current, ongoing), log_dirs)
    any_factor = "disallow-replication-factor-change" not in options
    wrong = alter_reassignments(client, plan, allow_replication_factor_change=any_factor)
    if wrong:
        raise _Refused(f"Error reassigning partition(s):\n{_reasons(wrong)}")
    plural = "" if len(plan) == 1 else "s"
    print(f"Successfully started partition reassignment{plural} for {_names(plan)}")
    try:
        start_moves(client, log_dirs, options.must("timeout", int))
    except NotStarted as error:
        raise _Refused(str(error)) from error


def _throttle(client: Client, options: Options, moves: Moves, log_dirs: LogDirPlan) -> None:
    between_brokers = options.must("throttle", int)
    between_log_dirs = options.must("replica-alter-log-dirs-throttle", int)
    if between_brokers < 0 and between_log_dirs < 0:
        return
    print(
        "Warning: You must run --verify periodically, until the reassignment completes, to ensure "
        "the throttle is removed."
    )
    if between_brokers >= 0:
        set_throttles(client, moves, between_brokers)
        print(f"The inter-broker throttle limit was set to {between_brokers} B/s")
    if between_log_dirs >= 0:
        set_log_dir_throttle(client, log_dirs, between_log_dirs)
        print(f"The replica-alter-dir throttle limit was set to {between_log_dirs} B/s")


def _current(client: Client, plan: Plan) -> Plan:
    """Return the replicas that the partitions of a plan have.

    Raises:
        ClientError: there is no such partition.
    """
    present = _assignments(client, sorted({key.topic for key in plan}))
    missing = plan.keys() - present.keys()
    if missing:
        raise ClientError(f"Unable to find partition: {', '.join(map(str, sorted(missing)))}")
    return {key: present[key] for key in plan}


def _assignments(client: Client, topics: Sequence[str]) -> Plan:
    """Return the replicas of all partitions of topics.

    Raises:
        ClientError: there is no such topic.
    """
    there = {topic.name for topic in list_topics(client)}
    for name in topics:
        if name not in there:
            raise RequestFailed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Topic {name} not found.")
    return {
        TopicPartition(topic.name, partition.partition): partition.replicas
        for topic in describe_topics(client, topics)
        for partition in topic.partitions
    }


def _verify(client: Client, options: Options) -> None:
    plan, log_dirs = read_plan(options.must("reassignment-json-file", str))
    ongoing = list_reassignments(client)
    there = {topic.name for topic in list_topics(client)}
    at_rest = {key.topic for key in plan if key not in ongoing} & there
    present = _assignments(client, sorted(at_rest))
    print("Status of partition reassignment:")
    for key, target in sorted(plan.items()):
        if key in ongoing:
            print(f"Reassignment of partition {key} is still in progress.")
        elif present.get(key, ()) == target:
            print(f"Reassignment of partition {key} is completed.")
        else:
            print(
                f"There is no active reassignment of partition {key}, but replica set is "
                f"{ids_text(present.get(key, ()))} rather than {ids_text(target)}."
            )
    places = find_replicas(client, log_dirs)
    print(moves_text(log_dirs, places))
    arrived = all_arrived(log_dirs, places)
    if arrived and not ongoing and "preserve-throttles" not in options:
        clear_throttles(client, plan)


def _cancel(client: Client, options: Options) -> None:
    plan, log_dirs = read_plan(options.must("reassignment-json-file", str))
    ongoing = list_reassignments(client, plan)
    if ongoing:
        wrong = alter_reassignments(client, dict.fromkeys(ongoing))
        plural = "" if len(wrong) == 1 else "s"
        if wrong:
            text = f"Error cancelling partition reassignment{plural} for:"
            raise _Refused(f"{text}\n{_reasons(wrong)}")
        plural = "" if len(ongoing) == 1 else "s"
        print(f"Successfully cancelled partition reassignment{plural} for: {_names(ongoing)}")
    else:
        print("None of the specified partition reassignments are active.")
    if not cancel_moves(client, log_dirs, options.must("timeout", int)):
        print("None of the specified partition moves are active.", end="")
    if "preserve-throttles" not in options:
        clear_throttles(client, plan)


def _list(client: Client, options: Options) -> None:
    del options
    ongoing = list_reassignments(client)
    if not ongoing:
        print("No partition reassignments found.")
        return
    print("Current partition reassignments:")
    for key, moves in ongoing.items():
        adding = f" adding: {ids_text(moves.adding)}." if moves.adding else ""
        removing = f" removing: {ids_text(moves.removing)}." if moves.removing else ""
        print(f"{key}: replicas: {ids_text(moves.replicas)}.{adding}{removing}")


def _names(partitions: Mapping[TopicPartition, object]) -> str:
    return ",".join(str(key) for key in sorted(partitions))


def _reasons(wrong: Mapping[TopicPartition, str]) -> str:
    return "\n".join(f"{key}: {reason}" for key, reason in sorted(wrong.items()))


_DO = {
    "generate": _generate,
    "execute": _execute,
    "verify": _verify,
    "cancel": _cancel,
    "list": _list,
}

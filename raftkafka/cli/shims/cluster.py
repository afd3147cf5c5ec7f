"""kafka-cluster: the id of a cluster, and its endpoints. Source: Kafka class ``ClusterTool``."""

from __future__ import annotations

from collections.abc import Sequence

from raftkafka.cli.report import FAILED, UsageError, did_you_mean, say
from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.options import OptionParser, run_tool
from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.errors import ClientError

COMMANDS = ("cluster-id", "unregister", "list-endpoints")
USAGE = f"usage: kafka-cluster [-h] {{{','.join(COMMANDS)}}} ..."
RACK_WIDTH = 10


def main() -> int:
    """Run kafka-cluster."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    if not arguments:
        say(USAGE)
        say("kafka-cluster: error: too few arguments")
        return FAILED
    command, *rest = arguments
    if command in ("-h", "--help"):
        print(USAGE)
        return 0
    if command not in COMMANDS:
        hint = did_you_mean(command, COMMANDS) or USAGE
        raise UsageError(f"kafka-cluster: error: invalid choice: '{command}'", hint=hint)
    purpose = "Show or change a cluster."
    parser = OptionParser(f"kafka-cluster {command}", purpose, needs_options=False)
    add_connection(parser, config_also=("--config", "-c"))
    parser.value("bootstrap-controller", None, also=("-C",))
    if command == "unregister":
        parser.value("id", "The broker to unregister.", int, also=("-i",))
    if command == "list-endpoints":
        parser.flag("include-fenced-brokers", "Show fenced brokers too.")
    options = parser.read(rest)
    if "bootstrap-controller" in options:
        raise ClientError(
            "--bootstrap-controller is not supported",
            hint="any broker answers: use --bootstrap-server",
        )
    missing = "one of the arguments --bootstrap-server/-b --bootstrap-controller/-C is required"
    with connect(options, required=f"kafka-cluster: error: {missing}") as client:
        match command:
            case "cluster-id":
                _show_id(client)
            case "list-endpoints":
                _list_endpoints(client, include_fenced="include-fenced-brokers" in options)
            case _:
                node_id = options.must("id", int)
                raise ClientError(
                    f"broker {node_id} stays registered: unregistering is not supported yet"
                )
    return 0


def _show_id(client: Client) -> None:
    cluster_id = describe_cluster(client).cluster_id
    print(f"Cluster ID: {cluster_id}" if cluster_id else "No cluster ID found.")


def _list_endpoints(client: Client, *, include_fenced: bool) -> None:
    brokers = describe_cluster(client, include_fenced=include_fenced).brokers
    host_width = max((len(broker.host) for broker in brokers), default=100)
    rack_width = max((len(broker.rack) for broker in brokers if broker.rack), default=RACK_WIDTH)
    rows = [("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE")]
    rows += [
        (
            str(broker.node_id),
            broker.host,
            str(broker.port),
            "null" if broker.rack is None else broker.rack,
            "fenced" if broker.is_fenced else "unfenced",
            "broker",
        )
        for broker in brokers
    ]
    for node_id, host, port, rack, state, kind in rows:
        print(
            f"{node_id:<10} {host:<{host_width}} {port:<10} {rack:<{rack_width}} "
            f"{state:<10} {kind:<15}"
        )

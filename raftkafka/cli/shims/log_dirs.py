"""kafka-log-dirs: replicas and sizes by broker and log directory, as one line of JSON.

Source: Kafka class ``LogDirsCommand``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.java_errors import java_class
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.cluster import LogDir, describe_cluster, describe_log_dirs
from raftkafka.client.errors import ClientError
from raftkafka.errors import ErrorCode


def main() -> int:
    """Run kafka-log-dirs."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    parser = OptionParser("kafka-log-dirs", "Show the log directories of brokers.")
    add_connection(parser)
    parser.flag("describe", "Show them; the only action.")
    parser.value("topic-list", "Topics, comma separated; all without it.", default="")
    parser.value("broker-list", "Broker ids, comma separated; all without it.", default="")
    options = parser.read(arguments)
    if "describe" not in options:
        options.fail('Missing required argument "[describe]"')
    missing = 'Missing required argument "[bootstrap-server]"'
    topics = [name for name in options.must("topic-list", str).split(",") if name]
    with connect(options, required=missing, client_id="log-dirs-tool") as client:
        existing = [broker.node_id for broker in describe_cluster(client).brokers]
        asked = _broker_ids(options)
        strangers = [node_id for node_id in asked if node_id not in existing]
        if strangers:
            raise ClientError(
                f"ERROR: The given brokers do not exist from --broker-list: {_ids(strangers)}. "
                f"Current existent brokers: {_ids(existing)}"
            )
        brokers = asked or existing
        print("Querying brokers for log directories information")
        found = describe_log_dirs(client, brokers, topics=topics or None)
    print(f"Received log directory information from brokers {_ids(brokers)}")
    print(_as_json(found))
    return 0


def _broker_ids(options: Options) -> list[int]:
    text = options.must("broker-list", str)
    try:
        return sorted({int(node_id) for node_id in text.split(",") if node_id})
    except ValueError:
        raise ClientError(f"--broker-list takes broker ids, not {text!r}") from None


def _ids(ids: Iterable[int]) -> str:
    return ",".join(str(node_id) for node_id in ids)


def _as_json(found: dict[int, list[LogDir]]) -> str:
    """Return Kafka's JSON, keys in the order in which Kafka writes them."""
    brokers = [
        {
            "broker": node_id,
            "logDirs": [
                {
                    "partitions": [
                        {
                            "partition": str(key),
                            "size": replica.size_bytes,
                            "offsetLag": replica.lag,
                            "isFuture": replica.is_future,
                        }
                        for key, replica in sorted(log_dir.replicas.items())
                    ],
                    "error": None if log_dir.error is ErrorCode.NONE else java_class(log_dir.error),
                    "logDir": log_dir.path,
                }
                for log_dir in log_dirs
            ],
        }
        for node_id, log_dirs in found.items()
    ]
    return json.dumps({"brokers": brokers, "version": 1}, separators=(",", ":"))

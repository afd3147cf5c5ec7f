"""kafka-broker-api-versions: the APIs and versions of every broker.

Source: Kafka classes ``BrokerApiVersionsCommand``, ``NodeApiVersions``.
"""

from __future__ import annotations

from collections.abc import Sequence

from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.options import OptionParser, run_tool
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.connection import Connection
from raftkafka.client.errors import ClientError
from raftkafka.errors import KafkaError
from raftkafka.protocol.apis import ApiKey, valid_versions

BETWEEN_BROKERS = frozenset({4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82})
"""No client asks for these."""


def main() -> int:
    """Run kafka-broker-api-versions."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    parser = OptionParser("kafka-broker-api-versions", "Show the API versions of brokers.")
    add_connection(parser, broker_list=True)
    options = parser.read(arguments)
    with connect(options, required='Missing required argument "[bootstrap-server]"') as client:
        for broker in describe_cluster(client).brokers:
            fenced = str(broker.is_fenced).lower()
            rack = "null" if broker.rack is None else broker.rack
            name = (
                f"{broker.host}:{broker.port} "
                f"(id: {broker.node_id} rack: {rack} isFenced: {fenced})"
            )
            try:
                shown = _versions(client.broker(broker.node_id))
            except ClientError as error:
                shown = f"ERROR: {error.message}"
            print(f"{name} -> {shown}")
    return 0


def _versions(broker: Connection) -> str:
    """Return one line for each API that the broker has, or that clients may ask for."""
    keys = sorted({*broker.versions, *(key for key in ApiKey if key not in BETWEEN_BROKERS)})
    return "(\n\t" + ",\n\t".join(_version_line(broker, key) for key in keys) + "\n)"


def _version_line(broker: Connection, key: int) -> str:
    if key not in ApiKey.__members__.values():
        name = f"UNKNOWN({key})"
    else:
        words = ApiKey(key).name.split("_")
        name = f"{''.join(word.capitalize() for word in words)}({key})"
    if key not in broker.versions:
        return f"{name}: UNSUPPORTED"
    first, last = broker.versions[key]
    theirs = f"{first}" if first == last else f"{first} to {last}"
    try:
        usable = min(last, valid_versions(key)[1])
    except KafkaError:  # we have no table for it
        return f"{name}: {theirs} [unusable: node too new]"
    return f"{name}: {theirs} [usable: {usable}]"

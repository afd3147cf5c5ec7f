"""How the admin tools find their cluster: ``--bootstrap-server``, or what old tutorials say."""

from __future__ import annotations

from collections.abc import Mapping

from raftkafka.cli.bootstrap import zookeeper_to_broker
from raftkafka.cli.property_file import read_properties
from raftkafka.cli.report import say
from raftkafka.cli.shims.options import OptionParser, Options
from raftkafka.client.address import Address, parse_addresses
from raftkafka.client.client import TIMEOUT_S, Client
from raftkafka.client.errors import ClientError

PATIENCE_S = 5.0
"""Scripts start a broker and go on at once: Kafka's tools wait a minute for it to come up."""


def add_bootstrap(parser: OptionParser, *, broker_list: bool = True) -> None:
    """Declare where brokers are; ``broker_list``: also by the name that it had before."""
    also = ("-b", "--broker-list") if broker_list else ("-b",)
    parser.value("bootstrap-server", "The brokers to start from, HOST:PORT,HOST:PORT.", also=also)
    parser.value("zookeeper", "Ignored but for its host: the broker of that host is used.")


def add_connection(
    parser: OptionParser, *, broker_list: bool = False, config_also: tuple[str, ...] = ()
) -> None:
    """Declare where brokers are, and a property file for the connection to them."""
    add_bootstrap(parser, broker_list=broker_list)
    parser.value(
        "command-config", "A property file with settings of the connection.", also=config_also
    )


def named_brokers(options: Options) -> tuple[Address, ...] | None:
    """Return the brokers that the options of ``add_bootstrap`` name, or None if none is given.

    Raises:
        ClientError: what is given is no list of brokers.
    """
    text = options.get("bootstrap-server", str)
    if text is not None:
        try:
            return parse_addresses(text, default_port=None)
        except ClientError as error:
            hint = error.hint or "write HOST:PORT,HOST:PORT"
            raise ClientError(error.message, hint=hint) from error
    zookeeper = options.get("zookeeper", str)
    return None if zookeeper is None else zookeeper_to_broker(zookeeper, say)


def connect(options: Options, *, required: str, client_id: str = "admin") -> Client:
    """Return a client for the cluster that the options of ``add_connection`` name.

    Args:
        options: as read.
        required: what to say if they name none.
        client_id: who we are, unless the property file says it.

    Raises:
        ClientError: they name none, or the property file is not for us.
    """
    addresses = named_brokers(options)
    if addresses is None:
        raise ClientError(required)
    path = options.get("command-config", str)
    properties = read_properties(path) if path else {}
    return Client(
        addresses,
        client_id=properties.get("client.id", client_id),
        timeout_s=_timeout_s(properties),
        patience_s=PATIENCE_S,
    )


def _timeout_s(properties: Mapping[str, str]) -> float:
    protocol = properties.get("security.protocol", "PLAINTEXT").upper()
    if protocol != "PLAINTEXT":
        raise ClientError(
            f"security.protocol={protocol}: the admin tools speak PLAINTEXT only so far",
            hint="name a PLAINTEXT listener of the broker",
        )
    text = properties.get("request.timeout.ms")
    try:
        return TIMEOUT_S if text is None else max(int(text), 1) / 1000
    except ValueError as error:
        raise ClientError(f"request.timeout.ms={text} is no number of ms") from error

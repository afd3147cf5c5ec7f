"""What the console and perf tools share: properties of clients, from files and words."""

from __future__ import annotations

from collections.abc import Mapping

from raftkafka.cli.bootstrap import zookeeper_to_broker
from raftkafka.cli.client_settings import Settings, translate
from raftkafka.cli.property_file import key_values, read_properties
from raftkafka.cli.report import say
from raftkafka.cli.shims.connect import named_brokers
from raftkafka.cli.shims.options import OptionParser, Options
from raftkafka.client.errors import ClientError


def add_client_properties(parser: OptionParser, kind: str) -> None:
    """Declare ``--KIND-property`` and ``--KIND.config``; Kafka 4.2 renamed them (KIP-1147)."""
    parser.values("command-property", f"key=value for the {kind}.", also=(f"--{kind}-property",))
    parser.value("command-config", f"A property file for the {kind}.", also=(f"--{kind}.config",))


def client_properties(options: Options) -> dict[str, str]:
    """Return the properties of a client; words win over the file."""
    path = options.get("command-config", str)
    from_file = read_properties(path) if path else {}
    return from_file | key_values(options.all("command-property"))


def client_settings(options: Options, properties: Mapping[str, str], *, required: str) -> Settings:
    """Return what properties mean, with the brokers that the options, or they, name.

    Args:
        options: with those of ``add_bootstrap``, which win.
        properties: Java's.
        required: what to say if nothing names a broker.

    Raises:
        ClientError: nothing does, or a value cannot be.
    """
    settings = translate(properties)
    addresses = named_brokers(options)
    if addresses is None and "bootstrap.servers" not in settings.librdkafka:
        if settings.zookeeper is None:
            raise ClientError(required)
        addresses = zookeeper_to_broker(settings.zookeeper, say)
    if addresses is not None:
        settings.librdkafka["bootstrap.servers"] = ",".join(str(each) for each in addresses)
    return settings

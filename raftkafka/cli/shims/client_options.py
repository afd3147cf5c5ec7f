"""What the console and perf tools share: properties of clients, from files and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raftkafka.cli.client_settings import Settings, translate
from raftkafka.cli.property_file import key_values, read_properties
from raftkafka.cli.shims.connect import bootstrap
from raftkafka.cli.shims.options import OptionParser, Options
from raftkafka.client.errors import ClientError


def add_client_properties(parser: OptionParser, kind: str) -> None:
    """Declare ``--KIND-property`` and ``--KIND.config``; Kafka 4.2 renamed them (KIP-1147)."""
    parser.values("command-property", f"key=value for the {kind}.", also=(f"--{kind}-property",))
    parser.value("command-config", f"A property file for the {kind}.", also=(f"--{kind}.config",))


def client_properties(options: Options, more: Mapping[str, str]) -> dict[str, str]:
    """Return the properties of a client; words win over the file, ``more`` over nothing."""
    path = options.get("command-config", str)
    from_file = read_properties(path) if path else {}
    return {**more, **from_file, **key_values(options.all("command-property"))}


def client_settings(options: Options, properties: Mapping[str, str], *, required: str) -> Settings:
    """Return what properties mean, with the brokers that the options or they name.

    Raises:
        ClientError: neither names one.
    """
    settings = translate(properties)
    named = settings.librdkafka.get("bootstrap.servers")
    if settings.zookeeper and "bootstrap-server" not in options and named is None:
        from raftkafka.cli.bootstrap import zookeeper_to_broker
        from raftkafka.cli.report import say

        addresses: Sequence[object] = zookeeper_to_broker(settings.zookeeper, say)
    else:
        try:
            addresses = bootstrap(options, required=required)
        except ClientError as error:
            if named is None or str(error) != required:
                raise
            return settings
    settings.librdkafka["bootstrap.servers"] = ",".join(str(address) for address in addresses)
    return settings

"""kafka-configs: describe and alter the configurations of topics and brokers.

Source: Kafka class ``ConfigCommand``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from raftkafka.cli.property_file import read_properties
from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.configs import (
    ConfigSource,
    Entry,
    Resource,
    ResourceType,
    alter_configs,
    describe_configs,
    source_of,
)
from raftkafka.client.errors import ClientError
from raftkafka.client.topics import list_topics

TYPES = {
    "topics": ResourceType.TOPIC,
    "brokers": ResourceType.BROKER,
    "broker-loggers": ResourceType.BROKER_LOGGER,
}
NOT_YET = ("clients", "users", "ips", "client-metrics", "groups")
SHORTHANDS = {
    "topic": "topics",
    "client": "clients",
    "user": "users",
    "broker": "brokers",
    "broker-logger": "broker-loggers",
    "ip": "ips",
    "client-metrics": "client-metrics",
    "group": "groups",
}
DEFAULTS = {
    "client-defaults": "clients",
    "user-defaults": "users",
    "broker-defaults": "brokers",
    "ip-defaults": "ips",
}
OUTSIDE_BRACKETS = r"(?=[^\]]*(?:\[|$))"
"""What follows a comma or an equals sign that is not within ``[a,b]``."""


class Entity(NamedTuple):
    """What is described or altered. No name: all of its type; the empty name: the default."""

    plural: str
    name: str | None

    @property
    def type(self) -> ResourceType:
        """What the protocol calls it."""
        return TYPES[self.plural]

    @property
    def singular(self) -> str:
        """The word for one of its type."""
        return self.plural[:-1]


def main() -> int:
    """Run kafka-configs."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().read(arguments)
    if ("alter" in options) == ("describe" in options):
        options.fail("Command must include exactly one action: --describe, --alter")
    if "bootstrap-controller" in options:
        raise ClientError(
            "--bootstrap-controller is not supported",
            hint="any broker answers: use --bootstrap-server",
        )
    missing = "Either --bootstrap-server or --bootstrap-controller must be specified."
    client = connect(options, required=missing)
    entity = _entity(options)
    with client:
        if "alter" in options:
            _alter(client, options, entity)
        else:
            for each in _expanded(client, entity):
                _describe(client, each, show_all="all" in options)
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-configs", "Describe or alter configurations.")
    add_connection(parser)
    parser.value("bootstrap-controller", None)
    parser.flag("describe", "Show what is set.")
    parser.flag("alter", "Change it.")
    parser.flag("all", "With --describe: defaults and the broker's file too.")
    parser.value("entity-type", f"One of {', '.join(TYPES)}.")
    parser.value("entity-name", "A topic or a broker id.")
    parser.flag("entity-default", "The default of all brokers.")
    parser.value("add-config", "k1=v1,k2=[a,b],...")
    parser.value("add-config-file", "A property file with what to add.")
    parser.value("delete-config", "Keys that go back to their defaults, comma separated.")
    for name, plural in SHORTHANDS.items():
        text = f"Short for --entity-type {plural} --entity-name." if plural in TYPES else None
        parser.value(name, text)
    for name, plural in DEFAULTS.items():
        text = f"Short for --entity-type {plural} --entity-default." if plural in TYPES else None
        parser.flag(name, text)
    return parser


def _entity(options: Options) -> Entity:
    plural = options.get("entity-type", str)
    name = "" if "entity-default" in options else options.get("entity-name", str)
    for shorthand, of_type in SHORTHANDS.items():
        if shorthand in options:
            plural, name = of_type, options.must(shorthand, str)
    for shorthand, of_type in DEFAULTS.items():
        if shorthand in options:
            plural, name = of_type, ""
    if plural is None:
        raise ClientError("At least one entity type must be specified")
    if plural in NOT_YET:
        raise ClientError(f"configurations of {plural} are not supported yet")
    if plural not in TYPES:
        known = ", ".join((*TYPES, *NOT_YET))
        raise ClientError(f"Invalid entity type {plural}, the entity type must be one of {known}")
    is_broker = plural != "topics"
    if is_broker and name and not name.isdecimal():
        raise ClientError(
            f"The entity name for {plural} must be a valid integer broker id, but it is: {name}"
        )
    return Entity(plural, name)


def _expanded(client: Client, entity: Entity) -> list[Entity]:
    if entity.name is not None:
        return [entity]
    if entity.type is ResourceType.TOPIC:
        return [Entity("topics", topic.name) for topic in list_topics(client)]
    brokers = [
        Entity(entity.plural, str(broker.node_id)) for broker in describe_cluster(client).brokers
    ]
    return [*brokers, Entity("brokers", "")] if entity.plural == "brokers" else brokers


def _describe(client: Client, entity: Entity, *, show_all: bool) -> None:
    name = entity.name or ""
    if entity.type is ResourceType.TOPIC and not _topic_exists(client, name):
        print(f"The topic '{name}' doesn't exist and doesn't have dynamic config.")
        return
    if name:
        print(f"{'All' if show_all else 'Dynamic'} configs for {entity.singular} {name} are:")
    else:
        print(f"Default configs for {entity.plural} in the cluster are:")
    resource = Resource(entity.type, name)
    wanted = None if show_all else _dynamic_source(entity)
    for entry in describe_configs(client, [resource])[resource]:
        if wanted is None or source_of(entry.config_source) is wanted:
            print(_entry_line(entry))


def _topic_exists(client: Client, name: str) -> bool:
    return any(not topic.error_code for topic in client.metadata([name]).topics)


def _dynamic_source(entity: Entity) -> ConfigSource | None:
    """Return the source of what ``--alter`` sets on an entity; None shows all."""
    if entity.type is ResourceType.TOPIC:
        return ConfigSource.DYNAMIC_TOPIC_CONFIG
    if entity.type is ResourceType.BROKER_LOGGER:
        return None
    if entity.name:
        return ConfigSource.DYNAMIC_BROKER_CONFIG
    return ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG


def _entry_line(entry: Entry) -> str:
    synonyms = ", ".join(
        f"{source_of(synonym.source).name}:{synonym.name}={_shown(synonym.value)}"
        for synonym in entry.synonyms
    )
    sensitive = str(entry.is_sensitive).lower()
    return f"  {entry.name}={_shown(entry.value)} sensitive={sensitive} synonyms={{{synonyms}}}"


def _shown(value: str | None) -> str:
    return "null" if value is None else value


def _alter(client: Client, options: Options, entity: Entity) -> None:
    if not any(name in options for name in ("add-config", "add-config-file", "delete-config")):
        raise ClientError(
            "At least one of --add-config, --add-config-file, or --delete-config "
            "must be specified with --alter"
        )
    if entity.name is None:
        raise ClientError(f"An entity name must be specified with --alter of {entity.plural}")
    path = options.get("add-config-file", str)
    to_set = read_properties(path) if path else {}
    to_set |= parse_added(options.get("add-config", str) or "")
    deleted = (options.get("delete-config", str) or "").split(",")
    alter_configs(
        client,
        Resource(entity.type, entity.name),
        to_set=to_set,
        to_delete=[key.strip() for key in deleted if key.strip()],
    )
    if entity.name:
        print(f"Completed updating config for {entity.singular} {entity.name}.")
    else:
        print(f"Completed updating default config for {entity.plural} in the cluster.")


def parse_added(text: str) -> dict[str, str]:
    """Return the pairs of ``k1=v1,k2=[a,b]``.

    Raises:
        ClientError: an entry is no ``key=value``.
    """
    pairs: dict[str, str] = {}
    for entry in re.split("," + OUTSIDE_BRACKETS, text) if text else ():
        parts = re.split(r"\s*=\s*" + OUTSIDE_BRACKETS, entry)
        if len(parts) != 2:
            raise ClientError(
                "requirement failed: Invalid entity config: all configs to be added must be in the "
                'format "key=val" or  "key=[val1,val2]" to group values which contain commas.'
            )
        key, value = parts
        pairs[key.strip()] = value.replace("[", "").replace("]", "").strip()
    return pairs

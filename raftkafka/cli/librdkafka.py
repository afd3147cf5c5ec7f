"""Producers and consumers by confluent-kafka, made so that they fail in one clear line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from raftkafka.cli.client_settings import Settings
from raftkafka.cli.report import say
from raftkafka.client.address import Address, parse_addresses
from raftkafka.client.client import Client
from raftkafka.client.errors import ClientError

C = TypeVar("C", Producer, Consumer)

UNKNOWN_KEY = re.compile(r'No such configuration property: "([^"]*)"')
OF_GROUPS = frozenset(
    {
        "auto.commit.interval.ms",
        "enable.auto.commit",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "group.remote.assignor",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "partition.assignment.strategy",
        "session.timeout.ms",
    }
)
QUIET = {"log_level": 0}
"""What goes wrong comes back as an error; librdkafka's own lines on stderr say it again."""


def make_producer(settings: Settings, defaults: Mapping[str, str]) -> Producer:
    """Return a producer; settings that librdkafka does not know are hinted at.

    Raises:
        ClientError: a value that cannot be.
    """
    return _make(Producer, {**defaults, **settings.librdkafka}, settings.without_effect)


def make_consumer(settings: Settings, defaults: Mapping[str, str]) -> Consumer:
    """Return a consumer that reads by assignment, and commits nothing.

    Raises:
        ClientError: a value that cannot be.
    """
    given = settings.librdkafka
    without_effect = settings.without_effect + [key for key in given if key in OF_GROUPS]
    wanted = {key: value for key, value in given.items() if key not in OF_GROUPS}
    # librdkafka wants a group even where none is used.
    fixed = {"group.id": "unused", "enable.auto.commit": "false"}
    return _make(Consumer, {**defaults, **wanted, **fixed}, without_effect)


def wait_for_broker(settings: Mapping[str, str], patience_s: float) -> None:
    """Fail at once, and clearly, where librdkafka would go on trying in silence.

    Raises:
        Unreachable: no broker answers.
    """
    if settings.get("security.protocol", "plaintext").lower() != "plaintext":
        return
    addresses: tuple[Address, ...] = parse_addresses(settings["bootstrap.servers"])
    with Client(addresses, patience_s=patience_s) as client:
        client.any_broker()


def reason(error: KafkaError | KafkaException) -> str:
    """Return an error of librdkafka in words."""
    inner: object = error.args[0] if isinstance(error, KafkaException) else error
    return inner.str() if isinstance(inner, KafkaError) else str(inner)


def hint_without_effect(keys: Iterable[str]) -> None:
    """Say which settings change nothing, in one line."""
    known = sorted(set(keys))
    if known:
        say(f"hint: no effect here: {', '.join(known)}")


def _make(cls: type[C], settings: dict[str, str], without_effect: list[str]) -> C:
    wanted: dict[str, Any] = {**settings, **QUIET}
    while True:
        try:
            client = cls(wanted)
        except KafkaException as error:
            text = reason(error)
            unknown = UNKNOWN_KEY.search(text)
            if unknown is None or unknown[1] not in wanted:
                raise ClientError(text) from error
            without_effect.append(unknown[1])
            del wanted[unknown[1]]
            continue
        hint_without_effect(without_effect)
        return client

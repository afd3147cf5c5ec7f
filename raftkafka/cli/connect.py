"""``--bootstrap-server``, on every command that talks to brokers, and settings of clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from raftkafka.cli.config_words import parse_pairs
from raftkafka.cli.property_file import read_properties
from raftkafka.client.address import LOCAL, parse_addresses
from raftkafka.client.client import Client

F = TypeVar("F", bound=Callable[..., Any])


def bootstrap_option(command: F) -> F:
    """Add ``--bootstrap-server`` to a command, which gets ``bootstrap``."""
    return click.option(
        "-b",
        "--bootstrap-server",
        "bootstrap",
        envvar="RAFTKAFKA_BOOTSTRAP",
        default=str(LOCAL[0]),
        show_default=True,
        show_envvar=True,
        metavar="HOST:PORT,...",
        help="Brokers to start from.",
    )(command)


def properties_options(command: F) -> F:
    """Add ``-X`` and ``--config`` to a command, which gets ``words`` and ``config_file``."""
    words = click.option(
        "-X",
        "--property",
        "words",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting of the client, by Java's name; repeatable.",
    )
    file = click.option(
        "--config", "config_file", metavar="FILE", help="A property file of such settings."
    )
    return words(file(command))


def client_properties(
    bootstrap: str, words: Sequence[str], config_file: str | None
) -> dict[str, str]:
    """Return what the options of a command say: words win over the file.

    The file's brokers count only where ``--bootstrap-server`` is left at its default.
    """
    brokers = {"bootstrap.servers": bootstrap}
    properties = read_properties(config_file) if config_file else {}
    source = click.get_current_context().get_parameter_source("bootstrap")
    is_default = source is ParameterSource.DEFAULT
    properties = brokers | properties if is_default else properties | brokers
    return properties | parse_pairs(words)


def connect(bootstrap: str) -> Client:
    """Return a client for the cluster.

    Raises:
        ClientError: no list of brokers.
    """
    return Client(parse_addresses(bootstrap), client_id="raftkafka")

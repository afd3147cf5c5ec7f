"""``--bootstrap-server``, on every command that talks to brokers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

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


def connect(bootstrap: str) -> Client:
    """Return a client for the cluster.

    Raises:
        ClientError: no list of brokers.
    """
    return Client(parse_addresses(bootstrap), client_id="raftkafka")

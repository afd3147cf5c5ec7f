"""``raftkafka secret``: what the nodes of a cluster know each other by."""

from __future__ import annotations

import os
import secrets

import click

from metadata.cluster.secret import SECRET_BYTES, secret_text
from raftkafka.client.errors import ClientError

READABLE_BY_OWNER = 0o600


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False))
def secret(file: str | None) -> None:
    """Make a secret for cluster.secret.file: into FILE, or printed.

    Copy it to all nodes of the cluster. Whoever has it can act as one of them.
    """
    text = secret_text(secrets.token_bytes(SECRET_BYTES))
    if file is None:
        click.echo(text, nl=False)
        return
    write_new(file, text)
    click.echo(f"next: copy {file} to all nodes, and set cluster.secret.file={file}")


def write_new(path: str, text: str) -> None:
    """Write a file that only its owner can read, and that was not there.

    Raises:
        ClientError: it was there, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, READABLE_BY_OWNER)
    except FileExistsError:
        hint = "nodes that have the old one would be shut out; remove it first if that is meant"
        raise ClientError(f"{path} is there already", hint=hint) from None
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)

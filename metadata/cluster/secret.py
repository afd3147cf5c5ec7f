"""``cluster.secret.file``: what all nodes of a cluster know, and nobody else."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from raftkafka.errors import ConfigInvalid

SECRET_BYTES = 32
LENGTH_MIN = 16
LENGTH_MAX = 4096


def secret_text(entropy: bytes) -> str:
    """Return a secret as a file holds it: one line."""
    return urlsafe_b64encode(entropy).rstrip(b"=").decode() + "\n"


def parse_secret(content: bytes, path: str) -> bytes:
    """Return the secret in a file's content, without the end of its line.

    Raises:
        ConfigInvalid: it is too short to be one, or too long.
    """
    secret = content.strip()
    if not LENGTH_MIN <= len(secret) <= LENGTH_MAX:
        raise ConfigInvalid(
            f"cluster.secret.file={path} holds {len(secret)} bytes, which is no secret: make one "
            f"with 'raftkafka secret FILE', and copy it to all nodes"
        )
    return secret

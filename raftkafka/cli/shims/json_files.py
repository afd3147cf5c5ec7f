"""The JSON files of Kafka's tools: a document with a version, and a list in it."""

from __future__ import annotations

import json
from typing import Any, cast

from raftkafka.client.errors import ClientError


def read_document(
    path: str, *, not_json: str = "The input string is not a valid JSON"
) -> dict[str, Any]:
    """Return what a file holds, of version 1 where it names one.

    Args:
        path: of the file.
        not_json: what to say of a file that is no JSON object.

    Raises:
        ClientError: it cannot be read, is no JSON object, or of another version.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = cast("object", json.load(file))
    except OSError as error:
        raise ClientError(f"Unable to read file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ClientError(not_json, hint=f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise ClientError(not_json, hint=f"{path} holds no object")
    document = cast("dict[str, Any]", content)
    if document.get("version", 1) != 1:
        raise ClientError(f"Not supported version field value {document['version']}")
    return document


def misshapen(path: str, fields: str, error: Exception) -> ClientError:
    """Return the refusal of an entry that lacks a field, or has one of another type."""
    return ClientError(f"{path}: each entry takes {fields} ({error!r})")

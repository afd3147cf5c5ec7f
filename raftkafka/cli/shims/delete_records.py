"""kafka-delete-records: delete the records of partitions before an offset.

Source: Kafka class ``DeleteRecordsCommand``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from raftkafka.cli.shims.connect import add_connection, connect
from raftkafka.cli.shims.java_errors import java_class
from raftkafka.cli.shims.options import OptionParser, run_tool
from raftkafka.client.errors import ClientError, describe
from raftkafka.client.offsets import delete_records
from raftkafka.errors import ErrorCode
from raftkafka.types import TopicPartition


def main() -> int:
    """Run kafka-delete-records."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    parser = OptionParser("kafka-delete-records", "Delete records before an offset.")
    add_connection(parser)
    parser.value(
        "offset-json-file",
        '{"partitions": [{"topic": "t", "partition": 0, "offset": 9}], "version": 1}; '
        "offset -1 deletes all there are.",
    )
    options = parser.read(arguments)
    path = options.must("offset-json-file", str)
    client = connect(options, required='Missing required argument "[bootstrap-server]"')
    with client:
        offsets = read_offsets(path)
        print("Executing records delete operation")
        answers = delete_records(client, offsets)
    print("Records delete operation completed:")
    for key, found in answers.items():
        if found.error is ErrorCode.NONE:
            print(f"partition: {key}\tlow_watermark: {found.offset}")
        else:
            reason = f"{java_class(found.error)}: {describe(found.error)}"
            print(f"partition: {key}\terror: {reason}")
    return 0


def read_offsets(path: str) -> dict[TopicPartition, int]:
    """Return the offsets of a file in Kafka's JSON.

    Raises:
        ClientError: it cannot be read, or names a partition twice.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = cast("object", json.load(file))
    except OSError as error:
        raise ClientError(f"Unable to read file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ClientError("The input string is not a valid JSON") from error
    document = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if document.get("version", 1) != 1:
        raise ClientError(f"Not supported version field value {document['version']}")
    if "partitions" not in document:
        raise ClientError("Missing partitions field")
    offsets: dict[TopicPartition, int] = {}
    twice: list[TopicPartition] = []
    try:
        for entry in document["partitions"]:
            key = TopicPartition(str(entry["topic"]), int(entry["partition"]))
            if key in offsets:
                twice.append(key)
            offsets[key] = int(entry["offset"])
    except (KeyError, TypeError, ValueError) as error:
        raise ClientError(
            f"{path}: each partition takes topic, partition and offset ({error})"
        ) from error
    if twice:
        shown = ",".join(str(key) for key in twice)
        raise ClientError(f"Offset json file contains duplicate topic partitions: {shown}")
    return offsets

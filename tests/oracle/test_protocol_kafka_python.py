"""Every message that kafka-python 3 knows, in every version, read and written by it."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any, cast
from uuid import UUID

import pytest

from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.layout import (
    context_of,
    element_of,
    layout_of,
    parse_versions,
    struct_of,
)
from raftkafka.protocol.schema import Field, Message, Struct
from raftkafka.types import ZERO_ID
from tests.support.protocol_values import message_versions, random_message

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the way it reads its own resources
    for family in ("admin", "consumer", "metadata", "producer", "sasl"):
        import_module(f"kafka.protocol.{family}")
    KafkaPythonMessage: Any = import_module("kafka.protocol.api_message").ApiMessage

SEEDS = range(6)

NOT_IN_KAFKA_PYTHON = frozenset(
    {
        "AddRaftVoterRequest",
        "AddRaftVoterResponse",
        "AlterPartitionRequest",
        "AlterPartitionResponse",
        "ConsumerGroupDescribeRequest",
        "ConsumerGroupDescribeResponse",
        "ConsumerGroupHeartbeatRequest",
        "ConsumerGroupHeartbeatResponse",
        "ConsumerProtocolAssignment",  # there, but not as a message of this kind
        "ConsumerProtocolSubscription",
        "CreateDelegationTokenRequest",
        "CreateDelegationTokenResponse",
        "DescribeDelegationTokenRequest",
        "DescribeDelegationTokenResponse",
        "ExpireDelegationTokenRequest",
        "ExpireDelegationTokenResponse",
        "RenewDelegationTokenRequest",
        "RenewDelegationTokenResponse",
    }
)


def subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


THEIRS: dict[str, Any] = {}
for each in subclasses(KafkaPythonMessage):
    THEIRS.setdefault(each.__name__, each)

SHARED = [
    (message, version)
    for message, version in message_versions()
    if message.__name__ in THEIRS and version <= THEIRS[message.__name__].max_version
]


def test_what_it_lacks_is_known() -> None:
    """No message or version goes unchecked in silence."""
    unchecked = set(message_versions()) - set(SHARED)
    assert {message.__name__ for message, _ in unchecked} == NOT_IN_KAFKA_PYTHON
    assert not {message.__name__ for message, _ in SHARED} & NOT_IN_KAFKA_PYTHON


@pytest.mark.parametrize(
    ("message", "version"), SHARED, ids=lambda value: getattr(value, "__name__", value)
)
def test_same_bytes_and_same_fields(message: type[Message], version: int) -> None:
    theirs = THEIRS[message.__name__]
    # Their ApiVersionsResponse reads any answer with an error as version 0; the base does not.
    read = KafkaPythonMessage.decode.__func__
    for seed in SEEDS:
        ours = random_message(message, version, random.Random(seed))
        sent = encode_bytes(ours, version)
        got = read(theirs, sent, version=version)
        check_fields(ours, got, message, version)
        got._header = None
        written = bytes(got.encode(version=version))
        assert decode(message, version, written) == (ours, len(written))
        assert written == sent, "tagged fields are left out in the same cases"


@pytest.mark.parametrize(
    "message", {message: None for message, _ in SHARED}, ids=lambda message: message.__name__
)
def test_same_fields_may_be_ignored(message: type[Message]) -> None:
    """What a version cannot carry is dropped or refused: in Kafka's definitions, not in bytes."""
    check_ignorable(
        message, THEIRS[message.__name__].json["fields"], parse_versions(message.versions)
    )


def check_ignorable(
    ours: type[Struct], theirs: list[dict[str, Any]], versions: tuple[int, int]
) -> None:
    declared = {snake_case(field["name"]): field for field in theirs}
    for name, field in ours.__fields__.items():
        their = declared[name if name in declared else "authorized_operations"]
        first, last = parse_versions(field.versions)
        if first > versions[0] or last < versions[1]:
            assert field.ignorable == their.get("ignorable", False), name
        inner = struct_of(field) if field.kind == "struct" else None
        if field.kind == "array":
            element = element_of(field)
            inner = None if isinstance(element, Field) else element
        if inner is not None and "fields" in their:
            check_ignorable(inner, their["fields"], versions)


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def check_fields(ours: object, theirs: object, message: type[Message], version: int) -> None:
    """Compare by name, so that two fields of one type cannot trade places."""
    if isinstance(ours, list):
        pairs = zip(cast("list[object]", ours), cast("list[object]", theirs), strict=True)
        for our, their in pairs:
            check_fields(our, their, message, version)
    elif isinstance(ours, Struct):
        layout = layout_of(type(ours), context_of(message, version))
        for name, field in layout.plain + layout.tagged:
            value = getattr(ours, name)
            if field.tag is None or value is not None:
                check_fields(value, field_of(theirs, name), message, version)
    elif isinstance(theirs, UUID):
        assert theirs.bytes == ours
    elif ours == ZERO_ID:
        assert theirs is None
    else:
        assert ours == theirs


def field_of(theirs: object, name: str) -> object:
    """Return a field of theirs; a set of operations goes back to the bits that it is."""
    if name.endswith("authorized_operations") and not name.startswith("include"):
        value = getattr(theirs, name if hasattr(theirs, name) else "authorized_operations")
        value = {31} if value is None else value
    else:
        value = getattr(theirs, name)
    if not isinstance(value, set):
        return value
    bits = sum(1 << operation for operation in cast("set[int]", value))
    return bits - (1 << 32) if bits >= 1 << 31 else bits

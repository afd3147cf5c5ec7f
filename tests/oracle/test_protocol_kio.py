"""Every message in every version, read and written by kio, whose tables Kafka's make."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime, timedelta
from enum import Enum
from io import BytesIO
from types import NoneType, UnionType
from typing import Any, cast, get_args
from uuid import UUID

import pytest
from kio.index import load_entity_schema, load_request_schema, load_response_schema
from kio.schema.index import api_key_map, schema_name_map
from kio.serial import entity_reader, entity_writer
from kio.static.constants import EntityType

from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.layout import (
    Context,
    context_of,
    element_of,
    in_versions,
    layout_of,
    struct_of,
)
from raftkafka.protocol.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)
from raftkafka.protocol.schema import (
    FIXED_SIZES,
    ApiMessage,
    Message,
    Request,
    Struct,
    StructType,
    default_value,
)
from raftkafka.types import ZERO_ID
from tests.support.protocol_values import message_versions, random_message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SEEDS = range(6)
DATA_NAMES: dict[type[Message], str] = {
    ConsumerProtocolAssignment: "consumer_protocol_assignment",
    ConsumerProtocolSubscription: "consumer_protocol_subscription",
}


def kio_class(message: type[Message], version: int) -> type[Any]:
    if not issubclass(message, ApiMessage):
        return load_entity_schema(DATA_NAMES[message], version, EntityType.data)
    load = load_request_schema if issubclass(message, Request) else load_response_schema
    return load(message.api_key, version)


def test_same_versions() -> None:
    """Neither side has a version that the other lacks."""
    ours: dict[int, set[int]] = {}
    for message, version in message_versions():
        if issubclass(message, ApiMessage):
            ours.setdefault(message.api_key, set()).add(version)
    theirs = {key: set(schema_name_map[api_key_map[key]]) for key in ours}
    assert ours == theirs


@pytest.mark.parametrize(
    ("message", "version"), message_versions(), ids=lambda value: getattr(value, "__name__", value)
)
def test_same_bytes_and_same_fields(message: type[Message], version: int) -> None:
    theirs = kio_class(message, version)
    read, write = entity_reader(theirs), entity_writer(theirs)
    for seed in SEEDS:
        ours = random_message(message, version, random.Random(seed))
        sent = encode_bytes(ours, version)
        entity, size = read(sent, 0)
        assert size == len(sent)
        check_fields(ours, entity, message, version)
        written = BytesIO()
        write(written, entity)
        assert decode(message, version, written.getvalue()) == (ours, len(written.getvalue()))
        assert written.getvalue() == sent, "tagged fields are left out in the same cases"


def check_fields(ours: object, theirs: object, message: type[Message], version: int) -> None:
    """Compare by name, so that two fields of one type cannot trade places."""
    if isinstance(ours, list):
        pairs = zip(cast("list[object]", ours), cast("tuple[object]", theirs), strict=True)
        for our, their in pairs:
            check_fields(our, their, message, version)
    elif isinstance(ours, Struct):
        names = {field.name for field in dataclasses.fields(cast("Any", theirs))}
        for name, field in type(ours).__fields__.items():
            is_sent = in_versions(field.versions, version)
            if field.tag is not None:
                is_sent = is_sent and context_of(message, version).flexible
            assert is_sent == (kio_name(name, names) is not None), name
            if is_sent and not (field.tag is not None and getattr(ours, name) is None):
                value = getattr(theirs, kio_name(name, names) or "")
                check_fields(getattr(ours, name), value, message, version)
    else:
        assert plain(ours, theirs) == ours


@pytest.mark.parametrize(
    ("message", "version"), message_versions(), ids=lambda value: getattr(value, "__name__", value)
)
def test_same_nulls_and_defaults(message: type[Message], version: int) -> None:
    check_declarations(message, kio_class(message, version), context_of(message, version))


def check_declarations(ours: type[Struct], theirs: type[Any], context: Context) -> None:
    """Compare what no bytes show: what may be null, and what a field is when nobody sets it."""
    declared = {field.name: field for field in dataclasses.fields(theirs)}
    layout = layout_of(ours, context)
    for name, field in layout.plain + layout.tagged:
        their = declared[kio_name(name, set(declared)) or ""]
        kinds = [kind for kind in get_args(their.type) if kind is not NoneType]
        is_nullable = isinstance(their.type, UnionType)
        if field.kind not in FIXED_SIZES:
            assert in_versions(field.null, context.version) == is_nullable, name
        their_struct = cast("type[Any]", kinds[0] if is_nullable else their.type)
        if field.kind == "struct":
            check_declarations(struct_of(field), their_struct, context)
            continue  # our default of a tagged one is None, for "left out"
        element = element_of(field) if field.kind == "array" else field
        if isinstance(element, StructType):
            element_type = get_args(their_struct)[0]
            check_declarations(element, element_type, context)
        if their.default is not dataclasses.MISSING:
            ours_unset = default_value(field)
            theirs_unset = plain(ours_unset, their.default)
            assert ours_unset == ([] if theirs_unset == () else theirs_unset), name


def kio_name(name: str, names: set[str]) -> str | None:
    """Return kio's name of a field: times lose their unit."""
    return next((each for each in (name, name.removesuffix("_ms")) if each in names), None)


def plain(ours: object, theirs: object) -> object:
    """Return a value of kio's as it is on the wire."""
    match theirs:
        case Enum():
            return theirs.value
        case datetime():
            return (theirs - EPOCH) // MILLISECOND
        case timedelta():
            return theirs // MILLISECOND
        case UUID():
            return theirs.bytes
        case None if ours == ZERO_ID:
            return ZERO_ID
        case None if ours == -1:
            return -1
        case _:
            return theirs

"""How kafka-console-consumer prints a record. Source: Kafka class ``DefaultMessageFormatter``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct, error

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from raftkafka.cli.records import is_true, received_headers
from raftkafka.client.errors import ClientError

Deserialize = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Formatter:
    """What is printed of a record, and how. Separators are bytes."""

    timestamp: bool = False
    partition: bool = False
    offset: bool = False
    delivery: bool = False
    epoch: bool = False
    headers: bool = False
    key: bool = False
    value: bool = True
    key_separator: bytes = b"\t"
    line_separator: bytes = b"\n"
    headers_separator: bytes = b","
    null_literal: bytes = b"null"
    deserialize_key: Deserialize | None = None
    deserialize_value: Deserialize | None = None
    deserialize_header: Deserialize | None = None

    @staticmethod
    def of(properties: Mapping[str, str]) -> Formatter:
        """Return the formatter that Kafka's properties describe.

        Raises:
            ClientError: a deserializer that we have not.
        """
        default = Formatter()

        def text(name: str, otherwise: bytes) -> bytes:
            return properties[name].encode() if name in properties else otherwise

        return Formatter(
            timestamp=is_true(properties, "print.timestamp"),
            partition=is_true(properties, "print.partition"),
            offset=is_true(properties, "print.offset"),
            delivery=is_true(properties, "print.delivery"),
            epoch=is_true(properties, "print.epoch"),
            headers=is_true(properties, "print.headers"),
            key=is_true(properties, "print.key"),
            value="print.value" not in properties or is_true(properties, "print.value"),
            key_separator=text("key.separator", default.key_separator),
            line_separator=text("line.separator", default.line_separator),
            headers_separator=text("headers.separator", default.headers_separator),
            null_literal=text("null.literal", default.null_literal),
            deserialize_key=deserializer(properties.get("key.deserializer")),
            deserialize_value=deserializer(properties.get("value.deserializer")),
            deserialize_header=deserializer(properties.get("headers.deserializer")),
        )

    def format(self, message: Message) -> bytes:
        """Return a record as it is printed, its line end included.

        Raises:
            ClientError: a deserializer cannot read it.
        """
        columns: list[bytes] = []
        if self.timestamp:
            columns.append(_timestamp(message))
        if self.partition:
            columns.append(b"Partition:%d" % (message.partition() or 0))
        if self.offset:
            columns.append(b"Offset:%d" % (message.offset() or 0))
        if self.delivery:
            columns.append(b"Delivery:NOT_PRESENT")
        if self.epoch:
            epoch = message.leader_epoch()
            columns.append(b"Epoch:NOT_PRESENT" if epoch is None else b"Epoch:%d" % epoch)
        if self.headers:
            columns.append(self._headers(message))
        if self.key:
            columns.append(self._text(message.key(), self.deserialize_key))
        if self.value:
            columns.append(self._text(message.value(), self.deserialize_value))
        return self.key_separator.join(columns) + self.line_separator if columns else b""

    def _headers(self, message: Message) -> bytes:
        shown: list[bytes] = []
        for name, value in received_headers(message):
            shown.append(name.encode() + b":" + self._text(value, self.deserialize_header))
        return self.headers_separator.join(shown) or b"NO_HEADERS"

    def _text(self, content: bytes | None, deserialize: Deserialize | None) -> bytes:
        if content is None:
            return self.null_literal
        return content if deserialize is None else deserialize(content)


def deserializer(name: str | None) -> Deserialize | None:
    """Return what shows bytes as a Java deserializer does; None shows them as they are.

    Raises:
        ClientError: a class that we have not.
    """
    if name is None:
        return None
    short = name.rpartition(".")[2].removesuffix("Deserializer")
    if short in ("String", "ByteArray", "Bytes", "ByteBuffer"):
        return None
    if short in _NUMBERS:
        return _number(short, _NUMBERS[short])
    if short == "UUID":
        return _uuid
    known = ", ".join(f"{each}Deserializer" for each in ("String", "ByteArray", *_NUMBERS, "UUID"))
    raise ClientError(f"deserializer {name}: Java classes cannot run here", hint=f"known: {known}")


_NUMBERS = {
    "Short": Struct(">h"),
    "Integer": Struct(">i"),
    "Long": Struct(">q"),
    "Float": Struct(">f"),
    "Double": Struct(">d"),
    "Boolean": Struct(">?"),
}


def _number(name: str, layout: Struct) -> Deserialize:
    def show(content: bytes) -> bytes:
        try:
            (number,) = layout.unpack(content)
        except error:
            raise ClientError(
                f"a record has {len(content)} bytes where {name}Deserializer takes {layout.size}"
            ) from None
        return str(number).lower().encode()

    return show


def _uuid(content: bytes) -> bytes:
    try:
        return str(uuid.UUID(content.decode())).encode()
    except ValueError:
        raise ClientError("a record is no UUID, which UUIDDeserializer takes") from None


def _timestamp(message: Message) -> bytes:
    kind, timestamp_ms = message.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE:
        return b"NO_TIMESTAMP"
    name = b"LogAppendTime" if kind == TIMESTAMP_LOG_APPEND_TIME else b"CreateTime"
    return b"%s:%d" % (name, timestamp_ms)

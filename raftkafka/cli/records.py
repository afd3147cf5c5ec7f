"""Records as the command line sees them, and text lines as records (``parse.key`` and the like).

Source: Kafka class ``LineMessageReader`` for the properties and their defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from raftkafka.client.errors import ClientError

if TYPE_CHECKING:
    from confluent_kafka import Message

Headers = list[tuple[str, bytes | None]]


@dataclass(slots=True)
class OutgoingRecord:
    """A record to produce; None for the partition or the time leaves them to the producer."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = field(default_factory=Headers)
    partition: int | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LineFormat:
    """How a line is a record. Separators are bytes; None as null marker: nothing is null."""

    parse_key: bool = False
    key_separator: bytes = b"\t"
    parse_headers: bool = False
    headers_delimiter: bytes = b"\t"
    headers_separator: bytes = b","
    headers_key_separator: bytes = b":"
    ignore_error: bool = False
    null_marker: bytes | None = None

    @staticmethod
    def of(properties: Mapping[str, str]) -> LineFormat:
        """Return the format that Kafka's properties describe.

        Raises:
            ClientError: separators that cannot be told apart.
        """
        default = LineFormat()

        def text(name: str, otherwise: bytes) -> bytes:
            return properties[name].encode() if name in properties else otherwise

        marker = properties.get("null.marker")
        line_format = LineFormat(
            parse_key=is_true(properties, "parse.key"),
            key_separator=text("key.separator", default.key_separator),
            parse_headers=is_true(properties, "parse.headers"),
            headers_delimiter=text("headers.delimiter", default.headers_delimiter),
            headers_separator=text("headers.separator", default.headers_separator),
            headers_key_separator=text("headers.key.separator", default.headers_key_separator),
            ignore_error=is_true(properties, "ignore.error"),
            null_marker=None if marker is None else marker.encode(),
        )
        line_format.check()
        return line_format

    def check(self) -> None:
        """Raise ``ClientError`` if separators cannot be told apart."""
        named = {
            "headers.delimiter": self.headers_delimiter,
            "headers.separator": self.headers_separator,
            "headers.key.separator": self.headers_key_separator,
        }
        if self.null_marker is not None:
            named["null.marker"] = self.null_marker
        names = list(named)
        for index, first in enumerate(names):
            for second in names[index + 1 :]:
                if named[first] == named[second]:
                    raise ClientError(f"{first} and {second} may not be equal")
        if self.key_separator == self.null_marker:
            raise ClientError("null.marker and key.separator may not be equal")
        if not all((self.key_separator, *named.values())):
            raise ClientError("a separator may not be empty")

    def parse(self, line: bytes, number: int) -> OutgoingRecord:
        """Return the record of a line.

        Raises:
            ClientError: a separator is missing.
        """
        headers: Headers = []
        rest = line
        if self.parse_headers:
            text, rest = self._split(rest, self.headers_delimiter, "headers delimiter", number)
            if text is not None and text != self.null_marker:
                headers = [self._header(pair, number) for pair in self._pairs(text)]
        key = None
        if self.parse_key:
            key, rest = self._split(rest, self.key_separator, "key separator", number)
        return OutgoingRecord(self._nullable(rest), self._nullable(key), headers)

    def _split(
        self, line: bytes, separator: bytes, name: str, number: int
    ) -> tuple[bytes | None, bytes]:
        before, found, after = line.partition(separator)
        if found:
            return before, after
        if self.ignore_error:
            return None, line
        shown = line.decode(errors="replace")
        raise ClientError(f"No {name} found on line number {number}: '{shown}'")

    def _pairs(self, text: bytes) -> list[bytes]:
        return [pair for pair in text.split(self.headers_separator) if pair]

    def _header(self, pair: bytes, number: int) -> tuple[str, bytes | None]:
        name, found, value = pair.partition(self.headers_key_separator)
        if not found and not self.ignore_error:
            shown = pair.decode(errors="replace")
            raise ClientError(
                f"No header key separator found in pair '{shown}' on line number {number}"
            )
        if name == self.null_marker:
            shown = name.decode(errors="replace")
            raise ClientError(f"Header keys should not be equal to the null marker '{shown}'")
        return name.decode(errors="replace"), self._nullable(value) if found else None

    def _nullable(self, text: bytes | None) -> bytes | None:
        return None if text == self.null_marker else text


def received_headers(message: Message) -> Headers:
    """Return the headers of a consumed record."""
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]


def is_true(properties: Mapping[str, str], name: str) -> bool:
    """Whether a property says ``true``, as Java reads it."""
    return properties.get(name, "").strip().lower() == "true"


def read_lines(source: BinaryIO) -> Iterator[bytes]:
    """Yield lines without their ends."""
    for line in source:
        yield line.rstrip(b"\n").removesuffix(b"\r")

"""One term as the active controller: what was appended, and what of it is committed.

Decisions are built on the newest appended image, so that two that are on their way at once see
each other. Only what is committed is published; what was appended is forgotten with the term.
"""

from __future__ import annotations

from collections import deque

from metadata.image import MetadataImage
from metadata.records import Record, RegisterBrokerRecord, encode_batch
from metadata.replay import replay


class Office:
    """The image ahead of the published one by the batches that are on their way."""

    def __init__(self, term: int, published: MetadataImage) -> None:
        self.term = term
        self.image = published
        self._on_their_way: deque[tuple[bytes, list[Record]]] = deque()

    def append(self, records: list[Record]) -> bytes:
        """Build on the records from now on; return the command that has to be proposed next."""
        command = encode_batch(records)
        self.image = _ahead(self.image, records)
        self._on_their_way.append((command, records))
        return command

    def committed(self, command: bytes, published: MetadataImage) -> None:
        """The oldest batch on its way was committed and led to ``published``."""
        expected, records = self._on_their_way.popleft()
        assert command == expected, "another batch than the next one was committed"
        if not self._on_their_way:
            self.image = published
        elif any(isinstance(record, RegisterBrokerRecord) for record in records):
            # A broker epoch is the index of its entry, which was a guess until now.
            self.image = published
            for _, later in self._on_their_way:
                self.image = _ahead(self.image, later)


def _ahead(image: MetadataImage, records: list[Record]) -> MetadataImage:
    return replay(image, image.offset + 1, records).image

"""Fields of a record batch, read by hand at their place in the header."""

from __future__ import annotations

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
NAMES = {number: name for name, number in CODECS.items()}


def codec_of(batch: bytes) -> str:
    """Return the name of the compression."""
    return NAMES[batch[22] & 7]


def count_of(batch: bytes) -> int:
    """Return the number of records."""
    return int.from_bytes(batch[57:61], "big")


def producer_id_of(batch: bytes) -> int:
    """Return the producer id, -1 for none."""
    return int.from_bytes(batch[43:51], "big", signed=True)

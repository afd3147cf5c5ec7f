"""Kafka's small files: what Kafka writes is read, what is written is Kafka's, damage is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkafka.log import checkpoints
from raftkafka.log.checkpoints import DamagedCheckpoint, LastStart, MetaProperties
from raftkafka.types import TopicPartition

TOPIC_ID = bytes(range(16))

# As Kafka 4.0 leaves them.
OFFSETS = b"0\n2\nmy.topic-x 0 17\n__consumer_offsets 49 9223372036854775807\n"
METADATA = b"version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw"
META = b"""#
#Mon Jan 06 10:11:12 UTC 2025
cluster.id=4L6g3nShT-eMCtK--X86sw
directory.id=AAECAwQFBgcICQoLDA0ODw
node.id=1
version=1
"""


def test_offset_checkpoint() -> None:
    offsets = {
        TopicPartition("my.topic-x", 0): 17,
        TopicPartition("__consumer_offsets", 49): 2**63 - 1,
    }
    assert checkpoints.encode_offsets(offsets) == OFFSETS
    assert checkpoints.decode_offsets(OFFSETS) == offsets
    assert checkpoints.decode_offsets(b"0\n0\n") == {}


def test_partition_metadata() -> None:
    assert checkpoints.encode_partition_metadata(TOPIC_ID) == METADATA
    assert checkpoints.decode_partition_metadata(METADATA + b"\n") == TOPIC_ID


def test_meta_properties() -> None:
    meta = MetaProperties(1, "4L6g3nShT-eMCtK--X86sw", TOPIC_ID)
    assert checkpoints.decode_meta_properties(META) == meta
    nameless = MetaProperties(2, None, None)
    for written in (meta, nameless, MetaProperties(3, "a = b: c", TOPIC_ID)):
        assert (
            checkpoints.decode_meta_properties(checkpoints.encode_meta_properties(written))
            == written
        )
    old = b"version=0\nbroker.id=7\ncluster.id=abc\n"
    assert checkpoints.decode_meta_properties(old) == MetaProperties(7, "abc", None)


def test_clean_shutdown_marker() -> None:
    assert checkpoints.encode_clean_shutdown(42) == b'{"version": 0, "brokerEpoch": 42}'
    assert checkpoints.decode_clean_shutdown(b'{"version":0,"brokerEpoch":42}') == 42
    for marker in (b"", b"{}", b"[]", b"\xff", b'{"brokerEpoch": "x"}'):
        assert checkpoints.decode_clean_shutdown(marker) == -1, "its being there is what counts"


def test_last_start() -> None:
    start = LastStart("c0ffee", 7)
    assert checkpoints.decode_last_start(checkpoints.encode_last_start(start)) == start


@pytest.mark.parametrize(
    ("decode", "content"),
    [
        (checkpoints.decode_offsets, b""),
        (checkpoints.decode_offsets, b"\0\0\0"),
        (checkpoints.decode_offsets, b"1\n0\n"),
        (checkpoints.decode_offsets, b"0\n2\nt 0 1\n"),
        (checkpoints.decode_offsets, b"0\n1\nt 0 1\nt 1 1\n"),
        (checkpoints.decode_offsets, b"0\n1\nt 0\n"),
        (checkpoints.decode_offsets, b"0\n1\nt 0 x\n"),
        (checkpoints.decode_offsets, b"0\n1\n\xff\xfe 0 1\n"),
        (checkpoints.decode_partition_metadata, b""),
        (checkpoints.decode_partition_metadata, b"version: 1\ntopic_id: AAECAwQFBgcICQoLDA0ODw"),
        (checkpoints.decode_partition_metadata, b"version: 0\n"),
        (checkpoints.decode_partition_metadata, b"version: 0\ntopic_id: short"),
        (checkpoints.decode_meta_properties, b""),
        (checkpoints.decode_meta_properties, b"version=2\nnode.id=1\n"),
        (checkpoints.decode_meta_properties, b"version=1\nbroker.id=1\n"),
        (checkpoints.decode_meta_properties, b"version=1\nnode.id=\\u12\n"),
        (checkpoints.decode_meta_properties, b"version=1\nnode.id=1\ndirectory.id=x\n"),
        (checkpoints.decode_last_start, b"{}"),
        (checkpoints.decode_last_start, b'{"version": 0, "bootId": ""}'),
        (checkpoints.decode_last_start, b'{"version": 0, "bootId": "x"}'),
    ],
)
def test_damage_is_told(decode: Callable[[bytes], object], content: bytes) -> None:
    with pytest.raises(DamagedCheckpoint):
        decode(content)


@given(
    st.sampled_from(
        [
            (checkpoints.decode_offsets, OFFSETS),
            (checkpoints.decode_partition_metadata, METADATA),
            (checkpoints.decode_meta_properties, META),
            (checkpoints.decode_last_start, checkpoints.encode_last_start(LastStart("b", 1))),
        ]
    ),
    st.data(),
)
def test_any_bytes_are_read_or_told_damaged(
    format_: tuple[Callable[[bytes], object], bytes], data: st.DataObject
) -> None:
    decode, content = format_
    position = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=8))
    keep = data.draw(st.booleans())
    try:
        decode(content[:position] + junk + (content[position + len(junk) :] if keep else b""))
    except DamagedCheckpoint:
        return

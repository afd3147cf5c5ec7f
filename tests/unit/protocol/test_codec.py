"""The compiled codec against bytes written by hand, and its rules one by one."""

from __future__ import annotations

from typing import Any

import pytest

from raftkafka.errors import ErrorCode, KafkaError, Malformed
from raftkafka.protocol.codec import decode, decoder, encode, encode_bytes
from raftkafka.protocol.messages.api_versions import ApiVersionsRequest
from raftkafka.protocol.messages.fetch import (
    FetchPartitionData,
    FetchReplicaState,
    FetchRequest,
    FetchResponse,
    FetchResponseTopic,
)
from raftkafka.protocol.messages.groups import HeartbeatRequest, HeartbeatResponse
from raftkafka.protocol.messages.metadata import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsRequestCursor,
    MetadataRequest,
    MetadataRequestTopic,
)
from raftkafka.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from raftkafka.protocol.messages.shared import LeaderIdAndEpoch, NodeEndpoint
from raftkafka.protocol.schema import Message, SizedRecords, Struct
from raftkafka.types import Buffer

HEARTBEAT = HeartbeatRequest(group_id="g", generation_id=258, member_id="mé")


def fetched(records: Buffer | SizedRecords | None) -> FetchResponse:
    partition = FetchPartitionData(partition_index=1, high_watermark=2, records=records)
    return FetchResponse(responses=[FetchResponseTopic(topic="t", partitions=[partition])])


@pytest.mark.parametrize(
    ("message", "version", "expected"),
    [
        pytest.param(
            HEARTBEAT,
            3,
            "0001 67 00000102 0003 6dc3a9 ffff",
            id="two-byte lengths, -1 is null",
        ),
        pytest.param(
            HEARTBEAT,
            4,
            "02 67 00000102 04 6dc3a9 00 00",
            id="compact lengths plus one, 0 is null, no tags",
        ),
        pytest.param(MetadataRequest(topics=None), 1, "ffffffff", id="null array"),
        pytest.param(MetadataRequest(topics=None), 9, "00 01 00 00 00", id="null compact array"),
        pytest.param(
            MetadataRequest(topics=[MetadataRequestTopic(topic_id=bytes(range(16)), name=None)]),
            12,
            "02 000102030405060708090a0b0c0d0e0f 00 00 01 00 00",
            id="uuid as it is",
        ),
        pytest.param(
            DescribeTopicPartitionsRequest(cursor=None),
            0,
            "01 000007d0 ff 00",
            id="null struct",
        ),
        pytest.param(
            DescribeTopicPartitionsRequest(
                cursor=DescribeTopicPartitionsRequestCursor(topic_name="t", partition_index=3)
            ),
            0,
            "01 000007d0 01 02 74 00000003 00 00",
            id="struct that could be null",
        ),
        pytest.param(
            ProduceResponse(
                responses=[
                    TopicProduceResponse(
                        name="t",
                        partition_responses=[
                            PartitionProduceResponse(
                                index=1,
                                error_code=6,
                                current_leader=LeaderIdAndEpoch(leader_id=2, leader_epoch=3),
                            )
                        ],
                    )
                ]
            ),
            10,
            "02 02 74 02 00000001 0006 0000000000000000 ffffffffffffffff ffffffffffffffff 01 00"
            "01 00 09 00000002 00000003 00"  # one tag: number, size, struct with no tags
            "00 00000000 00",
            id="tagged struct",
        ),
    ],
)
def test_bytes_on_the_wire(message: Message, version: int, expected: str) -> None:
    wire = bytes.fromhex(expected)
    assert encode_bytes(message, version) == wire
    assert decode(type(message), version, wire) == (message, len(wire))


def test_decoding_starts_and_ends_where_it_should() -> None:
    """What follows a message is the caller's to judge, so its end is returned."""
    wire = encode_bytes(HEARTBEAT, 4)
    assert decode(HeartbeatRequest, 4, b"head" + wire + b"tail", 4) == (HEARTBEAT, 4 + len(wire))


def test_records_are_a_slice_of_the_frame() -> None:
    part = PartitionProduceData(index=0, records=memoryview(b"batch"))
    request = ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=[part])])
    for version in (3, 9):
        frame = bytearray(encode_bytes(request, version))
        decoded, _ = decoder(ProduceRequest, version)(memoryview(frame), 0)
        records = decoded.topic_data[0].partition_data[0].records
        assert records is not None
        assert bytes(records) == b"batch"
        frame[frame.index(b"batch")] = ord("B")
        assert bytes(records) == b"Batch", "stamped in place later, so never copied"


class FileRange:
    """Records that stay on disk."""

    def __len__(self) -> int:
        return 300


@pytest.mark.parametrize("version", [4, 12])
def test_records_go_out_as_they_are(version: int) -> None:
    ranged = FileRange()
    out: list[Any] = []
    encode(fetched(ranged), version, out)
    assert [part is ranged for part in out] == [False, True, False][: len(out)]
    sent = b"".join(bytes(300) if part is ranged else part for part in out)
    assert decode(FetchResponse, version, sent) == (fetched(bytes(300)), len(sent))


@pytest.mark.parametrize("version", [4, 12])
@pytest.mark.parametrize("records", [None, b""])
def test_no_records_make_no_buffer(version: int, records: bytes | None) -> None:
    out: list[Any] = []
    encode(fetched(records), version, out)
    assert len(out) == 1
    assert decode(FetchResponse, version, out[0]) == (fetched(records), len(out[0]))


def test_unknown_tags_are_skipped() -> None:
    plain = encode_bytes(HeartbeatResponse(throttle_time_ms=5), 4)
    tags = bytes.fromhex("02 05 03 616263 8901 00")
    assert decode(HeartbeatResponse, 4, plain[:-1] + tags) == (
        HeartbeatResponse(throttle_time_ms=5),
        len(plain) - 1 + len(tags),
    )
    with_known = encode_bytes(FetchRequest(cluster_id="c"), 12)[:-5] + bytes.fromhex(
        "03 00 02 0263 09 01 ff 64 00"
    )
    assert decode(FetchRequest, 12, with_known) == (FetchRequest(cluster_id="c"), len(with_known))


def test_tags_at_their_default_are_not_sent() -> None:
    assert encode_bytes(FetchRequest(), 18).endswith(b"\x01\x00"), "rack id, then no tags"
    assert encode_bytes(FetchRequest(cluster_id=""), 12).endswith(bytes.fromhex("01 01 00 01 01"))


def test_what_a_version_cannot_carry() -> None:
    """Ignorable fields are dropped; others are refused, as Kafka does."""
    encode_bytes(FetchRequest(rack_id="here"), 4)
    with pytest.raises(KafkaError, match=r"replica_state.*version 4") as refused:
        encode_bytes(FetchRequest(replica_state=FetchReplicaState()), 4)
    assert refused.value.code is ErrorCode.UNSUPPORTED_VERSION
    with pytest.raises(KafkaError, match="node_endpoints"):
        encode_bytes(FetchResponse(node_endpoints=[NodeEndpoint()]), 12)


@pytest.mark.parametrize("version", [-1, 3, 19])
def test_unknown_versions_are_refused(version: int) -> None:
    for call in (
        lambda: decode(FetchRequest, version, b""),
        lambda: encode_bytes(FetchRequest(), version),
    ):
        with pytest.raises(KafkaError, match="no version") as refused:
            call()
        assert refused.value.code is ErrorCode.UNSUPPORTED_VERSION


@pytest.mark.parametrize(
    ("message", "version", "wire"),
    [
        pytest.param(HeartbeatRequest, 3, "ffff 00000000 0000 ffff", id="null, but not nullable"),
        pytest.param(HeartbeatRequest, 4, "00 00000000 01 00 00", id="compact null"),
        pytest.param(HeartbeatRequest, 3, "fffe 00000000 0000 ffff", id="length of -2"),
        pytest.param(HeartbeatRequest, 3, "0000 00000000 0000 fffe", id="nullable length of -2"),
        pytest.param(MetadataRequest, 1, "fffffffe", id="count of -2"),
        pytest.param(MetadataRequest, 0, "ffffffff", id="null array, but not nullable"),
        pytest.param(MetadataRequest, 1, "7fffffff", id="count beyond the frame"),
        pytest.param(MetadataRequest, 9, "ffffffff7f 00", id="compact count beyond the frame"),
        pytest.param(MetadataRequest, 9, "818080808000 00000000", id="varint of six bytes"),
        pytest.param(HeartbeatRequest, 4, "02 ff 00000000 01 00 00", id="not UTF-8"),
        pytest.param(ApiVersionsRequest, 3, "05 6161", id="string beyond the frame"),
        pytest.param(ApiVersionsRequest, 3, "01 01 7f", id="tags beyond the frame"),
        pytest.param(ApiVersionsRequest, 3, "01 01 01 00 7f", id="tag size beyond the frame"),
        pytest.param(HeartbeatRequest, 4, "", id="nothing"),
    ],
)
def test_malformed(message: type[Message], version: int, wire: str) -> None:
    with pytest.raises(Malformed):
        decode(message, version, bytes.fromhex(wire))


@pytest.mark.parametrize("message", [ApiVersionsRequest, FetchRequest])
def test_tags_are_counted_before_they_are_read(message: type[Message]) -> None:
    version = 3 if message is ApiVersionsRequest else 12
    wire = encode_bytes(message(), version)
    with pytest.raises(Malformed, match="100 tagged fields in 199 bytes"):
        decode(message, version, wire[:-1] + b"\x64" + bytes(199))


@pytest.mark.parametrize("size", [1, 3])
def test_a_known_tag_has_its_size(size: int) -> None:
    wire = encode_bytes(FetchRequest(cluster_id="c"), 12)
    assert wire.endswith(b"\1\0\2\2c")
    with pytest.raises(Malformed, match="cluster_id"):
        decode(FetchRequest, 12, wire[:-3] + bytes([size]) + b"\2c\0\0\0")


def test_strings_have_a_limit() -> None:
    """Kafka's strings have 15 bits of length, also where the wire has room for more."""
    longest = encode_bytes(HeartbeatRequest(group_id="x" * 32767), 4)
    assert decode(HeartbeatRequest, 4, longest)[0].group_id == "x" * 32767
    longer = longest.replace(bytes.fromhex("808002"), bytes.fromhex("818002") + b"x", 1)
    with pytest.raises(Malformed, match="32768"):
        decode(HeartbeatRequest, 4, longer)
    with pytest.raises(ValueError, match="32768"):
        encode_bytes(HeartbeatRequest(group_id="x" * 32768), 4)


def test_no_field_hides_what_a_class_knows() -> None:
    def structs(cls: type[Struct]) -> set[type[Struct]]:
        return {cls}.union(*(structs(each) for each in cls.__subclasses__()))

    for cls in structs(Message):
        assert not {"versions", "flexible", "api_key"} & set(cls.__fields__)

"""Compression: round trips, framings of other writers, and inputs that are hostile."""

from __future__ import annotations

import gzip
from importlib import import_module
from typing import Any

import cramjam
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from raftkafka.compression import TOO_SMALL, XERIAL_BLOCK_BYTES, Codec, compress, decompress
from raftkafka.errors import ErrorCode, KafkaError
from tests.support.logs import refusal

PACKED = [codec for codec in Codec if codec != Codec.NONE]
TEXT = b"the same words again and again, " * 3000
frames: Any = import_module("lz4.frame")
blocks: Any = import_module("snappy")


def error_of(codec: int, data: bytes, max_bytes: int = 1 << 20) -> ErrorCode:
    with pytest.raises(KafkaError) as caught:
        decompress(codec, data, max_bytes)
    return caught.value.code


@given(codec=st.sampled_from(Codec), data=st.binary(max_size=100_000))
def test_what_was_compressed_comes_back(codec: Codec, data: bytes) -> None:
    assert bytes(decompress(codec, compress(codec, bytearray(data)))) == data


@pytest.mark.parametrize("codec", PACKED)
def test_more_than_the_first_guess_comes_back(codec: Codec) -> None:
    data = bytes(5_000_000)
    assert bytes(decompress(codec, compress(codec, bytearray(data)))) == data


def test_snappy_is_written_in_xerial_blocks_and_read_with_and_without_them() -> None:
    packed = compress(Codec.SNAPPY, TEXT)
    assert packed.startswith(b"\x82SNAPPY\0\0\0\0\1\0\0\0\1")
    length = int.from_bytes(packed[16:20], "big")
    assert blocks.decompress(packed[20 : 20 + length]) == TEXT[:XERIAL_BLOCK_BYTES]
    assert bytes(decompress(Codec.SNAPPY, blocks.compress(TEXT))) == TEXT


def test_lz4_blocks_are_independent_for_java() -> None:
    flags = compress(Codec.LZ4, TEXT)[4]
    assert flags & 0x20, "block independence"
    assert frames.decompress(compress(Codec.LZ4, TEXT)) == TEXT


@pytest.mark.parametrize(
    ("codec", "packed"),
    [
        pytest.param(Codec.GZIP, gzip.compress(TEXT), id="gzip"),
        pytest.param(
            Codec.GZIP, gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]), id="two members"
        ),
        pytest.param(Codec.LZ4, frames.compress(TEXT), id="lz4"),
        pytest.param(
            Codec.LZ4,
            frames.compress(TEXT, block_linked=False, content_checksum=True, block_checksum=True),
            id="lz4 with checksums",
        ),
        pytest.param(Codec.LZ4, frames.compress(TEXT, store_size=False), id="lz4 without a size"),
        pytest.param(Codec.ZSTD, zstandard.compress(TEXT), id="zstd"),
        pytest.param(
            Codec.ZSTD,
            zstandard.ZstdCompressor(write_content_size=False).compress(TEXT),
            id="zstd without a size",
        ),
    ],
)
def test_other_writers_are_read(codec: Codec, packed: bytes) -> None:
    assert bytes(decompress(codec, packed)) == TEXT


@pytest.mark.parametrize("codec", PACKED)
def test_a_bomb_is_refused_before_it_takes_memory(codec: Codec) -> None:
    packed = compress(codec, bytes(30_000_000))
    assert error_of(codec, packed) == ErrorCode.CORRUPT_MESSAGE
    assert len(decompress(codec, packed, 30_000_000)) == 30_000_000


def test_a_snappy_block_that_announces_much_is_refused() -> None:
    announced = bytes.fromhex("ffffffff0f") + b"\0" * 20
    assert error_of(Codec.SNAPPY, announced) == ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"\0\0", id="half a length"),
        pytest.param(b"\0\0\0\5abc", id="longer than what is left"),
        pytest.param(b"\xff\xff\xff\xff", id="negative length"),
        pytest.param(b"\0\0\0\3abc", id="no snappy"),
    ],
)
def test_damaged_xerial_framing_is_refused(tail: bytes) -> None:
    assert error_of(Codec.SNAPPY, compress(Codec.SNAPPY, b"") + tail) == ErrorCode.CORRUPT_MESSAGE


@given(codec=st.sampled_from(PACKED), data=st.binary(max_size=300))
def test_any_bytes_are_data_or_refused(codec: Codec, data: bytes) -> None:
    refused = refusal(lambda: decompress(codec, data, 1 << 20))
    assert refused in (None, ErrorCode.CORRUPT_MESSAGE)


@given(codec=st.sampled_from(PACKED), position=st.floats(0, 1), flip=st.integers(1, 255))
def test_a_flipped_byte_is_data_or_refused(codec: Codec, position: float, flip: int) -> None:
    packed = bytearray(compress(codec, TEXT))
    packed[round(position * (len(packed) - 1))] ^= flip
    refused = refusal(lambda: decompress(codec, packed, 1 << 20))
    assert refused in (None, ErrorCode.CORRUPT_MESSAGE)


def test_an_unknown_codec_has_its_own_code() -> None:
    assert error_of(5, b"") == ErrorCode.UNSUPPORTED_COMPRESSION_TYPE


def test_the_error_that_means_too_small_a_buffer_is_known() -> None:
    for module in (cramjam.gzip, cramjam.lz4, cramjam.zstd):
        for size in (0, 1, 100, len(TEXT) - 1):
            with pytest.raises(cramjam.DecompressionError, match=f"^{TOO_SMALL}$"):
                module.decompress_into(module.compress(TEXT), bytearray(size))

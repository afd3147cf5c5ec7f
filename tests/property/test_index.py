"""An index against a list, through look-ups, flushes, cuts and reopening."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftkafka.log.index import OFFSET_ENTRY, TIME_ENTRY, Index, IndexEntry
from tests.sim.memory_disk import MemoryDisk
from tests.support.logs import FOLDER, make_disk

PATH = f"{FOLDER}/{0:020d}.index"

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 1000)),
        st.tuples(st.just("append many"), st.integers(1, 1500)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("reopen"), st.just(0)),
        st.tuples(st.just("release"), st.just(0)),
        st.tuples(st.just("cut"), st.integers(0, 1_000_000)),
        st.tuples(st.just("find"), st.integers(0, 1_000_000)),
    ),
    max_size=20,
)


def reopened(disk: MemoryDisk, index: Index) -> Index:
    index.release()
    again = Index(disk, PATH, OFFSET_ENTRY)
    assert again.load()
    return again


@given(steps=STEPS)
@settings(max_examples=200, deadline=None)
def test_an_index_is_a_sorted_list(steps: list[tuple[str, int]]) -> None:
    disk = make_disk()
    index = Index(disk, PATH, OFFSET_ENTRY)
    entries: list[IndexEntry] = []

    def append(step: int) -> None:
        last = entries[-1] if entries else IndexEntry(0, 0)
        entries.append(IndexEntry(last.key + step, last.value + 2 * step))
        index.append(*entries[-1])

    for name, number in steps:
        if name == "append":
            append(number)
        elif name == "append many":
            for step in range(number):
                append(step % 7 + 1)
        elif name == "flush":
            index.flush()
        elif name == "reopen":
            index = reopened(disk, index)
        elif name == "release":
            index.release()
        elif name == "cut":
            entries = [entry for entry in entries if entry.value < number]
            index.keep_values_below(number)
        for target in (number, entries[-1].key if entries else 0, entries[0].key if entries else 0):
            by_key = bisect_right([e.key for e in entries], target)
            assert index.floor_by_key(target) == (entries[by_key - 1] if by_key else None)
            by_value = bisect_right([e.value for e in entries], target)
            assert index.floor_by_value(target) == (entries[by_value - 1] if by_value else None)
        assert index.count == len(entries)
        assert index.last == (entries[-1] if entries else None)
    reopened(disk, index)
    assert disk.read(PATH) == b"".join(OFFSET_ENTRY.pack(*entry) for entry in entries)


def test_the_formats_are_kafkas() -> None:
    assert OFFSET_ENTRY.pack(5, 4096) == bytes.fromhex("0000000500001000")
    assert TIME_ENTRY.pack(1_700_000_000_000, 5) == bytes.fromhex("0000018bcfe5680000000005")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(OFFSET_ENTRY.pack(5, 10) + bytes(80), id="zeros behind, as Kafka leaves it"),
        pytest.param(OFFSET_ENTRY.pack(5, 10) + OFFSET_ENTRY.pack(-1, 20), id="negative"),
    ],
)
def test_what_is_no_index_is_not_believed(content: bytes) -> None:
    disk = make_disk()
    disk.open(PATH, create=True).pwrite([content], 0)
    assert not Index(disk, PATH, OFFSET_ENTRY).load()


def test_a_missing_file_is_no_index() -> None:
    assert not Index(make_disk(), PATH, OFFSET_ENTRY).load()


def test_half_an_entry_is_written_over() -> None:
    disk = make_disk()
    disk.open(PATH, create=True).pwrite([OFFSET_ENTRY.pack(5, 10) + b"\0\0\0"], 0)
    index = Index(disk, PATH, OFFSET_ENTRY)
    assert index.load()
    index.append(7, 20)
    index.flush()
    assert disk.read(PATH) == OFFSET_ENTRY.pack(5, 10) + OFFSET_ENTRY.pack(7, 20)

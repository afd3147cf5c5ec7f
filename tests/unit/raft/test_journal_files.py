"""The journal on disk: what a crash may leave is cut, everything else is refused by position."""

from __future__ import annotations

from random import Random

import pytest

from metadata.raft.identity import Identity
from metadata.raft.journal_files import JournalFiles, Opened
from metadata.raft.replay import Entry, cut_record, entry_record, vote_record
from raftkafka.errors import DamagedDisk
from tests.sim.quorum.node import EventDisk, Killed

FOLDER = "/meta"
IDENTITY = Identity(1, bytes(range(16)), (1,))
FIRST = f"{FOLDER}/000000000001.journal"


def new_disk() -> EventDisk:
    disk = EventDisk(Random(1))
    disk.mkdir(FOLDER)
    disk.sync_folder("/")
    return disk


def journal(disk: EventDisk) -> JournalFiles:
    return JournalFiles(disk, FOLDER, 4096, IDENTITY)


def reopened(disk: EventDisk) -> Opened:
    return journal(disk).open()


def entry(index: int, term: int = 1, size: int = 20) -> Entry:
    return (b"\x00" + bytes([index % 251 + 1]) * size, index, term)


def with_entries(count: int, size: int = 20) -> EventDisk:
    disk = new_disk()
    files = journal(disk)
    files.open()
    files.append([vote_record(1, 1)])
    for index in range(1, count + 1):
        files.append([entry_record(entry(index, size=size))])
    return disk


def end_of_frames(disk: EventDisk, path: str = FIRST) -> int:
    return len(disk.read(path).rstrip(b"\0"))


def test_term_vote_and_entries_come_back() -> None:
    """Override 4."""
    disk = with_entries(3)
    opened = reopened(disk)
    assert (opened.term, opened.voted_for) == (1, 1)
    assert opened.entries == [(b"", 0, 0), entry(1), entry(2), entry(3)]
    assert opened.torn is None


def test_the_log_goes_on_over_segments() -> None:
    disk = with_entries(300)
    segments = [name for name in disk.listdir(FOLDER) if name.endswith(".journal")]
    assert len(segments) > 3
    assert [e[1] for e in reopened(disk).entries] == list(range(301))
    assert {disk.size(f"{FOLDER}/{name}") for name in segments} == {4096}


def test_a_frame_larger_than_a_segment_gets_one_of_its_own() -> None:
    disk = with_entries(1, size=100_000)
    assert reopened(disk).entries[-1] == entry(1, size=100_000)


def test_what_follows_a_cut_is_void() -> None:
    disk = with_entries(5)
    files = journal(disk)
    files.open()
    files.append([vote_record(2, None), cut_record(3, 1), entry_record(entry(4, term=2))])
    assert reopened(disk).entries[3:] == [entry(3), entry(4, term=2)]


def test_a_cut_at_an_entry_that_is_not_held_starts_the_log_anew() -> None:
    disk = with_entries(5)
    files = journal(disk)
    files.open()
    files.append([vote_record(7, None), cut_record(90, 6), entry_record(entry(91, term=7))])
    files.trim(90)
    assert reopened(disk).entries == [(b"", 90, 6), entry(91, term=7)]


def test_trimming_removes_whole_segments_only() -> None:
    disk = with_entries(300)
    files = journal(disk)
    files.open()
    files.trim(200)
    opened = reopened(disk)
    base = opened.entries[0][1]
    assert 100 < base <= 200, "the segment that holds entry 201 begins before it"
    assert [e[1] for e in opened.entries] == list(range(base, 301))


@pytest.mark.parametrize("size", [20, 3000])
def test_every_prefix_of_the_last_write_is_a_torn_tail(size: int) -> None:
    """Override 4: a write that was cut short is cut off, and says so."""
    disk = with_entries(3)
    before = end_of_frames(disk)
    files = journal(disk)
    files.open()
    files.append([entry_record(entry(4, size=size))])
    frame = disk.read(FIRST)[before : end_of_frames(disk)]
    for kept in range(0, len(frame), 1 if size < 100 else 37):
        torn = disk.after_kill()
        torn.corrupt(FIRST, before, frame[:kept] + bytes(len(frame) - kept))
        opened = reopened(torn)
        assert opened.entries[-1] == entry(3), kept
        assert (opened.torn is None) == (kept == 0)
        assert reopened(torn).torn is None, "it is gone for good"


@pytest.mark.parametrize("sector", range(8))
def test_a_last_write_without_one_of_its_sectors_is_a_torn_tail(sector: int) -> None:
    """Override 4: sectors reach the platter in any order, each whole or not at all."""
    disk = with_entries(3)
    before = end_of_frames(disk)
    files = journal(disk)
    files.open()
    files.append([entry_record(entry(4, size=3000))])
    end = end_of_frames(disk)
    start = max(before, sector * 512)
    stop = min(end, (sector + 1) * 512)
    if start < stop:
        disk.corrupt(FIRST, start, bytes(stop - start))
    opened = reopened(disk)
    assert opened.entries[-1][1] == (3 if start < stop else 4)


@pytest.mark.parametrize("place", ["first frame", "last frame"])
def test_a_flipped_bit_is_damage_even_in_the_last_frame(place: str) -> None:
    """Override 4: it was acknowledged, and no torn write explains it."""
    disk = with_entries(3)
    files = journal(disk)
    files.open()
    start = end_of_frames(disk)
    files.append([entry_record(entry(4))])
    positions = range(start, end_of_frames(disk)) if place == "last frame" else range(start)
    content = disk.read(FIRST)
    for position in positions:
        damaged = disk.after_kill()
        damaged.corrupt(FIRST, position, bytes([content[position] ^ 0x40]))
        with pytest.raises(DamagedDisk, match=r"000000000001.journal: damaged at byte \d+: "):
            reopened(damaged)


def test_the_message_names_file_position_and_remedy() -> None:
    disk = with_entries(3)
    content = disk.read(FIRST)
    disk.corrupt(FIRST, 300, bytes([content[300] ^ 1]))
    with pytest.raises(DamagedDisk) as raised:
        reopened(disk)
    line = str(raised.value)
    assert line.startswith(f"{FIRST}: damaged at byte ")
    assert line.endswith("restore the folder from a copy, or wipe it if other voters hold the log")


def test_a_bad_frame_with_a_good_one_after_it_is_damage() -> None:
    """Override 4: one frame is in flight at a time, so the good one proves the bad one whole."""
    disk = with_entries(3)
    start = end_of_frames(disk)
    files = journal(disk)
    files.open()
    files.append([entry_record(entry(4, size=1000))])
    files.append([entry_record(entry(5))])
    disk.corrupt(FIRST, start, bytes(600))
    with pytest.raises(DamagedDisk, match=f"at byte {start}: a bad frame with a good one after it"):
        reopened(disk)


def test_a_frame_inside_a_command_is_not_taken_for_one() -> None:
    """A torn command that carries a copy of a real frame is still a torn tail."""
    disk = with_entries(3)
    frame = disk.read(FIRST)[: end_of_frames(disk)]
    start = end_of_frames(disk)
    files = journal(disk)
    files.open()
    files.append([entry_record((b"\x00" + frame, 4, 1))])
    end = end_of_frames(disk)
    disk.corrupt(FIRST, end - 30, bytes(30))
    opened = reopened(disk)
    assert opened.entries[-1] == entry(3)
    assert opened.torn == f"{FIRST}: {end - 30 - start} bytes at {start}"


@pytest.mark.parametrize("change", [-1, -4000, 1, 512])
def test_a_file_of_another_length_is_damage(change: int) -> None:
    disk = with_entries(3)
    file = disk.open(FIRST)
    file.truncate(4096 + change)
    with pytest.raises(DamagedDisk, match=r"header does not check|should have 4096 bytes"):
        reopened(disk)


def test_segments_that_changed_places_are_damage() -> None:
    disk = with_entries(300)
    second, third = f"{FOLDER}/000000000002.journal", f"{FOLDER}/000000000003.journal"
    disk.rename(second, "/other")
    disk.rename(third, second)
    disk.rename("/other", third)
    with pytest.raises(DamagedDisk, match=r"000000000002\.journal: damaged at byte 0"):
        reopened(disk)


def test_a_torn_frame_before_the_newest_segment_is_damage() -> None:
    disk = with_entries(300)
    end = end_of_frames(disk)
    disk.corrupt(FIRST, end - 10, bytes(10))
    with pytest.raises(DamagedDisk, match="a torn frame in a segment that has a successor"):
        reopened(disk)


def test_what_a_killed_process_left_unsynced_is_durable_before_it_counts() -> None:
    """Override 4: read from the page cache, acknowledged, and then the power goes."""
    disk = with_entries(3)
    files = journal(disk)
    files.open()
    disk.killed_before = "sync"
    with pytest.raises(Killed):
        files.append([entry_record(entry(4))])
    disk = disk.after_kill()
    assert reopened(disk).entries[-1] == entry(4)
    assert reopened(disk.after_power_loss()).entries[-1] == entry(4)


def test_a_sync_that_failed_is_not_believed_when_it_works_later() -> None:
    """Override 4: the kernel forgets which pages a failed sync left behind."""
    disk = with_entries(3)
    files = journal(disk)
    files.open()
    disk.fail("sync", FOLDER, 5, times=1)
    with pytest.raises(OSError, match="Input/output error"):
        files.append([entry_record(entry(4))])
    disk = disk.after_kill()
    assert reopened(disk).entries[-1] == entry(4)
    assert reopened(disk.after_power_loss()).entries[-1] == entry(4)

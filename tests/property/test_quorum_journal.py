"""Random damage to a journal is refused, or was a torn tail; entries are never silently others."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metadata.raft.frames import Record
from metadata.raft.identity import Identity
from metadata.raft.journal_files import JournalFiles
from metadata.raft.replay import Entry, Replay, cut_record, entry_record, vote_record
from raftkafka.errors import DamagedDisk
from tests.sim.quorum.node import EventDisk, Killed

FOLDER = "/meta"
IDENTITY = Identity(1, bytes(range(16)), (1, 2, 3))
State = tuple[int, int | None, list[Entry]]


def files(disk: EventDisk) -> JournalFiles:
    return JournalFiles(disk, FOLDER, 4096, IDENTITY)


def random_batch(random: Random, state: Replay) -> list[Record]:
    """Return records that may follow: entries, and now and then a new term or a cut."""
    records: list[Record] = []
    term, last = state.term, state.last_index
    if term == 0 or random.random() < 0.1:
        term += 1
        records.append(vote_record(term, random.choice([None, 1, 2])))
    if last > 3 and random.random() < 0.1:
        last -= random.randrange(3)
        records.append(cut_record(last, state.entries[last][2]))
    for index in range(last + 1, last + 1 + random.randrange(1, 4)):
        command = b"\x00" + random.randbytes(random.choice([0, 5, 40, 900]))
        records.append(entry_record((command, index, term)))
    return records


@cache
def written(seed: int) -> tuple[EventDisk, list[State]]:
    """Write a random journal; return its disk, and the state after each frame."""
    random = Random(seed)
    disk = EventDisk(Random(seed))
    disk.mkdir(FOLDER)
    disk.sync_folder("/")
    journal = files(disk)
    journal.open()
    state = Replay()
    states: list[State] = [(0, None, list(state.entries))]
    for _ in range(random.randrange(1, 40)):
        records = random_batch(random, state)
        journal.append(records)
        assert state.take(records)
        states.append((state.term, state.voted_for, list(state.entries)))
    return disk, states


def opened(disk: EventDisk) -> State | None:
    """Return what a start makes of the folder; None if it is refused."""
    try:
        found = files(disk).open()
    except DamagedDisk:
        return None
    return found.term, found.voted_for, found.entries


@given(st.integers(0, 60), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_a_flipped_bit_is_refused_or_meets_nothing(seed: int, random: Random) -> None:
    """Override 4."""
    original, states = written(seed)
    disk = original.after_kill()
    path = f"{FOLDER}/{random.choice(disk.listdir(FOLDER))}"
    position = random.randrange(disk.size(path))
    byte = disk.read(path)[position]
    disk.corrupt(path, position, bytes([byte ^ 1 << random.randrange(8)]))
    assert opened(disk) in (None, states[-1])


def overwritten(seed: int, random: Random, *, zeros: bool) -> State | None:
    original, _ = written(seed)
    disk = original.after_kill()
    path = f"{FOLDER}/{random.choice(disk.listdir(FOLDER))}"
    start = random.randrange(disk.size(path))
    length = min(random.choice([1, 16, 512, 4096]), disk.size(path) - start)
    disk.corrupt(path, start, bytes(length) if zeros else random.randbytes(length))
    return opened(disk)


@given(st.integers(0, 60), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_garbage_costs_the_last_frame_at_most(seed: int, random: Random) -> None:
    """Override 4: garbage in the last frame may look torn; elsewhere it is refused."""
    _, states = written(seed)
    assert overwritten(seed, random, zeros=False) in (None, states[-1], states[-2])


@given(st.integers(0, 60), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_zeros_never_make_other_entries(seed: int, random: Random) -> None:
    """Override 4: zeros up to the end look as if nothing came; elsewhere they are refused."""
    _, states = written(seed)
    assert overwritten(seed, random, zeros=True) in (None, *states)


@given(st.integers(0, 60), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_a_power_loss_in_the_next_write_costs_nothing(seed: int, random: Random) -> None:
    """Override 4: the torn write is there whole, or not at all, and the node starts."""
    original, states = written(seed)
    disk = original.after_kill()
    journal = files(disk)
    journal.open()
    state = Replay(states[-1][0], states[-1][1], list(states[-1][2]))
    records = random_batch(random, state)
    disk.random = random
    disk.killed_before = "sync"
    with pytest.raises(Killed):
        journal.append(records)
    disk = disk.after_power_loss()
    assert state.take(records)
    whole = (state.term, state.voted_for, state.entries)
    assert opened(disk) in (states[-1], whole)

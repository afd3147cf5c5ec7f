"""Leader epochs: the rules of KIP-101, KIP-279 and KIP-320, and the checkpoint file."""

from __future__ import annotations

import pytest

from raftkafka.log.checkpoints import DamagedCheckpoint
from raftkafka.log.epoch_cache import EpochCache, EpochEntry


def cache(*entries: tuple[int, int]) -> EpochCache:
    return EpochCache([EpochEntry(*entry) for entry in entries])


def test_an_epoch_starts_where_it_first_wrote() -> None:
    epochs = EpochCache()
    assert epochs.latest == -1
    epochs.assign(2, 0)
    epochs.assign(2, 5)
    epochs.assign(4, 9)
    assert epochs.entries == [(2, 0), (4, 9)]
    assert epochs.latest == 4
    assert epochs.changed


def test_a_new_epoch_takes_the_place_of_one_without_records() -> None:
    epochs = cache((2, 0), (3, 9))
    epochs.assign(4, 9)
    assert epochs.entries == [(2, 0), (4, 9)]


def test_an_older_epoch_that_starts_later_proves_the_newer_ones_wrong() -> None:
    epochs = cache((2, 0), (5, 9))
    epochs.assign(3, 12)
    assert epochs.entries == [(2, 0), (3, 12)]


@pytest.mark.parametrize(("offset", "epoch"), [(0, -1), (4, -1), (5, 2), (8, 2), (9, 4), (1000, 4)])
def test_the_epoch_of_an_offset(offset: int, epoch: int) -> None:
    assert cache((2, 5), (4, 9)).epoch_for(offset) == epoch


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        pytest.param(-1, (-1, -1), id="no claim"),
        pytest.param(1, (1, 5), id="older than all: ends where the oldest starts"),
        pytest.param(2, (2, 9), id="known"),
        pytest.param(3, (2, 9), id="unknown: the largest below it, KIP-279"),
        pytest.param(4, (4, 20), id="the newest ends at the log end"),
        pytest.param(5, (-1, -1), id="newer than all"),
    ],
)
def test_where_an_epoch_ends(asked: int, answer: tuple[int, int]) -> None:
    assert cache((2, 5), (4, 9)).end_offset_for(asked, 20) == answer


def test_no_epoch_is_known_of_an_empty_log() -> None:
    assert EpochCache().end_offset_for(0, 0) == (-1, -1)


@pytest.mark.parametrize(
    ("end_offset", "left"),
    [(20, [(2, 5), (4, 9)]), (10, [(2, 5), (4, 9)]), (9, [(2, 5)]), (5, []), (0, [])],
)
def test_truncation_forgets_epochs_without_records(
    end_offset: int, left: list[tuple[int, int]]
) -> None:
    epochs = cache((2, 5), (4, 9))
    epochs.truncate_from_end(end_offset)
    assert epochs.entries == left
    assert epochs.latest == (left[-1][0] if left else -1)
    assert epochs.changed == (len(left) < 2)


@pytest.mark.parametrize(
    ("start_offset", "left"),
    [
        (0, [(2, 5), (4, 9)]),
        (5, [(2, 5), (4, 9)]),
        (7, [(2, 7), (4, 9)]),
        (9, [(4, 9)]),
        (30, [(4, 30)]),
    ],
)
def test_deletion_keeps_the_epoch_around_the_new_start(
    start_offset: int, left: list[tuple[int, int]]
) -> None:
    epochs = cache((2, 5), (4, 9))
    epochs.truncate_from_start(start_offset)
    assert epochs.entries == left


def test_the_checkpoint_is_kafkas() -> None:
    assert cache((2, 5), (4, 9)).encode() == b"0\n2\n2 5\n4 9\n"
    assert EpochCache.decode(b"0\n2\n2 5\n4 9\n").entries == [(2, 5), (4, 9)]
    assert EpochCache.decode(b"0\n0\n").entries == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"1\n0\n", id="another version"),
        pytest.param(b"0\n2\n2 5\n", id="a line is missing"),
        pytest.param(b"0\n1\n2 5\n4 9\n", id="a line too many"),
        pytest.param(b"0\n1\n2 five\n", id="no number"),
        pytest.param(b"0\n2\n4 5\n2 9\n", id="epochs do not grow"),
        pytest.param(b"0\n2\n2 9\n4 5\n", id="offsets do not grow"),
        pytest.param(b"\0" * 20, id="zeros"),
    ],
)
def test_a_damaged_checkpoint_is_not_believed(content: bytes) -> None:
    with pytest.raises(DamagedCheckpoint):
        EpochCache.decode(content)

"""Deadlines: who is told, when, and that what is done takes no room."""

from __future__ import annotations

from raftkafka.server.expiry import SWEEP_MIN, Expiry


class Waiting:
    def __init__(self) -> None:
        self.done = False
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1
        self.done = True


def test_only_what_is_due_and_not_done_expires() -> None:
    expiry = Expiry()
    items = [Waiting() for _ in range(4)]
    for deadline, item in zip((3.0, 1.0, 2.0, 9.0), items, strict=True):
        expiry.add(deadline, item)
    items[1].done = True
    assert expiry.next_deadline() == 2.0
    expiry.expire(3.0)
    assert [item.expired for item in items] == [1, 0, 1, 0]
    assert expiry.next_deadline() == 9.0
    assert expiry.count_waiting() == 1
    expiry.expire(9.0)
    assert expiry.next_deadline() is None


def test_an_earlier_deadline_than_all_others_is_told() -> None:
    expiry = Expiry()
    told: list[float] = []
    expiry.on_earlier = told.append
    for deadline in (5.0, 7.0, 3.0, 4.0):
        expiry.add(deadline, Waiting())
    assert told == [5.0, 3.0]


def test_what_is_done_does_not_pile_up_behind_a_long_wait() -> None:
    """A fetch waits for a minute while thousands of acknowledgements come and go."""
    expiry = Expiry()
    fetch = Waiting()
    expiry.add(60.0, fetch)
    most = 0
    for n in range(20 * SWEEP_MIN):
        produce = Waiting()
        expiry.add(90.0 + n, produce)
        produce.done = True
        most = max(most, expiry.count_kept())
    assert most <= SWEEP_MIN
    expiry.expire(60.0)
    assert fetch.expired == 1


def test_many_that_really_wait_are_all_kept() -> None:
    expiry = Expiry()
    items = [Waiting() for _ in range(5 * SWEEP_MIN)]
    for n, item in enumerate(items):
        expiry.add(float(n), item)
    assert expiry.count_waiting() == len(items)
    expiry.expire(len(items))
    assert all(item.expired == 1 for item in items)

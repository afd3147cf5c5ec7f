"""When a directory counts as slow, and when no longer."""

from __future__ import annotations

from raftkafka.log.pace import QUICK_ROUNDS, QUICK_S, SLOW_S, Pace


def test_one_slow_round_makes_it_slow_and_many_quick_ones_quick() -> None:
    pace = Pace()
    pace.note(SLOW_S, 1)
    assert not pace.is_slow, "not more than that"
    pace.note(SLOW_S + 0.001, 1)
    assert pace.is_slow
    for _ in range(QUICK_ROUNDS - 1):
        pace.note(0.001, 1)
    assert pace.is_slow
    pace.note(SLOW_S + 0.001, 1)
    for _ in range(QUICK_ROUNDS):
        assert pace.is_slow
        pace.note(0.001, 1)
    assert not pace.is_slow


def test_many_quick_writes_are_not_slow() -> None:
    pace = Pace()
    pace.note(1000 * QUICK_S, 1000)
    assert not pace.is_slow
    pace.note(1000 * QUICK_S + 2 * SLOW_S, 1000)
    assert pace.is_slow, "one of them was"

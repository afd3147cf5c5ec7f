"""How often a log tells of connections that were refused."""

from __future__ import annotations

from metadata.cluster.refusals import OTHERS, Line, Refusals

EVERY_S = 10.0


def test_the_first_is_told_at_once_and_the_others_once_in_an_interval() -> None:
    refusals = Refusals(EVERY_S)
    assert refusals.note("a", "x", 100.0) == Line("a", "x", 1)
    assert [refusals.note("a", f"y{number}", 101.0) for number in range(1000)] == [None] * 1000
    assert refusals.due(109.9) == []
    assert refusals.due(110.0) == [Line("a", "y999", 1000)]
    assert refusals.note("a", "z", 111.0) is None
    assert refusals.due(119.9) == []
    assert refusals.due(120.0) == [Line("a", "z", 1)]


def test_an_address_that_was_quiet_is_told_at_once_again() -> None:
    refusals = Refusals(EVERY_S)
    refusals.note("a", "x", 100.0)
    assert refusals.due(110.0) == []
    assert refusals.note("a", "x", 111.0) == Line("a", "x", 1)


def test_addresses_do_not_hide_each_other() -> None:
    refusals = Refusals(EVERY_S)
    for address in ("a", "b"):
        assert refusals.note(address, "x", 100.0) == Line(address, "x", 1)
        refusals.note(address, "y", 100.0)
    assert refusals.due(110.0) == [Line("a", "y", 1), Line("b", "y", 1)]


def test_a_flood_of_addresses_shares_one_line() -> None:
    refusals = Refusals(EVERY_S, addresses_max=2)
    lines = [refusals.note(f"a{number}", "x", 100.0) for number in range(1000)]
    assert [line.address for line in lines if line] == ["a0", "a1", OTHERS]
    assert refusals.due(110.0) == [Line(OTHERS, "x", 997)]
    assert refusals.due(120.0) == []
    assert refusals.note("a7", "x", 120.0) == Line("a7", "x", 1), "all is forgotten"

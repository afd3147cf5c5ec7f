"""Who gets a place at the door when it is full."""

from __future__ import annotations

from metadata.cluster.strangers import Strangers


def test_the_oldest_of_the_most_crowding_address_goes() -> None:
    door = Strangers(4)
    quiet, _ = door.admit("quiet")
    crowd = [door.admit("crowd")[0] for _ in range(3)]
    newcomer, victim = door.admit("newcomer")
    assert victim == crowd[0]
    assert door.admit("crowd") == (newcomer + 1, crowd[1])
    assert quiet not in (victim, crowd[1])


def test_who_left_makes_room() -> None:
    door = Strangers(1)
    first, victim = door.admit("a")
    assert victim is None
    door.leave(first)
    _, victim = door.admit("a")
    assert victim is None

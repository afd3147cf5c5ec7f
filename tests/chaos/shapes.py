"""Shapes of a network that is cut: which links are lost, and who can still get a commit.

Pure: from node ids to links. Shapes that a person would name come from Jepsen's vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import product
from random import Random

from tests.chaos.lab import Link, client_place, node_place

Cut = frozenset[Link]

OneNode = Callable[[int, Sequence[int]], Cut]
"""A shape around one node."""

WHOLE: Cut = frozenset()


def between(some: Iterable[int], others: Iterable[int]) -> Cut:
    """Cut two groups of nodes from one another, both ways."""
    pairs = list(product(some, others))
    return one_way(pairs) | one_way((b, a) for a, b in pairs)


def one_way(pairs: Iterable[tuple[int, int]]) -> Cut:
    """Lose what the first node of each pair sends to the second."""
    return frozenset((node_place(a), node_place(b)) for a, b in pairs)


def isolated(node: int, nodes: Sequence[int]) -> Cut:
    """Cut one node from all others."""
    return between([node], [n for n in nodes if n != node])


def deaf(node: int, nodes: Sequence[int]) -> Cut:
    """Lose what one node would hear from the others; they hear it."""
    return one_way((other, node) for other in nodes if other != node)


def mute(node: int, nodes: Sequence[int]) -> Cut:
    """Lose what one node says to the others; it hears them."""
    return one_way((node, other) for other in nodes if other != node)


def halves(nodes: Sequence[int], random: Random) -> Cut:
    """Cut a drawn minority from the rest."""
    drawn = random.sample(nodes, len(nodes))
    middle = len(nodes) // 2
    return between(drawn[:middle], drawn[middle:])


def bridged(nodes: Sequence[int], random: Random) -> Cut:
    """Cut two drawn halves from one another; one node in the middle hears both."""
    _, *rest = random.sample(nodes, len(nodes))
    middle = len(rest) // 2
    return between(rest[:middle], rest[middle:])


def ring(nodes: Sequence[int], random: Random) -> Cut:
    """Let every node reach only its two neighbours in a drawn ring: of five, each a majority."""
    drawn = random.sample(nodes, len(nodes))
    lost: set[Link] = set()
    for place, node in enumerate(drawn):
        near = {node, drawn[place - 1], drawn[(place + 1) % len(drawn)]}
        lost |= one_way((node, far) for far in nodes if far not in near)
    return frozenset(lost)


def random_one_way(nodes: Sequence[int], random: Random) -> Cut:
    """Lose about a third of all directions between nodes, at least one."""
    pairs = [(a, b) for a, b in product(nodes, nodes) if a != b]
    return one_way(random.sample(pairs, max(1, len(pairs) // 3)))


def without_broker(clients: Iterable[int], node: int) -> Cut:
    """Cut clients from one broker, both ways."""
    away = frozenset((client_place(client), node_place(node)) for client in clients)
    return away | frozenset((b, a) for a, b in away)


def swizzle(nodes: Sequence[int], random: Random) -> list[Cut]:
    """Cut about half of the nodes off, one by one, and let them back in another order."""
    chosen = random.sample(nodes, (len(nodes) + 1) // 2)
    leaving = [chosen[:count] for count in range(1, len(chosen) + 1)]
    back = random.sample(chosen, len(chosen))
    returning = [back[count:] for count in range(1, len(back))]
    return [
        frozenset[Link]().union(*(isolated(node, nodes) for node in away))
        for away in leaving + returning
    ]


def able_to_commit(cut: Cut, nodes: Sequence[int], down: Collection[int] = ()) -> frozenset[int]:
    """Return the nodes through which a change can be committed and acknowledged in a cut network.

    All nodes vote. A leader commits what a majority took and confirmed; another node passes a
    request on to such a leader and hears the answer: both ways, in each case. Those that are
    ``down`` do neither.
    """
    up = [node for node in nodes if node not in down]

    def both_ways(a: int, b: int) -> bool:
        return a == b or not one_way([(a, b), (b, a)]) & cut

    majority = len(nodes) // 2 + 1
    leaders = [a for a in up if sum(both_ways(a, b) for b in up) >= majority]
    return frozenset(a for a in up if any(both_ways(a, leader) for leader in leaders))

"""With whom a node will not talk, and why it says so; what an identity must look like."""

from __future__ import annotations

import pytest

from metadata.cluster.identity import (
    Answer,
    ChannelKind,
    PeerIdentity,
    Refused,
    answer_from_wire,
    answer_to_wire,
    check_peer,
    hash_of_voters,
    identity_from_wire,
    identity_to_wire,
)
from metadata.cluster.wire import decode, encode
from raftkafka.config.voters import Voter
from raftkafka.errors import Malformed

VOTERS = {node_id: Voter(node_id, f"host{node_id}", 9093) for node_id in (1, 2, 3)}
HASH = hash_of_voters(VOTERS.values())
ME = PeerIdentity(1, b"i" * 16, b"d" * 16, True, HASH, "cluster-a")
PEER = ME._replace(node_id=2, incarnation_id=b"j" * 16)


def test_the_order_of_the_voters_does_not_matter_and_all_else_does() -> None:
    assert hash_of_voters(reversed(VOTERS.values())) == HASH
    assert hash_of_voters([*VOTERS.values()][:2]) != HASH
    assert hash_of_voters([VOTERS[1], VOTERS[2], Voter(3, "host3", 9094)]) != HASH


@pytest.mark.parametrize(
    "peer",
    [
        PEER,
        PEER._replace(cluster_id=None),
        PEER._replace(node_id=7, is_voter=False),
        PEER._replace(node_id=7, is_voter=False, voters_hash=b"", kind=ChannelKind.VOTERS),
        PEER._replace(node_id=1, kind=ChannelKind.VOTERS),
    ],
)
def test_a_node_of_the_same_cluster_is_let_in(peer: PeerIdentity) -> None:
    check_peer(ME, peer, VOTERS)


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (PEER._replace(cluster_id="cluster-b"), "node 2 belongs to cluster cluster-b"),
        (
            PEER._replace(voters_hash=b"x" * 16),
            "which is 1@host1:9093,2@host2:9093,3@host3:9093: give all nodes the same line",
        ),
        (PEER._replace(node_id=1), "duplicate node id 1"),
        (PEER._replace(node_id=7), "says that it is a voter"),
        (PEER._replace(is_voter=False), "says that it is no voter"),
    ],
)
def test_a_node_that_belongs_elsewhere_is_told_why(peer: PeerIdentity, why: str) -> None:
    with pytest.raises(Refused, match=why):
        check_peer(ME, peer, VOTERS)


def test_identities_and_answers_cross_the_wire() -> None:
    for identity in (ME, ME._replace(cluster_id=None, voters_hash=b"", kind=ChannelKind.VOTERS)):
        assert identity_from_wire(decode(encode(identity_to_wire(identity)))) == identity
    answer = Answer(ME, tuple(VOTERS.values()))
    assert answer_from_wire(decode(encode(answer_to_wire(answer)))) == answer
    with pytest.raises(Refused, match="go away"):
        answer_from_wire(decode(encode(answer_to_wire("go away"))))


@pytest.mark.parametrize("position", range(7))
@pytest.mark.parametrize("value", [True, -1, 1 << 40, "x" * 100, b"x" * 17, [1], {}, 1.0])
def test_a_wrong_field_is_refused(position: int, value: object) -> None:
    content = identity_to_wire(ME)
    content[position] = value
    if position == 3 and value is True:
        return
    with pytest.raises(Malformed):
        identity_from_wire(content)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        [1],
        [identity_to_wire(ME), [[1, "host"]]],
        [identity_to_wire(ME), [[1, "", 5]]],
        [identity_to_wire(ME), [[1, "host", 70_000]]],
        [identity_to_wire(ME), [[1, "host", 9]] * 101],
    ],
)
def test_a_wrong_answer_is_refused(content: object) -> None:
    with pytest.raises(Malformed):
        answer_from_wire(content)

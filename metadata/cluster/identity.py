"""What a node says of itself when a channel opens, and with whom it will not talk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from hashlib import blake2b
from typing import NamedTuple, cast

from raftkafka.config.voters import Voter
from raftkafka.errors import Malformed

ID_BYTES = 16
NODE_ID_MAX = (1 << 31) - 1
CLUSTER_ID_LENGTH_MAX = 64
VOTERS_MAX = 100
HOST_LENGTH_MAX = 255


class ChannelKind(IntEnum):
    """What a channel is for."""

    METADATA = 0
    """Raft, and what brokers ask of the controller."""
    VOTERS = 1
    """One answer, which tells who the voters are."""


class PeerIdentity(NamedTuple):
    """One process of a cluster, as it names itself. Of a peer it is known to hold the secret."""

    node_id: int
    incarnation_id: bytes
    """16 bytes, drawn when the process started."""
    directory_id: bytes
    """16 bytes, the metadata folder's."""
    is_voter: bool
    voters_hash: bytes
    """``hash_of_voters``; empty if the node does not know them yet."""
    cluster_id: str | None = None
    """Not known before the first leader of the quorum committed it."""
    kind: ChannelKind = ChannelKind.METADATA


class Answer(NamedTuple):
    """What the node that was dialled says of itself, and where the voters are."""

    identity: PeerIdentity
    voters: tuple[Voter, ...]


class Refused(Exception):
    """A peer is who it says and still no channel opens; the text says why and what to do."""


def hash_of_voters(voters: Iterable[Voter]) -> bytes:
    """Return 16 bytes that differ for other node ids or addresses, whatever their order."""
    text = ",".join(str(voter) for voter in sorted(voters))
    return blake2b(text.encode(), digest_size=ID_BYTES).digest()


def check_peer(me: PeerIdentity, peer: PeerIdentity, voters: Mapping[int, Voter]) -> None:
    """Refuse a peer that belongs elsewhere.

    Raises:
        Refused: another cluster, other voters, or this node's own id.
    """
    if me.cluster_id and peer.cluster_id and me.cluster_id != peer.cluster_id:
        raise Refused(
            f"node {peer.node_id} belongs to cluster {peer.cluster_id}, node {me.node_id} to "
            f"cluster {me.cluster_id}: put controller.quorum.voters right, or give the one that "
            "is to move empty data folders"
        )
    if me.voters_hash and peer.voters_hash and me.voters_hash != peer.voters_hash:
        ours = ",".join(str(voter) for voter in voters.values())
        raise Refused(
            f"controller.quorum.voters of node {peer.node_id} differs from node {me.node_id}'s, "
            f"which is {ours}: give all nodes the same line"
        )
    if peer.node_id == me.node_id and peer.kind is not ChannelKind.VOTERS:
        raise Refused(
            f"duplicate node id {me.node_id}: two nodes have it; give each node.id a number of "
            "its own"
        )
    if voters and peer.is_voter != (peer.node_id in voters):
        role = "a voter" if peer.is_voter else "no voter"
        raise Refused(
            f"node {peer.node_id} says that it is {role}, and controller.quorum.voters of node "
            f"{me.node_id} does not: give all nodes the same line"
        )


# ---------------------------------------------------------------- on the wire


def identity_to_wire(identity: PeerIdentity) -> list[object]:
    """Return the array that carries an identity."""
    return [*identity[:-1], int(identity.kind)]


def identity_from_wire(content: object) -> PeerIdentity:
    """Read what a peer sent.

    Raises:
        Malformed: it is no identity.
    """
    match content:
        case [
            int(node_id),
            bytes(incarnation_id),
            bytes(directory_id),
            bool(is_voter),
            bytes(voters_hash),
            (None | str()) as cluster_id,
            int(kind),
        ] if (
            type(node_id) is int
            and type(kind) is int
            and 0 <= node_id <= NODE_ID_MAX
            and len(incarnation_id) == len(directory_id) == ID_BYTES
            and len(voters_hash) in (0, ID_BYTES)
            and len(cluster_id or "") <= CLUSTER_ID_LENGTH_MAX
            and kind in ChannelKind.__members__.values()
        ):
            return PeerIdentity(
                node_id,
                incarnation_id,
                directory_id,
                is_voter,
                voters_hash,
                cluster_id,
                ChannelKind(kind),
            )
        case _:
            raise Malformed("not an identity")


def answer_to_wire(answer: Answer | str) -> list[object]:
    """Return the array that carries an answer, or the reason why there is none."""
    if isinstance(answer, str):
        return [answer]
    return [identity_to_wire(answer.identity), [list(voter) for voter in answer.voters]]


def answer_from_wire(content: object) -> Answer:
    """Read the answer of the node that was dialled.

    Raises:
        Refused: it says why it does not talk with this node.
        Malformed: it is no answer.
    """
    parts = cast("list[object]", content) if isinstance(content, list) else []
    match parts:
        case [str(reason)]:
            raise Refused(reason)
        case [identity, list()] if len(voters := cast("list[object]", parts[1])) <= VOTERS_MAX:
            return Answer(identity_from_wire(identity), tuple(map(_voter_from_wire, voters)))
        case _:
            raise Malformed("not an answer")


def _voter_from_wire(content: object) -> Voter:
    match content:
        case [int(node_id), str(host), int(port)] if (
            type(node_id) is int
            and type(port) is int
            and 0 <= node_id <= NODE_ID_MAX
            and 0 < len(host) <= HOST_LENGTH_MAX
            and 0 <= port <= 65535
        ):
            return Voter(node_id, host, port)
        case _:
            raise Malformed("not a voter")

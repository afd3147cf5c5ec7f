"""The metadata quorum: who leads, who votes, who follows, how far each has come; readmission."""

from __future__ import annotations

from dataclasses import dataclass

from raftkafka.client.address import Address
from raftkafka.client.client import Client
from raftkafka.client.errors import ClientError, check
from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.cluster import (
    DescribeQuorumReplica,
    DescribeQuorumRequest,
    DescribeQuorumRequestPartition,
    DescribeQuorumRequestTopic,
    DescribeQuorumResponse,
)
from raftkafka.types import ZERO_ID

METADATA_TOPIC = "__cluster_metadata"
PASSING = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.REQUEST_TIMED_OUT)
"""While voters elect, nobody can tell; a broker that waited for a leader says so."""


@dataclass(frozen=True, slots=True)
class QuorumReplica:
    """A voter or an observer. Times are the leader's wall clock, in ms; None: never."""

    node_id: int
    directory_id: bytes
    """Names its metadata folder; zeros where the broker does not tell."""
    log_end_offset: int
    last_fetch_ms: int | None
    last_caught_up_ms: int | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a voter listens for the other nodes."""

    listener: str
    address: Address

    def __str__(self) -> str:
        return f"{self.listener}://{self.address}"


@dataclass(frozen=True, slots=True)
class QuorumInfo:
    """The quorum as its leader sees it."""

    leader_id: int
    leader_epoch: int
    high_watermark: int
    voters: tuple[QuorumReplica, ...]
    observers: tuple[QuorumReplica, ...]
    endpoints: dict[int, tuple[Endpoint, ...]]
    """By node id; not all nodes are known."""

    @property
    def leader(self) -> QuorumReplica:
        """The voter that leads.

        Raises:
            ClientError: it is none of the voters, as while they elect another.
        """
        for voter in self.voters:
            if voter.node_id == self.leader_id:
                return voter
        raise ClientError("the quorum has no leader right now", hint="try again in a second")

    @property
    def max_follower_lag(self) -> int:
        """Offsets by which the last voter is behind the leader."""
        return self.leader.log_end_offset - self._last_voter.log_end_offset

    @property
    def max_follower_lag_ms(self) -> int:
        """How long ago the last voter had all that the leader had; -1 if it is not known."""
        leader, last = self.leader, self._last_voter
        if last is leader:
            return 0
        if leader.last_caught_up_ms is None or last.last_caught_up_ms is None:
            return -1
        return leader.last_caught_up_ms - last.last_caught_up_ms

    @property
    def _last_voter(self) -> QuorumReplica:
        return min(self.voters, key=lambda voter: voter.log_end_offset)


def describe_quorum(client: Client) -> QuorumInfo:
    """Return the state of the metadata quorum; any broker finds its leader.

    Raises:
        ClientError: no broker answers, or there is no leader in time.
    """
    topic = DescribeQuorumRequestTopic(
        topic_name=METADATA_TOPIC, partitions=[DescribeQuorumRequestPartition()]
    )
    request = DescribeQuorumRequest(topics=[topic])
    answer = client.retry(
        lambda: client.any_broker().ask(request, DescribeQuorumResponse),
        lambda answer: _code(answer) in PASSING,
    )
    check(answer.error_code, answer.error_message)
    partition = answer.topics[0].partitions[0]
    check(partition.error_code, partition.error_message)
    return QuorumInfo(
        partition.leader_id,
        partition.leader_epoch,
        partition.high_watermark,
        tuple(_replica(each) for each in partition.current_voters),
        tuple(_replica(each) for each in partition.observers),
        {
            node.node_id: tuple(
                Endpoint(each.name, Address(each.host, each.port)) for each in node.listeners
            )
            for node in answer.nodes
        },
    )


def readmit_voter(client: Client, node_id: int, directory_id: bytes = ZERO_ID) -> None:
    """Let a voter vote again with a metadata folder that is not the one it voted with before.

    Args:
        client: the cluster.
        node_id: a voter of ``controller.quorum.voters``; it runs, and has caught up.
        directory_id: of its folder; zeros for the one that it shows to the leader now.

    Raises:
        ClientError: no broker answers, or the leader refused.
    """
    from raftkafka.protocol.messages.voters import AddRaftVoterRequest, AddRaftVoterResponse

    request = AddRaftVoterRequest(
        timeout_ms=client.timeout_ms, voter_id=node_id, voter_directory_id=directory_id
    )
    answer = client.any_broker().ask(request, AddRaftVoterResponse)
    check(answer.error_code, answer.error_message)


def _code(answer: DescribeQuorumResponse) -> int:
    if answer.error_code or not answer.topics:
        return answer.error_code
    return answer.topics[0].partitions[0].error_code


def _replica(replica: DescribeQuorumReplica) -> QuorumReplica:
    return QuorumReplica(
        replica.replica_id,
        replica.replica_directory_id,
        replica.log_end_offset,
        replica.last_fetch_timestamp if replica.last_fetch_timestamp >= 0 else None,
        replica.last_caught_up_timestamp if replica.last_caught_up_timestamp >= 0 else None,
    )

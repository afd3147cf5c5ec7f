"""The lines of kafka-metadata-quorum, from what the leader told."""

from __future__ import annotations

import pytest

from raftkafka.cli.shims.metadata_quorum import nodes_text, print_replication
from raftkafka.client.address import Address
from raftkafka.client.errors import ClientError
from raftkafka.client.quorum import Endpoint, QuorumInfo, QuorumReplica
from raftkafka.types import ZERO_ID

DIRECTORY = bytes(range(16))
LEADER = QuorumReplica(1, DIRECTORY, 120, None, 1_700_000_000_900)
FOLLOWER = QuorumReplica(2, ZERO_ID, 100, 1_700_000_000_800, 1_700_000_000_400)
OBSERVER = QuorumReplica(11, ZERO_ID, 120, 1_700_000_000_850, None)
QUORUM = QuorumInfo(
    1,
    7,
    110,
    (FOLLOWER, LEADER),
    (OBSERVER,),
    {1: (Endpoint("CONTROLLER", Address("::1", 9093)), Endpoint("B", Address("h", 1)))},
)


def test_a_node_is_told_with_what_is_known_of_it() -> None:
    assert nodes_text(QUORUM, QUORUM.voters) == (
        '[{"id": 2}, {"id": 1, "directoryId": "AAECAwQFBgcICQoLDA0ODw", '
        '"endpoints": ["CONTROLLER://[::1]:9093", "B://h:1"]}]'
    )
    assert nodes_text(QUORUM, ()) == "[]"


def test_the_last_voter_makes_the_lag() -> None:
    assert QUORUM.max_follower_lag == 20
    assert QUORUM.max_follower_lag_ms == 500


def test_the_lag_in_time_is_not_known_of_a_voter_that_never_caught_up() -> None:
    never = QuorumReplica(2, ZERO_ID, 0, None, None)
    assert QuorumInfo(1, 7, 1, (LEADER, never), (), {}).max_follower_lag_ms == -1
    assert QuorumInfo(1, 7, 1, (LEADER,), (), {}).max_follower_lag_ms == 0


def test_rows_are_padded_and_end_in_a_tab(capsys: pytest.CaptureFixture[str]) -> None:
    print_replication(QUORUM, None)
    assert capsys.readouterr().out == (
        "NodeId\tDirectoryId           \tLogEndOffset\tLag\tLastFetchTimestamp\t"
        "LastCaughtUpTimestamp\tStatus  \t\n"
        "1     \tAAECAwQFBgcICQoLDA0ODw\t120         \t0  \t-1                \t"
        "1700000000900        \tLeader  \t\n"
        "2     \tAAAAAAAAAAAAAAAAAAAAAA\t100         \t20 \t1700000000800     \t"
        "1700000000400        \tFollower\t\n"
        "11    \tAAAAAAAAAAAAAAAAAAAAAA\t120         \t0  \t1700000000850     \t"
        "-1                   \tObserver\t\n"
    )


def test_times_can_be_ages(capsys: pytest.CaptureFixture[str]) -> None:
    print_replication(QUORUM, 1_700_000_001_000)
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [[cell.strip() for cell in row[4:6]] for row in rows[1:]] == [
        ["-1", "100 ms ago"],
        ["200 ms ago", "600 ms ago"],
        ["150 ms ago", "-1"],
    ]


def test_a_clock_that_is_behind_the_leaders_is_told() -> None:
    with pytest.raises(ClientError, match="possible drift in system clock"):
        print_replication(QUORUM, 1_699_999_000_000)


def test_without_a_leader_nobody_knows_how_far_all_are() -> None:
    with pytest.raises(ClientError, match="no leader right now"):
        print_replication(QuorumInfo(-1, 7, 1, (FOLLOWER,), (), {}), None)

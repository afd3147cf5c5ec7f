"""Plans of kafka-reassign-partitions and partitions of kafka-leader-election: read, checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raftkafka.cli.shims.leader_election import read_partitions
from raftkafka.cli.shims.log_dir_moves import all_arrived, moves_text
from raftkafka.cli.shims.reassignment_files import (
    Plan,
    check_plan,
    plan_text,
    read_plan,
    read_topics,
)
from raftkafka.cli.shims.replication_throttles import Move, moves_of, throttled_replicas
from raftkafka.client.errors import ClientError
from raftkafka.client.log_dirs import PartitionReplica, Place
from raftkafka.client.reassignments import Reassignment
from raftkafka.types import TopicPartition

A0, A1, B0 = TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)


def written(folder: Path, content: object) -> str:
    path = folder / "file.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def entry(key: TopicPartition, *replicas: int, **more: object) -> dict[str, object]:
    return {**key._asdict(), "replicas": replicas, **more}


def test_a_plan_is_written_as_it_is_read(tmp_path: Path) -> None:
    plan: Plan = {B0: (3, 1), A0: (1, 2)}
    text = plan_text(plan)
    assert text == (
        '{"version":1,"partitions":['
        '{"topic":"a","partition":0,"replicas":[1,2],"log_dirs":["any","any"]},'
        '{"topic":"b","partition":0,"replicas":[3,1],"log_dirs":["any","any"]}]}'
    )
    assert read_plan(written(tmp_path, text)) == (plan, {})


def test_a_plan_may_name_log_directories(tmp_path: Path) -> None:
    places = {PartitionReplica(2, A0): Place("/d2"), PartitionReplica(1, A0): Place()}
    text = plan_text({A0: (1, 2)}, places)
    assert '"log_dirs":["any","/d2"]' in text
    plan, log_dirs = read_plan(written(tmp_path, text))
    assert (plan, log_dirs) == ({A0: (1, 2)}, {PartitionReplica(2, A0): "/d2"})


@pytest.mark.parametrize(
    ("place", "line", "arrived"),
    [
        (
            Place(),
            "Partition a-0 is not found in any live log dir on broker 2. "
            "There is likely an offline log directory on the broker.",
            True,
        ),
        (Place("/d"), "Reassignment of replica a-0-2 completed successfully.", True),
        (Place("/x", "/d"), "Reassignment of replica a-0-2 is still in progress.", False),
        (
            Place("/x", "/y"),
            "Partition a-0 on broker 2 is being moved to log dir /y instead of /d.",
            False,
        ),
        (
            Place("/x"),
            "Partition a-0 on broker 2 is not being moved from log dir /x to /d.",
            True,
        ),
    ],
)
def test_how_far_a_replica_is(place: Place, line: str, arrived: bool) -> None:
    replica = PartitionReplica(2, A0)
    assert moves_text({replica: "/d"}, {replica: place}) == line
    assert all_arrived({replica: "/d"}, {replica: place}) is arrived


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "The input string is not a valid JSON"),
        ([], "The input string is not a valid JSON"),
        ({"version": 2}, "Not supported version field value 2"),
        ({"partitions": [{"topic": "a"}]}, "each entry takes topic, partition and replicas"),
        ({"partitions": 7}, "each entry takes topic, partition and replicas"),
        ({"partitions": ["a"]}, "each entry takes topic, partition and replicas"),
        ({"partitions": [entry(A0, 1), entry(A0, 2)]}, "duplicate topic partitions: a-0"),
        (
            {"partitions": [entry(A0, 1, log_dirs=["any", "any"])]},
            r"Size of replicas list \[1\] is different from size of log dirs list \[any, any\]",
        ),
    ],
)
def test_what_is_no_plan(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match=message):
        read_plan(written(tmp_path, content))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({}, "Partition reassignment list cannot be empty"),
        ({A0: ()}, "Partition replica list cannot be empty"),
        (
            {A0: (1, 1, 2), A1: (3,), B0: (2, 2)},
            r"duplicate entries: a-0 contains multiple entries for 1\. "
            "b-0 contains multiple entries for 2",
        ),
    ],
)
def test_what_cannot_be_executed(plan: dict[TopicPartition, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        check_plan(plan)


def test_topics_to_move(tmp_path: Path) -> None:
    topics = {"version": 1, "topics": [{"topic": "b"}, {"topic": "a"}]}
    assert read_topics(written(tmp_path, topics)) == ["b", "a"]
    topics["topics"] = [{"topic": "b"}, {"topic": "b"}]
    with pytest.raises(ClientError, match=r"contains duplicate entries: \[b\]"):
        read_topics(written(tmp_path, topics))


def test_partitions_to_elect_leaders_for(tmp_path: Path) -> None:
    partitions = [A0._asdict(), B0._asdict()]
    assert read_partitions(written(tmp_path, {"partitions": partitions})) == {A0, B0}
    with pytest.raises(ClientError, match=r"duplicate partitions: \[a-0\]"):
        read_partitions(written(tmp_path, {"partitions": [*partitions, A0._asdict()]}))
    with pytest.raises(ClientError, match='missing "partitions" field'):
        read_partitions(written(tmp_path, {"version": 1}))
    with pytest.raises(ClientError, match="Unable to read file"):
        read_partitions(str(tmp_path / "nosuch.json"))


def test_who_sends_and_who_fetches() -> None:
    ongoing = {
        A1: Reassignment((2, 3, 1), adding=(3,), removing=(1,)),
        B0: Reassignment((1, 2), adding=(2,), removing=()),
    }
    plan: Plan = {A0: (2, 3), A1: (2, 4)}
    moves = moves_of(plan, {A0: (1, 2), A1: (2, 3, 1)}, ongoing)
    assert moves == {
        A0: Move(frozenset({1, 2}), frozenset({3})),
        A1: Move(frozenset({1, 2}), frozenset({4})),  # from where it was, not from what it adds
        B0: Move(frozenset({1}), frozenset({2})),
    }
    assert throttled_replicas(moves) == {
        "a": {
            "leader.replication.throttled.replicas": "0:1,0:2,1:1,1:2",
            "follower.replication.throttled.replicas": "0:3,1:4",
        },
        "b": {
            "leader.replication.throttled.replicas": "0:1",
            "follower.replication.throttled.replicas": "0:2",
        },
    }

"""DescribeTopicPartitions: pages, cursors, eligible leader replicas."""

from __future__ import annotations

from metadata.records import PartitionChangeRecord, PartitionRecord, TopicRecord
from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import encode_bytes
from raftkafka.protocol.messages.metadata import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsRequestCursor,
    DescribeTopicPartitionsRequestTopic,
    DescribeTopicPartitionsResponse,
)
from raftkafka.server.handlers.topic_partitions import handle_describe_topic_partitions
from tests.support.admin import Admin, serving

IDS = {"a": b"a" * 16, "b": b"b" * 16, "c": b"c" * 16}

Page = tuple[list[tuple[str | None, list[int]]], tuple[str, int] | None]
"""Topics with the numbers of their partitions, and where to go on."""


def with_topics(admin: Admin) -> None:
    """Make three topics of three partitions."""
    for name, topic_id in IDS.items():
        partitions = [PartitionRecord(topic_id, i, (1,), (1,), 1) for i in range(3)]
        admin.commit(TopicRecord(name, topic_id), *partitions)


def asked(
    admin: Admin,
    *names: str,
    limit: int = 2000,
    cursor: tuple[str, int] | None = None,
) -> DescribeTopicPartitionsResponse:
    request = DescribeTopicPartitionsRequest(
        topics=[DescribeTopicPartitionsRequestTopic(name=name) for name in names],
        response_partition_limit=limit,
        cursor=None
        if cursor is None
        else DescribeTopicPartitionsRequestCursor(topic_name=cursor[0], partition_index=cursor[1]),
    )
    response = handle_describe_topic_partitions(admin.context(0), request)
    encode_bytes(response, 0)
    return response


def page(response: DescribeTopicPartitionsResponse) -> Page:
    after = response.next_cursor
    return (
        [(it.name, [p.partition_index for p in it.partitions]) for it in response.topics],
        None if after is None else (after.topic_name, after.partition_index),
    )


async def test_all_topics_in_order() -> None:
    async with serving() as admin:
        with_topics(admin)
        numbers = [0, 1, 2]
        everything = [("a", numbers), ("b", numbers), ("c", numbers)]
        assert page(asked(admin)) == (everything, None)
        assert page(asked(admin, "c", "a")) == ([("a", numbers), ("c", numbers)], None)


async def test_pages_follow_the_cursor_until_all_is_told() -> None:
    async with serving() as admin:
        with_topics(admin)
        told: list[tuple[str | None, int]] = []
        cursor: tuple[str, int] | None = None
        pages = 0
        while True:
            topics, cursor = page(asked(admin, limit=2, cursor=cursor))
            told += [(name, number) for name, numbers in topics for number in numbers]
            pages += 1
            if cursor is None:
                break
        assert told == [(name, number) for name in "abc" for number in range(3)]
        assert pages == 5


async def test_limits() -> None:
    async with serving({"max.request.partition.size.limit": "4"}) as admin:
        with_topics(admin)
        assert page(asked(admin)) == ([("a", [0, 1, 2]), ("b", [0])], ("b", 1))
        assert page(asked(admin, limit=3)) == ([("a", [0, 1, 2])], ("b", 0))
        assert page(asked(admin, limit=0)) == ([("a", [0])], ("a", 1)), "at least one"


async def test_cursor_at_a_topic_that_is_gone() -> None:
    async with serving() as admin:
        with_topics(admin)
        assert page(asked(admin, cursor=("aa", 2))) == (
            [("b", [0, 1, 2]), ("c", [0, 1, 2])],
            None,
        )
        unknown, known = asked(admin, "aa", "b", cursor=("aa", 2)).topics
        assert (unknown.error_code, unknown.name) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "aa")
        assert [it.partition_index for it in known.partitions] == [0, 1, 2]


async def test_cursor_that_cannot_be() -> None:
    async with serving() as admin:
        with_topics(admin)
        for cursor in (("b", 0), ("a", -1)):
            response = asked(admin, "a", cursor=cursor)
            assert [it.error_code for it in response.topics] == [ErrorCode.INVALID_REQUEST]


async def test_names_that_are_not_there() -> None:
    async with serving() as admin:
        bad, unknown = asked(admin, "b c", "u").topics
        assert bad.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
        assert unknown.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_replicas_that_may_still_lead() -> None:
    async with serving() as admin:
        with_topics(admin)
        admin.commit(
            PartitionChangeRecord(IDS["a"], 0, isr=(), leader=-1, elr=(1,), last_known_elr=(1,))
        )
        (topic,) = asked(admin, "a").topics
        first, second, _ = topic.partitions
        assert (first.leader_id, first.leader_epoch) == (-1, 1)
        assert (first.eligible_leader_replicas, first.last_known_elr) == ([1], [1])
        assert (second.eligible_leader_replicas, second.last_known_elr) == ([], [])
        assert topic.topic_authorized_operations == 3576

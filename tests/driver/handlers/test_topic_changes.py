"""CreateTopics, DeleteTopics and CreatePartitions end to end, and when nobody can decide."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from raftkafka.errors import ErrorCode
from raftkafka.protocol.codec import decode, encode_bytes
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DeleteTopicState,
)
from raftkafka.server.answers import Encoded
from raftkafka.server.handlers.topics import (
    SLICE_TOPICS,
    handle_create_partitions,
    handle_create_topics,
    handle_delete_topics,
)
from tests.support.admin import serving

CREATE = CreateTopicsRequest(
    topics=[CreatableTopic(name="t", num_partitions=1, replication_factor=1)], timeout_ms=0
)


@pytest.mark.parametrize("version", range(2, 8))
async def test_create(version: int) -> None:
    async with serving() as admin:
        response = await handle_create_topics(admin.context(version), CREATE)
        assert isinstance(response, CreateTopicsResponse)
        assert [(it.name, it.error_code) for it in response.topics] == [("t", 0)]
        assert set(admin.broker.image.topics) == {"t"}
        encode_bytes(response, version)


@pytest.mark.parametrize("version", range(2, 8))
async def test_many_topics_are_answered_in_slices(version: int) -> None:
    async with serving() as admin:
        names = [f"t{number}" for number in range(4 * SLICE_TOPICS + 1)]
        request = CreateTopicsRequest(
            topics=[
                CreatableTopic(name=name, num_partitions=1, replication_factor=1)
                for name in (*names, "t7")
            ]
        )
        answer = await handle_create_topics(admin.context(version), request)
        assert isinstance(answer, Encoded), "not all in one go"
        response, end = decode(CreateTopicsResponse, version, answer.body)
        assert end == len(answer.body)
        assert encode_bytes(response, version) == answer.body, "as the codec does it"
        names.remove("t7")
        assert [it.name for it in response.topics] == [*names, "t7"]
        assert [it.error_code for it in response.topics][-1] == ErrorCode.INVALID_REQUEST
        assert set(admin.broker.image.topics) == set(names)


@pytest.mark.parametrize("version", range(1, 7))
async def test_delete(version: int) -> None:
    async with serving() as admin:
        await handle_create_topics(admin.context(7), CREATE)
        request = DeleteTopicsRequest(topic_names=["t"])
        if version >= 6:
            request = DeleteTopicsRequest(topics=[DeleteTopicState(name="t")])
        response = await handle_delete_topics(admin.context(version), request)
        assert [(it.name, it.error_code) for it in response.responses] == [("t", 0)]
        assert not admin.broker.image.topics
        encode_bytes(response, version)


@pytest.mark.parametrize(
    ("version", "code"),
    [(2, ErrorCode.INVALID_REQUEST), (3, ErrorCode.TOPIC_DELETION_DISABLED)],
)
async def test_delete_where_it_is_disabled(version: int, code: ErrorCode) -> None:
    async with serving({"delete.topic.enable": "false"}) as admin:
        await handle_create_topics(admin.context(7), CREATE)
        request = DeleteTopicsRequest(topic_names=["t"])
        (result,) = (await handle_delete_topics(admin.context(version), request)).responses
        assert (result.name, result.error_code, result.error_message) == (
            "t",
            code,
            "Topic deletion is disabled.",
        )
        assert set(admin.broker.image.topics) == {"t"}


@pytest.mark.parametrize("version", range(4))
async def test_create_partitions(version: int) -> None:
    async with serving() as admin:
        await handle_create_topics(admin.context(7), CREATE)
        topic = CreatePartitionsTopic(name="t", count=3, assignments=None)
        response = await handle_create_partitions(
            admin.context(version), CreatePartitionsRequest(topics=[topic])
        )
        assert [(it.name, it.error_code) for it in response.results] == [("t", 0)]
        assert len(admin.broker.image.topics["t"].partitions) == 3
        encode_bytes(response, version)


async def test_every_topic_is_told_that_nobody_decided(autojump_clock: MockClock) -> None:
    async with serving() as admin:
        admin.quorum.lose()
        created = await handle_create_topics(admin.context(7), CREATE)
        assert isinstance(created, CreateTopicsResponse)
        deleted = await handle_delete_topics(
            admin.context(6),
            DeleteTopicsRequest(
                topics=[DeleteTopicState(name="t"), DeleteTopicState(topic_id=b"i" * 16)]
            ),
        )
        grown = await handle_create_partitions(
            admin.context(3),
            CreatePartitionsRequest(topics=[CreatePartitionsTopic(name="t", count=3)]),
        )
        codes = {it.error_code for it in created.topics}
        codes |= {it.error_code for it in deleted.responses}
        codes |= {it.error_code for it in grown.results}
        assert codes == {ErrorCode.REQUEST_TIMED_OUT}
        assert [it.name for it in created.topics] == ["t"]
        assert [(it.name, it.topic_id) for it in deleted.responses] == [
            ("t", bytes(16)),
            (None, b"i" * 16),
        ]

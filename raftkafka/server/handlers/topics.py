"""CreateTopics, DeleteTopics, CreatePartitions: decided by the controller.

Source: ``ControllerApis`` for what is answered when the controller cannot decide.
"""

from __future__ import annotations

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.topics import (
    CreatableTopicResult,
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
)
from raftkafka.server.answers import Encoded
from raftkafka.server.context import RequestContext
from raftkafka.server.splicing import in_slices

DEADLINE_MIN_S = 1.0
"""What is too short for any commit counts as this: some clients send 0."""

CREATE_TOPICS_FLEXIBLE_SINCE = 5
SLICE_TOPICS = 25
"""Created topics that are encoded at once, each with its thirty configurations."""

DELETION_DISABLED_SINCE_VERSION = 3
DELETION_DISABLED_TEXT = "Topic deletion is disabled."


async def handle_create_topics(
    context: RequestContext, request: CreateTopicsRequest
) -> CreateTopicsResponse | Encoded:
    """Create topics; answered once they are committed."""
    try:
        response = await context.broker.controller.submit(
            request, deadline_s=deadline_s(request.timeout_ms)
        )
    except KafkaError as error:
        return CreateTopicsResponse(
            topics=[
                CreatableTopicResult(
                    name=topic.name, error_code=error.code, error_message=error.message
                )
                for topic in request.topics
            ]
        )
    assert isinstance(response, CreateTopicsResponse)
    if len(response.topics) <= SLICE_TOPICS:
        return response
    slices = (
        response.topics[start : start + SLICE_TOPICS]
        for start in range(0, len(response.topics), SLICE_TOPICS)
    )
    return await in_slices(
        CreateTopicsResponse(),
        context.api_version,
        ((len(topics), CreateTopicsResponse(topics=topics)) for topics in slices),
        flexible=context.api_version >= CREATE_TOPICS_FLEXIBLE_SINCE,
    )


async def handle_delete_topics(
    context: RequestContext, request: DeleteTopicsRequest
) -> DeleteTopicsResponse:
    """Delete topics; answered once their deletion is committed."""
    try:
        _check_deletion_allowed(context)
        response = await context.broker.controller.submit(
            request, deadline_s=deadline_s(request.timeout_ms)
        )
    except KafkaError as error:
        return _nothing_deleted(request, error)
    assert isinstance(response, DeleteTopicsResponse)
    return response


def _check_deletion_allowed(context: RequestContext) -> None:
    if context.broker.config.delete_topic_enable:
        return
    code = ErrorCode.TOPIC_DELETION_DISABLED
    if context.api_version < DELETION_DISABLED_SINCE_VERSION:
        code = ErrorCode.INVALID_REQUEST
    raise KafkaError(code, DELETION_DISABLED_TEXT)


def _nothing_deleted(request: DeleteTopicsRequest, error: KafkaError) -> DeleteTopicsResponse:
    wanted = [(topic.name, topic.topic_id) for topic in request.topics]
    return DeleteTopicsResponse(
        responses=[
            *(
                DeletableTopicResult(name=name, error_code=error.code, error_message=error.message)
                for name in request.topic_names
            ),
            *(
                DeletableTopicResult(
                    name=name,
                    topic_id=topic_id,
                    error_code=error.code,
                    error_message=error.message,
                )
                for name, topic_id in wanted
            ),
        ]
    )


async def handle_create_partitions(
    context: RequestContext, request: CreatePartitionsRequest
) -> CreatePartitionsResponse:
    """Give topics more partitions; answered once they are committed."""
    try:
        response = await context.broker.controller.submit(
            request, deadline_s=deadline_s(request.timeout_ms)
        )
    except KafkaError as error:
        return CreatePartitionsResponse(
            results=[
                CreatePartitionsTopicResult(
                    name=topic.name, error_code=error.code, error_message=error.message
                )
                for topic in request.topics
            ]
        )
    assert isinstance(response, CreatePartitionsResponse)
    return response


def deadline_s(timeout_ms: int) -> float:
    """Return how long an admin request with this timeout may take."""
    return max(DEADLINE_MIN_S, timeout_ms / 1000)
